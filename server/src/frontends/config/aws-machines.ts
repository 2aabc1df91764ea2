/** Instances, and their security groups as access lists. */
import type { FileProblem } from "../../declared/file-problem.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { CloudMachine, Rule } from "./model.ts";
import { type Field, field, inside, isTrue, items, itemsOf, type Resource, text, textOf } from "./resource.ts";
import { type Resources, textsIn } from "./resources.ts";

const SUBNETS = ["aws_subnet", "aws_default_subnet"] as const;
const GROUPS = ["aws_security_group", "aws_default_security_group"] as const;

export function awsMachines(all: Resources, problems: FileProblem[]): readonly CloudMachine[] {
  const running = [...all.ofType("aws_instance").filter((id) => !isGone(id)), ...interfacesAlone(all)].filter(
    (id) => clusterOfInstance(all, id) === undefined,
  );
  const rules = groupRules(all, running, problems);
  return running.flatMap((id): CloudMachine[] => {
    const own = interfaceOf(all, id);
    const subnet = all.link(id, "subnet_id", ...SUBNETS) ?? (own && all.link(own, "subnet_id", ...SUBNETS));
    if (!subnet) {
      problems.push(assumed(id.object, t`the subnet of ${id.object.name} is not in the input: it is omitted`));
      return [];
    }
    const address = addressOf(id) ?? (own && addressOf(own));
    return [
      {
        id,
        interfaces: [{ subnet, addresses: address === undefined ? [] : [address], at: { resource: id, path: [] } }],
        isPublic: isPublic(all, id, subnet),
        forwards: field(id, "source_dest_check")?.value === false,
        rules: groupsOf(all, id).flatMap((group) => rules.get(group) ?? []),
      },
    ];
  });
}

export function isGone(id: Resource): boolean {
  const state = text(id, ["State", "Name"], "instance_state");
  return state === "terminated" || state === "shutting-down";
}

/** The interface that an instance is created with. */
function interfaceOf(all: Resources, id: Resource): Resource | undefined {
  return all.link(id, ["network_interface", 0, "network_interface_id"], "aws_network_interface");
}

function addressOf(id: Resource): string | undefined {
  return text(id, "private_ip", "PrivateIpAddress", ["private_ips", 0]);
}

/** Tags of EKS and of self-managed nodes; the cluster is in the input. */
export function clusterOfInstance(all: Resources, id: Resource): Resource | undefined {
  const listed = items(id, "Tags").map((tag) => [textOf(inside(tag, "Key")) ?? "", textOf(inside(tag, "Value")) ?? ""]);
  const tags = listed.length > 0 && listed[0]?.[0] !== "" ? listed : Object.entries(field(id, "tags")?.value ?? {});
  for (const [key = "", value] of tags) {
    const own = key.startsWith("kubernetes.io/cluster/") ? key.slice("kubernetes.io/cluster/".length) : undefined;
    const name = own ?? (key === "eks:cluster-name" || key === "aws:eks:cluster-name" ? String(value) : undefined);
    const found = name === undefined ? undefined : all.withId(name, ["aws_eks_cluster"]);
    if (found) return found;
  }
  return undefined;
}

/** Interfaces that the cloud uses itself. */
const OF_CLOUD: ReadonlySet<string> = new Set(["nat_gateway", "transit_gateway", "gateway_load_balancer_endpoint"]);

/** Interfaces of load balancers, databases, and endpoints, and of instances that the input does not show. */
function interfacesAlone(all: Resources): readonly Resource[] {
  const primary = new Set(all.ofType("aws_instance").map((id) => interfaceOf(all, id)));
  return all.ofType("aws_network_interface").filter((id) => {
    const index = text(id, ["Attachment", "DeviceIndex"]) ?? "0";
    const instance = text(id, ["Attachment", "InstanceId"]);
    const isShown = instance !== undefined && all.withId(instance, ["aws_instance"]) !== undefined;
    const isAttached = all.linked(id, ["attachment", 0, "instance"], ["aws_instance"]).length > 0;
    return (
      !isShown && !isAttached && !primary.has(id) && index === "0" && !OF_CLOUD.has(text(id, "interface_type") ?? "")
    );
  });
}

/** A public address, an Elastic IP, or the default of the subnet. */
function isPublic(all: Resources, id: Resource, subnet: Resource): boolean {
  if (text(id, "public_ip", "PublicIpAddress", ["Association", "PublicIp"]) !== undefined) return true;
  const stated = field(id, "associate_public_ip_address")?.value;
  const elastic = all
    .ofType("aws_eip", "aws_eip_association")
    .some(
      (one) => all.link(one, "instance", "aws_instance") === id || all.link(one, "instance_id", "aws_instance") === id,
    );
  if (id.type === "aws_network_interface") return elastic;
  return elastic || stated === true || (stated !== false && isTrue(subnet, "map_public_ip_on_launch"));
}

/** The security groups of a machine. */
function groupsOf(all: Resources, id: Resource): readonly Resource[] {
  const listed = items(id, "SecurityGroups", "Groups").flatMap((one) => textOf(inside(one, "GroupId")) ?? []);
  if (listed.length > 0) return listed.flatMap((group) => all.withId(group, GROUPS) ?? []);
  return [
    ...all.linked(id, ["vpc_security_group_ids"], GROUPS),
    ...(id.type === "aws_network_interface" ? all.linked(id, ["security_groups"], GROUPS) : []),
  ];
}

/** The rules of all groups. A rule that refers to a group allows the addresses of the machines in it. */
function groupRules(
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
function protocolOf(text: string): string | undefined {
  const name = text.toLowerCase();
  return Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : undefined;
}

function portsOf(one: Field): readonly string[] {
  const from = Number(textOf(inside(one, "from_port")) ?? 0);
  const to = Number(textOf(inside(one, "to_port")) ?? 65_535);
  if (from <= 0 && (to >= 65_535 || to <= 0)) return [];
  return [from === to ? String(from) : `${Math.max(from, 1)}-${to}`];
}
