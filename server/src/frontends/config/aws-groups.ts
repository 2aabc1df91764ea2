/** Security groups as access lists; protocols and ports, also of network ACLs. */
import type { FileProblem } from "../../declared/file-problem.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { Rule } from "./model.ts";
import { type Field, inside, items, itemsOf, type Resource, text, textOf } from "./resource.ts";
import { type Resources, textsIn } from "./resources.ts";

export const SUBNETS = ["aws_subnet", "aws_default_subnet"] as const;
const GROUPS = ["aws_security_group", "aws_default_security_group"] as const;

export function addressOf(id: Resource): string | undefined {
  return text(id, "private_ip", "PrivateIpAddress", ["private_ips", 0]);
}

/** The security groups of a machine. */
export function groupsOf(all: Resources, id: Resource): readonly Resource[] {
  const listed = items(id, "SecurityGroups", "Groups").flatMap((one) => textOf(inside(one, "GroupId")) ?? []);
  if (listed.length > 0) return listed.flatMap((group) => all.withId(group, GROUPS) ?? []);
  return [
    ...all.linked(id, ["vpc_security_group_ids"], GROUPS),
    ...all.linked(id, ["security_group_ids"], GROUPS),
    ...(id.type === "aws_instance" ? [] : all.linked(id, ["security_groups"], GROUPS)),
  ];
}

/** The rules of all groups. A rule that refers to a group allows the addresses of the machines in it. */
export function groupRules(
  all: Resources,
  machines: readonly Resource[],
  problems: FileProblem[],
): ReadonlyMap<Resource, readonly Rule[]> {
  const members = new Map<Resource, string[]>();
  const used = new Set<Resource>();
  for (const machine of machines) {
    const address = addressOf(machine);
    for (const group of groupsOf(all, machine)) {
      used.add(group);
      members.set(group, [...(members.get(group) ?? []), ...(address === undefined ? [] : [address])]);
    }
  }
  const rules = new Map<Resource, readonly Rule[]>();
  for (const group of used) {
    const stated = (["in", "out"] as const).flatMap((direction) => statedRules(all, group, direction));
    const made = stated.map((one) => ruleOf(all, group, one, members));
    const missing = made.filter((one) => one === undefined).length;
    if (missing > 0)
      problems.push(
        assumed(
          group.object,
          t`${plural(missing, "rule")} of security group ${group.object.name} without known addresses or protocol: their packets are dropped`,
        ),
      );
    // A direction without visible rules is open: the rules can be in a different source.
    const directions = new Set(stated.map(({ direction }) => direction));
    rules.set(group, [
      ...made.flatMap((one) => one ?? []),
      ...[...directions].map((direction): Rule => deny(group, direction)),
    ]);
  }
  return rules;
}

function deny(group: Resource, direction: Rule["direction"]): Rule {
  const at = { resource: group, path: [] };
  return { action: "deny", direction, protocol: "any", ports: [], from: [], to: [], at };
}

interface Stated {
  readonly direction: "in" | "out";
  readonly resource: Resource;
  readonly one: Field;
}

function statedRules(all: Resources, group: Resource, direction: "in" | "out"): readonly Stated[] {
  const names = direction === "in" ? ["ingress", "IpPermissions"] : ["egress", "IpPermissionsEgress"];
  const inline = items(group, ...names).map((one) => ({ direction, resource: group, one }));
  const type = direction === "in" ? "ingress" : "egress";
  const separate = [
    ...all.ofType("aws_security_group_rule").filter((one) => text(one, "type") === type),
    ...all.ofType(`aws_vpc_security_group_${type}_rule`),
  ]
    .filter((one) => all.link(one, "security_group_id", ...GROUPS) === group)
    .map((resource) => ({ direction, resource, one: { value: resource.object.value, path: [] } }));
  return [...inline, ...separate];
}

/** Undefined if no address of the peers is known, or access lists do not have the protocol. */
function ruleOf(
  all: Resources,
  group: Resource,
  { direction, resource, one }: Stated,
  members: ReadonlyMap<Resource, readonly string[]>,
): Rule | undefined {
  const plain = [
    ...textsIn(inside(one, "cidr_blocks")),
    ...textsIn(inside(one, "ipv6_cidr_blocks")),
    ...textsIn(inside(one, "cidr_ipv4")),
    ...textsIn(inside(one, "cidr_ipv6")),
    ...itemsOf(inside(one, "IpRanges")).flatMap((range) => textOf(inside(range, "CidrIp")) ?? []),
    ...itemsOf(inside(one, "Ipv6Ranges")).flatMap((range) => textOf(inside(range, "CidrIpv6")) ?? []),
  ];
  const groups = [
    ...textsIn(inside(one, "security_groups")).flatMap((id) => all.withId(id, GROUPS) ?? []),
    ...itemsOf(inside(one, "UserIdGroupPairs")).flatMap(
      (pair) => all.withId(textOf(inside(pair, "GroupId")) ?? "", GROUPS) ?? [],
    ),
    ...(resource === group ? [] : referenced(all, resource)),
    ...(inside(one, "self")?.value === true ? [group] : []),
  ];
  const peers = [...plain, ...groups.flatMap((peer) => members.get(peer) ?? [])];
  const protocol = protocolOf(textOf(inside(one, "protocol", "ip_protocol", "IpProtocol")) ?? "-1");
  if (peers.length === 0 || protocol === undefined) return undefined;
  return {
    action: "allow",
    direction,
    protocol,
    ports: protocol === "tcp" || protocol === "udp" ? portsOf(one) : [],
    from: direction === "in" ? peers : [],
    to: direction === "out" ? peers : [],
    at: { resource, path: one.path },
  };
}

function referenced(all: Resources, rule: Resource): readonly Resource[] {
  return [
    ...all.linked(rule, ["source_security_group_id"], GROUPS),
    ...all.linked(rule, ["referenced_security_group_id"], GROUPS),
  ];
}

/** By name or number (IANA protocol numbers); -1 is all. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  "-1": "any",
  all: "any",
  tcp: "tcp",
  udp: "udp",
  icmp: "icmp",
  "6": "tcp",
  "17": "udp",
  "1": "icmp",
  icmpv6: "icmp",
  "58": "icmp",
  "132": "sctp",
  "50": "esp",
  "4": "ipip",
};

/** Undefined for a protocol that access lists do not have. */
export function protocolOf(text: string): string | undefined {
  const name = text.toLowerCase();
  return Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : undefined;
}

export function portsOf(one: Field): readonly string[] {
  const from = Number(textOf(inside(one, "from_port", "From")) ?? 0);
  const to = Number(textOf(inside(one, "to_port", "To")) ?? 65_535);
  if (from <= 0 && (to >= 65_535 || to <= 0)) return [];
  return [from === to ? String(from) : `${Math.max(from, 1)}-${to}`];
}
