/** Access lists, policy routing, and the firewall of a machine, and the filters of a segment, as written. */
import { family, type Prefix } from "../addressing/ip.ts";
import { all, has, isBroken, one, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { type Origin, sourceOf } from "../declared/origin.ts";
import { booleanIn } from "../declared/settings.ts";
import { either } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type {
  AclMatch,
  AclRule,
  ChainPolicy,
  Firewall,
  InterfaceName,
  RejectReply,
  RoutingRule,
  Station,
} from "./model.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";

type Protocol = NonNullable<AclMatch["proto"]>;
const protocols: ReadonlySet<string> = new Set<Protocol>(["tcp", "udp", "sctp", "icmp", "icmpv6", "ipip", "esp"]);
const isProtocol = (text: string): text is Protocol => protocols.has(text);
const withPorts: readonly (Protocol | undefined)[] = ["tcp", "udp", "sctp", undefined];

const replies: ReadonlySet<string> = new Set<RejectReply>([
  "icmp-port-unreachable",
  "icmp-admin-prohibited",
  "icmp-host-prohibited",
  "icmp-host-unreachable",
  "icmp-net-unreachable",
  "tcp-reset",
]);
const isReply = (text: string): text is RejectReply => replies.has(text);

/** An `allow`, `deny`, or `reject`. A rule that cannot match any packet is a problem. */
export function readRule(
  file: string,
  decl: Decl,
  kind: Station["kind"],
  rules: AclRule[],
  problems: TopologyProblem[],
): void {
  // A rule with an unreadable part is ignored: without the part, it would match more packets than intended.
  if (isBroken(decl)) return;
  const match = readMatch(file, decl);
  const [ingress, egress] = [interfaceIn(file, decl, "in"), interfaceIn(file, decl, "out")];
  const keyword = decl.spec?.keyword;
  const reply = oneOf(decl, "reply", "word")?.text ?? "icmp-port-unreachable";
  const rule: AclRule = {
    ...match,
    action: keyword === "allow" || keyword === "reject" ? keyword : "deny",
    direction: directionOf(decl, kind, ingress, egress),
    ...(keyword === "reject" && isReply(reply) ? { reply } : {}),
    ...(ingress ? { in: ingress } : {}),
    ...(egress ? { out: egress } : {}),
  };
  const wrong = unmatchable(file, decl, match) ?? impossible(file, decl, rule);
  if (wrong) problems.push(wrong);
  else rules.push(rule);
}

/** A `deny` in a segment. */
export function readFilter(file: string, decl: Decl): AclMatch | TopologyProblem | undefined {
  if (isBroken(decl)) return undefined;
  const match = readMatch(file, decl);
  return unmatchable(file, decl, match) ?? match;
}

function readMatch(file: string, decl: Decl): AclMatch {
  const proto = oneOf(decl, "protocol", "word")?.text;
  const ports: { first: number; last: number }[] = [];
  for (const { value } of all(decl, "ports")) {
    if (value.kind === "ports") ports.push({ first: value.first, last: value.last });
  }
  return {
    proto: proto !== undefined && isProtocol(proto) ? proto : undefined,
    ...(has(decl, "type") ? { types: typesIn(decl) } : {}),
    ports,
    from: prefixes(decl, "from"),
    to: prefixes(decl, "to"),
    source: sourceOf(file, decl),
  };
}

function typesIn(decl: Decl): NonNullable<AclMatch["types"]> {
  return all(decl, "type").flatMap(({ value }) =>
    value.kind === "icmp-type" ? [{ type: value.type, code: value.code }] : [],
  );
}

/** A packet that leaves through a device is not for the machine, and vice versa (iptables: "Can't use -o with INPUT"). */
function directionOf(
  decl: Decl,
  kind: Station["kind"],
  ingress: InterfaceName | undefined,
  egress: InterfaceName | undefined,
): AclRule["direction"] {
  const stated = oneOf(decl, "direction", "word")?.text;
  if (stated === "in" || stated === "out" || stated === "forward") return stated;
  if (kind === "router" || (ingress && egress)) return "forward";
  return egress ? "out" : "in";
}

/** Why no packet can match: a protocol without ports or types, or prefixes of different address families. */
function unmatchable(file: string, decl: Decl, match: AclMatch): TopologyProblem | undefined {
  const { proto, types, ports, from, to } = match;
  const wrong = wrongArgument(file, decl);
  if (ports.length > 0 && !withPorts.includes(proto))
    return wrong("protocol", either(["`tcp`", "`udp`", "`sctp`"]), t`\`${proto ?? ""}\` packets have no ports`);
  if (types !== undefined && proto !== "icmp" && proto !== "icmpv6")
    return wrong("type", either(["`icmp`", "`icmpv6`"]), t`only ICMP packets have a type`);
  const all6 = (prefix: Prefix): boolean => family(prefix.ip) === 6;
  if (proto === "icmpv6" && from.length > 0 && !from.some(all6))
    return wrong("from", t`an IPv${6} prefix`, t`\`icmpv6\` matches IPv6 packets only`);
  if (proto === "icmpv6" && to.length > 0 && !to.some(all6))
    return wrong("to", t`an IPv${6} prefix`, t`\`icmpv6\` matches IPv6 packets only`);
  const families = new Set(from.map(({ ip }) => family(ip)));
  if (from.length === 0 || to.length === 0 || to.some(({ ip }) => families.has(family(ip)))) return undefined;
  const [version = 4] = families;
  return wrong("to", t`an IPv${version} prefix`, t`source and destination have one address family`);
}

/** Combinations that iptables does not accept. */
function impossible(file: string, decl: Decl, rule: AclRule): TopologyProblem | undefined {
  const wrong = wrongArgument(file, decl);
  if (rule.reply === "tcp-reset" && rule.proto !== "tcp")
    return wrong("reply", t`an ICMP reply, or protocol \`tcp\``, t`only TCP has a reset`);
  if (rule.in && rule.direction === "out")
    return wrong("in", t`no ingress interface`, t`packets sent by this machine have no ingress device`);
  if (rule.out && rule.direction === "in")
    return wrong("out", t`no egress interface`, t`packets to this machine do not leave`);
  return undefined;
}

function wrongArgument(file: string, decl: Decl) {
  return (argument: string, expected: string, reason: string): TopologyProblem | undefined => {
    const read = one(decl, argument);
    const keyword = decl.spec?.keyword ?? "";
    const data = { keyword, argument, text: read?.text ?? "", expected, reason };
    return read && problem(CODES.wrongType, sourceOfRead(file, decl, read), data);
  };
}

function prefixes(decl: Decl, argument: string): readonly Prefix[] {
  const found: Prefix[] = [];
  for (const { value } of all(decl, argument)) if (value.kind === "prefix") found.push(value.prefix);
  return found;
}

function interfaceIn(file: string, decl: Decl, argument: string): InterfaceName | undefined {
  const read = one(decl, argument);
  return read?.value.kind === "ref" ? { name: read.value.text, source: sourceOfRead(file, decl, read) } : undefined;
}

/* ---------------------------------------------------------- policy routing */

/** A `rule`; undefined if a part is unreadable, without which it would apply to more packets. */
export function readRoutingRule(file: string, decl: Decl): RoutingRule | TopologyProblem | undefined {
  const table = oneOf(decl, "table", "word")?.text;
  if (isBroken(decl) || table === undefined) return undefined;
  const [from] = prefixes(decl, "from");
  const [to] = prefixes(decl, "to");
  if (from && to && family(from.ip) !== family(to.ip))
    return wrongArgument(file, decl)(
      "to",
      t`an IPv${family(from.ip)} prefix`,
      t`source and destination have one address family`,
    );
  const mark = oneOf(decl, "fwmark", "mark");
  return {
    from,
    to,
    fwmark: mark && { value: mark.value, mask: mark.mask },
    iif: interfaceIn(file, decl, "iif"),
    table,
    priority: oneOf(decl, "priority", "number")?.value,
    source: sourceOf(file, decl),
  };
}

export function isProblem<T extends object>(read: T | TopologyProblem): read is TopologyProblem {
  return "code" in read;
}

/* ---------------------------------------------------------------- firewall */

/** `decl`: the machine. Undefined without such statements. */
export function readFirewall(file: string, statements: readonly Decl[]): Firewall | undefined {
  const found = (keyword: string): Decl | undefined => statements.find(({ spec }) => spec?.keyword === keyword);
  const policyOf = (keyword: string): ChainPolicy | undefined => {
    const statement = found(keyword);
    const policy = oneOf(statement, "policy", "word")?.text;
    return statement && (policy === "accept" || policy === "drop")
      ? { policy, source: sourceOf(file, statement) }
      : undefined;
  };
  const written = found("stateful");
  const stateful = written && booleanIn({ decl: written }, false) ? written : undefined;
  return {
    forwardPolicy: policyOf("forward-policy"),
    inputPolicy: policyOf("input-policy"),
    stateful: stateful && sourceOf(file, stateful),
    clampMss: clampOf(file, found("clamp-mss")),
  };
}

function clampOf(file: string, decl: Decl | undefined): Firewall["clampMss"] {
  if (!decl || isBroken(decl)) return undefined;
  const source: Origin = sourceOf(file, decl);
  const mss = has(decl, "mss") ? (oneOf(decl, "mss", "number")?.value ?? "to-pmtu") : "to-pmtu";
  return { mss, source };
}
