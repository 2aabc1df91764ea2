/** An access list as iptables rules: one rule per statement, pair of prefixes, protocol, and port range. */
import type { Prefix } from "../addressing/ip.ts";
import type { Conditions, RuleSpec } from "../dataplane/rule.ts";
import type { AclRule } from "../topology/model.ts";
import { familyOf } from "./host.ts";
import type { ChainRules } from "./mode.ts";

/** iptables matches ports only together with one of these protocols; without one, the rule would match every packet. */
const WITH_PORTS = ["tcp", "udp", "sctp"] as const;
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

export function rulesOf(rule: AclRule, family: 4 | 6): readonly RuleSpec[] {
  const rules: RuleSpec[] = [];
  const transports = transportsOf(rule);
  for (const from of ofFamily(rule.from, family)) {
    for (const to of ofFamily(rule.to, family)) {
      for (const transport of transports) {
        rules.push({
          match: {
            ...(from === undefined ? {} : { src: { is: from } }),
            ...(to === undefined ? {} : { dst: { is: to } }),
            ...transport,
          },
          target: { kind: rule.action === "allow" ? "ACCEPT" : "DROP" },
          origin: rule.source,
        });
      }
    }
  }
  return rules;
}

/** The protocols and port ranges that the rule matches. */
function transportsOf({ proto, ports }: AclRule): readonly Pick<Conditions, "proto" | "dport">[] {
  if (ports.length === 0) return [proto === undefined ? {} : { proto }];
  const protocols = WITH_PORTS.filter((one) => proto === undefined || proto === one);
  return protocols.flatMap((one) => ports.map(({ first, last }) => ({ proto: one, dport: { first, last } })));
}

/** `[undefined]` for "any"; empty if prefixes are set and all are of the other family. */
function ofFamily(prefixes: readonly Prefix[], family: 4 | 6): readonly (Prefix | undefined)[] {
  if (prefixes.length === 0) return [undefined];
  return prefixes
    .filter((prefix) => familyOf(prefix.ip) === family)
    .map((prefix) => (prefix.len === 0 ? undefined : prefix));
}
