/** An access list as iptables rules: one rule per statement, pair of prefixes, and port range. */
import type { Prefix } from "../addressing/ip.ts";
import type { RuleSpec } from "../dataplane/rule.ts";
import type { AclRule } from "../topology/model.ts";
import { familyOf } from "./host.ts";
import type { ChainRules } from "./mode.ts";

const CHAIN = { in: "INPUT", out: "OUTPUT", forward: "FORWARD" } as const;

/** If a direction has a deny rule, replies are accepted first, so allowed connections receive their replies. */
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

/** ESTABLISHED only: RELATED would also accept ICMP errors, which an access list that denies ICMP must drop. */
function repliesPass({ source }: AclRule): RuleSpec {
  return { match: { ctstate: ["ESTABLISHED"] }, target: { kind: "ACCEPT" }, origin: source };
}

function rulesOf(rule: AclRule, family: 4 | 6): readonly RuleSpec[] {
  const rules: RuleSpec[] = [];
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

/** `[undefined]` for "any"; empty if prefixes are set and all are of the other family. */
function ofFamily(prefixes: readonly Prefix[], family: 4 | 6): readonly (Prefix | undefined)[] {
  if (prefixes.length === 0) return [undefined];
  return prefixes
    .filter((prefix) => familyOf(prefix.ip) === family)
    .map((prefix) => (prefix.len === 0 ? undefined : prefix));
}
