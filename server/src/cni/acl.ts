/** An access list as iptables rules: each statement becomes a rule for every pair of prefixes and every range of ports. */
import type { Prefix } from "../addressing/ip.ts";
import type { NfRule } from "../dataplane/model.ts";
import type { AclRule } from "../topology/model.ts";
import { familyOf } from "./host.ts";
import type { ChainRules } from "./mode.ts";

const CHAIN = { in: "INPUT", out: "OUTPUT", forward: "FORWARD" } as const;

/** Where something is denied, replies come first: a connection that was let through has its answers. */
export function aclChains(acl: readonly AclRule[]): readonly ChainRules[] {
  const chains: ChainRules[] = [];
  const stateful = new Set(acl.flatMap(({ action, direction }) => (action === "deny" ? [direction] : [])));
  const begun = new Set<string>();
  for (const rule of acl) {
    const chain = CHAIN[rule.direction];
    for (const family of [4, 6] as const) {
      const rules = rulesOf(rule, family);
      if (rules.length === 0) continue;
      const isFirst = stateful.has(rule.direction) && !begun.has(`${family} ${chain}`);
      begun.add(`${family} ${chain}`);
      chains.push({ family, table: "filter", chain, rules: isFirst ? [repliesPass(rule), ...rules] : rules });
    }
  }
  return chains;
}

/** ESTABLISHED alone: ICMP errors (RELATED) are what an access list that denies ICMP is about. */
function repliesPass({ source }: AclRule): NfRule {
  return { match: { ctstate: ["ESTABLISHED"] }, target: { kind: "ACCEPT" }, origin: source };
}

function rulesOf(rule: AclRule, family: 4 | 6): readonly NfRule[] {
  const rules: NfRule[] = [];
  for (const from of ofFamily(rule.from, family)) {
    for (const to of ofFamily(rule.to, family)) {
      for (const ports of rule.ports.length === 0 ? [undefined] : rule.ports) {
        rules.push({
          match: {
            ...(from === undefined ? {} : { src: { is: from } }),
            ...(to === undefined ? {} : { dst: { is: to } }),
            ...(rule.proto === undefined ? {} : { proto: rule.proto }),
            ...(ports === undefined ? {} : { dport: { first: ports.first, last: ports.last } }),
          },
          target: { kind: rule.action === "allow" ? "ACCEPT" : "DROP" },
          origin: rule.source,
        });
      }
    }
  }
  return rules;
}

/** `[undefined]` for "any"; nothing where prefixes are given and all are of the other family. */
function ofFamily(prefixes: readonly Prefix[], family: 4 | 6): readonly (Prefix | undefined)[] {
  if (prefixes.length === 0) return [undefined];
  return prefixes
    .filter((prefix) => familyOf(prefix.ip) === family)
    .map((prefix) => (prefix.len === 0 ? undefined : prefix));
}
