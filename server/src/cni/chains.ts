/** netfilter contributions, merged into chains on request. */
import type { IptablesTable, Netfilter, NfBase, NfChain, NfTable, NftLine } from "../dataplane/model.ts";
import { nfChain, type RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import type { ChainRules, ChainSource } from "./mode.ts";

/** As iptables creates and prints them (include/linux/netfilter, hook order in each table). */
const BUILT_IN: Readonly<Record<IptablesTable, readonly string[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
};
const TABLES: readonly IptablesTable[] = ["raw", "mangle", "nat", "filter"];

/** nftables tables of a mode: `table ip flannel-ipv4`. */
interface NftTable {
  readonly chains: ReadonlyMap<string, NfChain>;
  readonly bases: readonly NfBase[];
  readonly lines: readonly NftLine[];
}

type Chains = ReadonlyMap<string, ReadonlyMap<string, NfChain>>;

export function netfilterOf(
  contributions: () => readonly ChainRules[],
  sources: () => readonly ChainSource[] = () => [],
): Netfilter {
  let collected: readonly ChainSource[] | undefined;
  const others = (): readonly ChainSource[] => {
    collected ??= sources();
    return collected;
  };
  let bases: Readonly<Record<4 | 6, readonly NfBase[]>> | undefined;
  let made: Readonly<Record<4 | 6, Chains>> | undefined;
  let tables: Readonly<Record<4 | 6, ReadonlyMap<string, NftTable>>> | undefined;
  const nftTables = (family: 4 | 6): ReadonlyMap<string, NftTable> => {
    tables ??= { 4: nftTablesOf(contributions(), 4), 6: nftTablesOf(contributions(), 6) };
    return tables[family];
  };
  const chains = (family: 4 | 6): Chains => {
    if (!made) {
      const all = contributions();
      made = { 4: collect(all, 4), 6: collect(all, 6) };
    }
    return made[family];
  };
  return {
    chain: (family, table, name) => {
      const own = chains(family).get(table)?.get(name) ?? nftTables(family).get(table)?.chains.get(name);
      if (own) return own;
      for (const source of others()) {
        const chain = source.chain(family, table, name);
        if (chain) return chain;
      }
      return undefined;
    },
    chains: function* (family) {
      // Table by table, as iptables-save prints them.
      const more = others().flatMap((source) => [...source.chains(family)]);
      for (const table of TABLES) {
        for (const chain of chains(family).get(table)?.values() ?? []) yield { table, chain };
        for (const { table: own, chain } of more) if (own === table) yield { table, chain };
      }
    },
    bases: (family) => {
      const all = (of: 4 | 6) => [...[...nftTables(of).values()].flatMap((one) => one.bases), ...basesOf(others(), of)];
      bases ??= { 4: all(4), 6: all(6) };
      return bases[family];
    },
    nft: (family) => [
      ...[...nftTables(family).values()].flatMap(({ lines }) => lines),
      ...others().flatMap((source) => source.nft?.(family) ?? []),
    ],
  };
}

function nftTablesOf(all: readonly ChainRules[], family: 4 | 6): ReadonlyMap<string, NftTable> {
  const mine = all.filter((part) => part.family === family && part.table.startsWith("nft "));
  const names = new Set(mine.map(({ table }) => table));
  return new Map(
    [...names].map((name) => [
      name,
      nftTableOf(
        name,
        mine.filter(({ table }) => table === name),
      ),
    ]),
  );
}

function nftTableOf(table: NfTable, parts: readonly ChainRules[]): NftTable {
  const origin = parts.flatMap(({ rules }) => rules).find((rule) => rule.origin)?.origin;
  const family = parts[0]?.family === 6 ? "ip6" : "ip";
  const line = (text: string, from = origin): NftLine => ({ text, origin: from });
  const lines = parts.flatMap(({ chain, base, rules }) => [
    line(`\tchain ${chain} {`),
    ...(base
      ? [line(`\t\ttype ${base.type} hook ${base.hook.toLowerCase()} priority ${base.priority}; policy accept;`)]
      : []),
    ...rules.map((rule) => line(`\t\t${rule.text ?? ""}`, rule.origin)),
    line("\t}"),
    line(""),
  ]);
  return {
    chains: new Map(parts.map(({ chain, rules }) => [chain, nfChain({ name: chain, rules })])),
    bases: parts.flatMap(({ chain, base }) => (base ? { ...base, table, chain } : [])),
    lines: [line(`table ${family} ${table.slice("nft ".length)} {`), ...lines.slice(0, -1), line("}")],
  };
}

function basesOf(sources: readonly ChainSource[], family: 4 | 6): readonly NfBase[] {
  return sources.flatMap((source) => source.bases?.(family) ?? []);
}

function collect(all: readonly ChainRules[], family: 4 | 6): Chains {
  const tables = new Map<string, ReadonlyMap<string, NfChain>>();
  for (const table of TABLES) {
    const mine = all.filter((part) => part.family === family && part.table === table);
    if (mine.length === 0) continue;
    const rules = new Map<string, { rules: RuleSpec[]; policy?: "ACCEPT" | "DROP"; policyOrigin?: Origin }>();
    for (const name of BUILT_IN[table]) rules.set(name, { rules: [], policy: "ACCEPT" });
    for (const part of mine) {
      const chain = rules.get(part.chain) ?? { rules: [] };
      chain.rules.push(...part.rules);
      // The last program that sets a policy decides.
      if (part.policy) chain.policy = part.policy;
      if (part.policyOrigin) chain.policyOrigin = part.policyOrigin;
      rules.set(part.chain, chain);
    }
    const chains = new Map<string, NfChain>();
    for (const [name, chain] of rules) chains.set(name, nfChain({ name, ...chain }));
    tables.set(table, chains);
  }
  return tables;
}
