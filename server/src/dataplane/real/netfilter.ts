/** The chains of a real machine; nftables without output, and a family without output, are derived. */
import type { IptablesTable, Netfilter, NfChain, NfRule, NftLine } from "../model.ts";
import type { NftTable } from "../nft/ast.ts";
import { queuePrograms } from "../rules.ts";
import { ruleText } from "../text.ts";
import type { DeviceNames } from "./names.ts";
import { nftChains } from "./nftables.ts";
import type { RealChain, RealMachine, RealNfRule, RealNftRuleset } from "./state.ts";

export function realNetfilter(machine: RealMachine, original: Netfilter, names: DeviceNames): Netfilter {
  const derived = names.differ ? renamed(original, names) : original;
  const { nft } = machine;
  return nft ? withNft(ofIptables(machine, derived), derived, nft) : ofIptables(machine, derived);
}

/** The nftables tables in place of the derived ones. A derived rule can be in a table of iptables-nft that nft prints completely. */
function withNft(own: Netfilter, derived: Netfilter, nft: RealNftRuleset): Netfilter {
  const programs = queuePrograms({ netfilter: derived });
  const chains = nftChains(nft, programs);
  const lines = (family: 4 | 6): readonly NftLine[] =>
    nft.tables
      .filter((table) => (family === 4 ? table.family !== "ip6" : table.family === "ip6"))
      .flatMap((table) => linesOf(table, nft));
  const isCompat = (of: 4 | 6): boolean => nft.compat.some(({ family }) => family === (of === 4 ? "ip" : "ip6"));
  return {
    chain: (family, table, name) => {
      if (!isIptables(table)) return chains.chain(family, table, name);
      return isCompat(family) ? undefined : own.chain(family, table, name);
    },
    chains: (family) => (isCompat(family) ? [] : own.chains(family)),
    bases: (family) => chains.bases(family),
    nft: lines,
  };
}

/** To the closing brace. */
function linesOf({ line }: NftTable, { texts, origins }: RealNftRuleset): readonly NftLine[] {
  const end = texts.indexOf("}", line);
  return texts
    .slice(line, end < 0 ? undefined : end + 1)
    .map((text, index) => ({ text, origin: origins[line + index] }));
}

function ofIptables(machine: RealMachine, derived: Netfilter): Netfilter {
  const shown = { 4: machine.outputs.has("iptables4"), 6: machine.outputs.has("iptables6") };
  if (!shown[4] && !shown[6]) return derived;
  // A table can occur twice: both backends of iptables have rules, and both are evaluated.
  const parts = new Map<string, RealChain[]>();
  for (const one of machine.chains) {
    const list = parts.get(keyOf(one));
    if (list) list.push(one);
    else parts.set(keyOf(one), [one]);
  }
  const made = new Map<string, NfChain>();
  const chainOf = (key: string): NfChain | undefined => {
    const known = made.get(key);
    const all = parts.get(key);
    if (known || !all) return known;
    const chain = builtChain(all, derived);
    made.set(key, chain);
    return chain;
  };
  return {
    chain: (family, table, name) =>
      shown[family] && isIptables(table) ? chainOf(keyOf({ family, table, name })) : derived.chain(family, table, name),
    chains: function* (family) {
      if (!shown[family]) return yield* derived.chains(family);
      for (const [key, [first]] of parts) {
        const chain = first?.family === family ? chainOf(key) : undefined;
        if (first && chain) yield { table: first.table, chain };
      }
    },
    bases: derived.bases,
    nft: derived.nft,
  };
}

/** Derived rules with the names of the real devices. */
function renamed(netfilter: Netfilter, { real }: DeviceNames): Netfilter {
  const known = new Map<NfChain, NfChain>();
  const ofRule = (rule: NfRule): NfRule =>
    rule.matches.some(({ kind }) => kind === "in" || kind === "out")
      ? {
          ...rule,
          matches: rule.matches.map((match) =>
            match.kind === "in" || match.kind === "out" ? { ...match, is: real(match.is) ?? match.is } : match,
          ),
        }
      : rule;
  const ofChain = (chain: NfChain): NfChain => {
    const before = known.get(chain);
    if (before) return before;
    const { candidates, ...rest } = chain;
    const made: NfChain = {
      ...rest,
      rules: chain.rules.map(ofRule),
      ...(candidates ? { candidates: (dst, dport) => candidates.call(chain, dst, dport).map(ofRule) } : {}),
    };
    known.set(chain, made);
    return made;
  };
  return {
    ...netfilter,
    chain: (family, table, name) => {
      const found = netfilter.chain(family, table, name);
      return found && ofChain(found);
    },
    chains: function* (family) {
      for (const { table, chain } of netfilter.chains(family)) yield { table, chain: ofChain(chain) };
    },
  };
}

function isIptables(table: string): table is IptablesTable {
  return table === "raw" || table === "mangle" || table === "nat" || table === "filter";
}

function keyOf({ family, table, name }: Pick<RealChain, "family" | "table" | "name">): string {
  return `${family} ${table} ${name}`;
}

function builtChain(parts: readonly RealChain[], derived: Netfilter): NfChain {
  const [{ family, table, name } = NO_CHAIN] = parts;
  const rules = derived.chain(family, table, name)?.rules ?? [];
  const expected = new Map(rules.map((rule) => [withoutComment(ruleText(rule, family)), rule]));
  const policy = parts.map((one) => one.policy).find((one) => one !== undefined);
  return {
    name,
    rules: parts.flatMap((one) => one.rules.map((rule) => ruleOf(rule, expected))),
    ...(policy === undefined ? {} : { policy }),
  };
}

const NO_CHAIN: Pick<RealChain, "family" | "table" | "name"> = { family: 4, table: "filter", name: "" };

/**
 * A rule with the text of a derived one also has its explanation, and parts that a text does not contain: the program of an
 * NFQUEUE target. A rule with parts that are not modeled never matches, and is printed as it is.
 */
function ruleOf({ rule, text, origin }: RealNfRule, expected: ReadonlyMap<string, NfRule>): NfRule {
  const same = expected.get(withoutComment(text));
  if (same) return { ...same, origin };
  return rule ?? { matches: [{ kind: "unread", text }], target: { kind: "NONE" }, origin };
}

/** The text of a rule without what explains it. */
export function withoutComment(text: string): string {
  return text.replace(/ ?-m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+)/g, "").trim();
}
