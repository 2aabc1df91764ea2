/** An access list as iptables rules: one rule per statement, pair of prefixes, protocol, and port range. */
import type { Prefix } from "../addressing/ip.ts";
import type { NfRule, NfTarget } from "../dataplane/model.ts";
import { type Conditions, nfRule, type RuleSpec } from "../dataplane/rule.ts";
import type { AclMatch, AclRule, InterfaceName, Station } from "../topology/model.ts";
import { familyOf } from "./host.ts";
import type { ChainRules } from "./mode.ts";

/** iptables matches ports only together with one of these protocols; without one, the rule would match every packet. */
const WITH_PORTS = ["tcp", "udp", "sctp"] as const;
const CHAIN = { in: "INPUT", out: "OUTPUT", forward: "FORWARD" } as const;

type Owner = Pick<Station, "acl" | "firewall" | "interfaces">;

/**
 * If a direction has a rule that drops packets, or a policy that does, replies are accepted first, so allowed connections
 * receive their replies.
 */
export function aclChains(station: Owner): readonly ChainRules[] {
  const chains: ChainRules[] = [...statefulChains(station)];
  const keeping = new Set(repliesNeeded(station));
  const begun = new Set<string>();
  for (const rule of station.acl) {
    const chain = CHAIN[rule.direction];
    for (const family of [4, 6] as const) {
      const rules = rulesOf(rule, family, station);
      if (rules.length === 0) continue;
      const isFirst = keeping.has(rule.direction) && !begun.has(`${family} ${chain}`);
      begun.add(`${family} ${chain}`);
      chains.push({ family, table: "filter", chain, rules: isFirst ? [repliesPass(rule), ...rules] : rules });
    }
  }
  return [...chains, ...clampChains(station)];
}

/** The policies of the chains, set after every other program has set its own. */
export function policyChains({ firewall }: Owner): readonly ChainRules[] {
  if (!firewall) return [];
  const set = [
    ["FORWARD", firewall.forwardPolicy],
    ["INPUT", firewall.inputPolicy],
  ] as const;
  return set.flatMap(([chain, one]) =>
    one === undefined
      ? []
      : ([4, 6] as const).map((family): ChainRules => {
          const policy = one.policy === "drop" ? "DROP" : "ACCEPT";
          return { family, table: "filter", chain, rules: [], policy, policyOrigin: one.source };
        }),
  );
}

function repliesNeeded({ acl, firewall }: Owner): readonly AclRule["direction"][] {
  const drops = (direction: AclRule["direction"]): boolean =>
    acl.some((rule) => rule.direction === direction && rule.action !== "allow") ||
    (direction === "forward" && firewall?.forwardPolicy?.policy === "drop") ||
    (direction === "in" && firewall?.inputPolicy?.policy === "drop");
  return (["in", "out", "forward"] as const).filter(
    (direction) => drops(direction) && !(firewall?.stateful && direction !== "out"),
  );
}

/** Packets that conntrack cannot assign to a connection are dropped, like in the base chains of ufw and firewalld. */
function statefulChains({ firewall }: Owner): readonly ChainRules[] {
  const origin = firewall?.stateful;
  if (!origin) return [];
  const rules: readonly RuleSpec[] = [
    { match: { ctstate: ["RELATED", "ESTABLISHED"] }, target: { kind: "ACCEPT" }, origin },
    { match: { ctstate: ["INVALID"] }, target: { kind: "DROP" }, origin },
  ];
  return (["INPUT", "FORWARD"] as const).flatMap((chain) =>
    ([4, 6] as const).map((family): ChainRules => ({ family, table: "filter", chain, rules })),
  );
}

function clampChains({ firewall }: Owner): readonly ChainRules[] {
  if (!firewall?.clampMss) return [];
  const { mss, source } = firewall.clampMss;
  const rules: readonly RuleSpec[] = [
    { match: { proto: "tcp", syn: true }, target: { kind: "TCPMSS", mss }, origin: source },
  ];
  return ([4, 6] as const).map((family): ChainRules => ({ family, table: "mangle", chain: "FORWARD", rules }));
}

/** ESTABLISHED only: RELATED would also accept ICMP errors, which an access list that denies ICMP must drop. */
function repliesPass({ source }: AclRule): RuleSpec {
  return { match: { ctstate: ["ESTABLISHED"] }, target: { kind: "ACCEPT" }, origin: source };
}

function rulesOf(rule: AclRule, family: 4 | 6, station: Owner): readonly RuleSpec[] {
  const target = targetOf(rule);
  return devicesOf(station, rule.in).flatMap((ingress) =>
    devicesOf(station, rule.out).flatMap((egress) =>
      conditionsOf(rule, family).map((match): RuleSpec => {
        const devices = {
          ...(ingress === undefined ? {} : { in: { is: ingress } }),
          ...(egress === undefined ? {} : { out: { is: egress } }),
        };
        return { match: { ...match, ...devices }, target, origin: rule.source };
      }),
    ),
  );
}

function targetOf({ action, reply }: AclRule): NfTarget {
  switch (action) {
    case "allow":
      return { kind: "ACCEPT" };
    case "deny":
      return { kind: "DROP" };
    case "reject":
      return { kind: "REJECT", with: reply ?? "icmp-port-unreachable" };
  }
}

/** The devices that a name means: those on the segment, or the device itself. `[undefined]`: any. */
export function devicesOf({ interfaces }: Owner, named: InterfaceName | undefined): readonly (string | undefined)[] {
  if (named === undefined) return [undefined];
  const own = interfaces.filter(({ segment }) => segment === named.name).map(({ device }) => device);
  return own.length > 0 ? own : [named.name];
}

/** The filters of a segment. */
export function filterRules(filters: readonly AclMatch[], family: 4 | 6): readonly NfRule[] {
  return filters.flatMap((filter) =>
    conditionsOf(filter, family).map((match) => nfRule({ match, target: { kind: "DROP" }, origin: filter.source })),
  );
}

/** What a rule matches: one item for each combination of its prefixes and protocols. */
export function conditionsOf(rule: AclMatch, family: 4 | 6): readonly Conditions[] {
  const found: Conditions[] = [];
  const transports = transportsOf(rule, family);
  for (const from of ofFamily(rule.from, family)) {
    for (const to of ofFamily(rule.to, family)) {
      for (const transport of transports) {
        found.push({
          ...(from === undefined ? {} : { src: { is: from } }),
          ...(to === undefined ? {} : { dst: { is: to } }),
          ...transport,
        });
      }
    }
  }
  return found;
}

/** The protocols, port ranges, and ICMP types that the rule matches; types are numbers of one family. */
function transportsOf(
  { proto, types, ports }: AclMatch,
  family: 4 | 6,
): readonly Pick<Conditions, "proto" | "dport" | "icmp">[] {
  if (proto === "icmpv6" && family === 4) return [];
  if (types !== undefined) {
    if ((proto === "icmpv6") !== (family === 6)) return [];
    return types.map(({ type, code }) => ({ proto: "icmp", icmp: { type, code } }));
  }
  if (proto === "icmpv6") return [{ proto: "icmp" }];
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
