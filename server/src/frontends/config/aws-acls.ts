/** Network ACLs of subnets (aws_network_acl, aws_network_acl_rule, aws_default_network_acl; `describe-network-acls`). */
import { formatPrefix, parsePrefix } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import { portsOf, protocolOf, SUBNETS } from "./aws-groups.ts";
import type { Range, Rule } from "./model.ts";
import { type At, type Field, inside, isTrue, items, type Resource, textOf, whole } from "./resource.ts";
import type { Resources } from "./resources.ts";

const ACLS = ["aws_network_acl", "aws_default_network_acl"] as const;

export interface NetworkAcls {
  /** The rules of a subnet; empty: everything is allowed. */
  rulesOf(subnet: Resource, net: Resource, ranges: readonly Range[]): readonly Rule[];
  readonly read: readonly Resource[];
}

export function networkAcls(all: Resources, problems: FileProblem[]): NetworkAcls {
  const bySubnet = new Map<Resource, Resource>();
  const byNet = new Map<Resource, Resource>();
  const used = new Set<Resource>();
  for (const acl of all.ofType(...ACLS)) {
    for (const subnet of all.linked(acl, ["subnet_ids"], SUBNETS)) bySubnet.set(subnet, acl);
    for (const one of items(acl, "Associations")) {
      const subnet = all.withId(textOf(inside(one, "SubnetId")) ?? "", SUBNETS);
      if (subnet) bySubnet.set(subnet, acl);
    }
    const net = netOfDefault(all, acl);
    if (net) byNet.set(net, acl);
  }
  for (const one of all.ofType("aws_network_acl_association")) {
    const subnet = all.link(one, "subnet_id", ...SUBNETS);
    const acl = all.link(one, "network_acl_id", ...ACLS);
    if (subnet && acl) bySubnet.set(subnet, acl);
  }
  return {
    rulesOf: (subnet, net, ranges) => {
      const acl = bySubnet.get(subnet) ?? byNet.get(net);
      if (!acl) return [];
      const entries = entriesOf(all, acl);
      // A plan can have the rules in another state.
      if (entries.length === 0 && acl.type === "aws_network_acl") return [];
      if (!used.has(acl)) note(acl, entries, problems);
      used.add(acl);
      return (["in", "out"] as const).flatMap((direction) => rulesIn(acl, entries, direction, ranges));
    },
    read: [...all.ofType(...ACLS), ...all.ofType("aws_network_acl_rule", "aws_network_acl_association")],
  };
}

/** The default ACL of a VPC applies to subnets without an association. */
function netOfDefault(all: Resources, acl: Resource): Resource | undefined {
  if (acl.type === "aws_default_network_acl")
    return all.link(acl, "default_network_acl_id", "aws_vpc", "aws_default_vpc");
  return isTrue(acl, "IsDefault") ? all.link(acl, "vpc_id", "aws_vpc", "aws_default_vpc") : undefined;
}

interface Entry {
  readonly direction: "in" | "out";
  readonly number: number;
  readonly one: Field;
  readonly at: At;
}

/** Rules are evaluated by number, lowest first. */
function entriesOf(all: Resources, acl: Resource): readonly Entry[] {
  const inline = (["ingress", "egress"] as const).flatMap((name) =>
    items(acl, name).map(
      (one): Entry => entry(name === "egress" ? "out" : "in", one, { resource: acl, path: one.path }),
    ),
  );
  const listed = items(acl, "Entries").map((one) =>
    entry(inside(one, "Egress")?.value === true ? "out" : "in", one, { resource: acl, path: one.path }),
  );
  const separate = all
    .ofType("aws_network_acl_rule")
    .filter((rule) => all.link(rule, "network_acl_id", ...ACLS) === acl)
    .map((rule) => entry(isTrue(rule, "egress") ? "out" : "in", { value: rule.object.value, path: [] }, whole(rule)));
  return [...inline, ...listed, ...separate].sort((a, b) => a.number - b.number);
}

function entry(direction: "in" | "out", one: Field, at: At): Entry {
  return { direction, number: Number(textOf(inside(one, "rule_no", "rule_number")) ?? 0), one, at };
}

function rulesIn(
  acl: Resource,
  entries: readonly Entry[],
  direction: "in" | "out",
  ranges: readonly Range[],
): readonly Rule[] {
  const own = ranges.map(({ prefix }) => formatPrefix(prefix));
  const ends = (peers: readonly string[]): Pick<Rule, "from" | "to"> =>
    direction === "in" ? { from: peers, to: own } : { from: own, to: peers };
  const rules = entries
    .filter((one) => one.direction === direction)
    .flatMap(({ one, at }): Rule[] => {
      const peer = peerOf(one);
      const protocol = protocolOf(textOf(inside(one, "protocol")) ?? "-1");
      if (peer === undefined || protocol === undefined) return [];
      const action = textOf(inside(one, "action", "rule_action")) === "deny" ? "deny" : "allow";
      const ports = protocol === "tcp" || protocol === "udp" ? portsOf(inside(one, "PortRange") ?? one) : [];
      return [{ action, direction, protocol, ports, ...ends([peer]), at }];
    });
  // The rule * of each ACL.
  const last: Rule = { action: "deny", direction, protocol: "any", ports: [], ...ends([]), at: whole(acl) };
  return [...rules, last];
}

function peerOf(one: Field): string | undefined {
  const peer = textOf(inside(one, "cidr_block")) ?? textOf(inside(one, "ipv6_cidr_block"));
  return peer !== undefined && parsePrefix(peer) ? peer : undefined;
}

function note(acl: Resource, entries: readonly Entry[], problems: FileProblem[]): void {
  const missing = entries.filter(
    ({ one }) => peerOf(one) === undefined || protocolOf(textOf(inside(one, "protocol")) ?? "-1") === undefined,
  ).length;
  if (missing > 0)
    problems.push(
      assumed(
        acl.object,
        t`${plural(missing, "rule")} of ${acl.object.name} without a known address or protocol are ignored`,
      ),
    );
  problems.push(
    assumed(
      acl.object,
      t`the rules of ${acl.object.name} apply between subnets, to the first packet of a connection: replies to ephemeral ports are assumed to be allowed`,
    ),
  );
}
