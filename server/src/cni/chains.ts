/** netfilter contributions, merged into chains on request. */
import type { IptablesTable, Netfilter, NfBase, NfChain } from "../dataplane/model.ts";
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
  const chains = (family: 4 | 6): Chains => {
    if (!made) {
      const all = contributions();
      made = { 4: collect(all, 4), 6: collect(all, 6) };
    }
    return made[family];
  };
  return {
    chain: (family, table, name) => {
      const own = chains(family).get(table)?.get(name);
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
      bases ??= { 4: basesOf(others(), 4), 6: basesOf(others(), 6) };
      return bases[family];
    },
    nft: (family) => others().flatMap((source) => source.nft?.(family) ?? []),
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
