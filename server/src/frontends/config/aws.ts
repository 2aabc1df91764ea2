/** VPCs: networks, subnets, route tables, gateways, peerings (Terraform provider hashicorp/aws; `aws ec2 describe-…`). */
import { family, type Prefix, parsePrefix, prefixCovers, prefixEquals } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import { type NetworkAcls, networkAcls } from "./aws-acls.ts";
import { awsClusters } from "./aws-clusters.ts";
import { awsMachines } from "./aws-machines.ts";
import { awsTransits } from "./aws-transit.ts";
import { awsVpns, propagatedRoutes } from "./aws-vpn.ts";
import type {
  CloudModel,
  CloudNat,
  CloudNet,
  CloudPeering,
  CloudRoute,
  CloudSubnet,
  CloudTable,
  Target,
} from "./model.ts";
import { overlapOf, overlapProblem, rangesAt } from "./ranges.ts";
import { type Field, field, inside, isTrue, items, type Resource, text, textOf } from "./resource.ts";
import type { Resources } from "./resources.ts";

const VPCS = ["aws_vpc", "aws_default_vpc"] as const;

export function awsModel(all: Resources): CloudModel {
  const problems: FileProblem[] = [];
  const nets = all.ofType(...VPCS).map((id) => netOf(all, id));
  const tables = tablesOf(all, nets, problems);
  const acls = networkAcls(all, problems);
  const subnets = all
    .ofType("aws_subnet", "aws_default_subnet")
    .flatMap((id) => subnetOf(all, { tables, acls }, id, problems));
  const nats = all.ofType("aws_nat_gateway").flatMap((id): CloudNat[] => {
    const subnet = all.link(id, "subnet_id", "aws_subnet", "aws_default_subnet");
    const address = text(id, "private_ip", ["NatGatewayAddresses", 0, "PrivateIp"]);
    return subnet ? [{ id, subnet, address, isPublic: text(id, "connectivity_type") !== "private" }] : [];
  });
  const { vpns, read } = awsVpns(all, tables.all, problems);
  const machines = awsMachines(all, problems);
  const model = {
    nets,
    subnets,
    nats,
    peerings: peeringsOf(all, problems),
    transits: awsTransits(all),
    machines,
    vpns,
    read: [...read, ...acls.read, ...machines.map(({ id }) => id)],
  };
  return { ...model, clusters: awsClusters(all, model, problems), problems };
}

/* ------------------------------------------------------------------ networks */

function netOf(all: Resources, id: Resource): CloudNet {
  const sets = items(id, "CidrBlockAssociationSet").map((one) => inside(one, "CidrBlock"));
  const own = sets.length > 0 ? sets : [field(id, "cidr_block")];
  const more = all
    .ofType("aws_vpc_ipv4_cidr_block_association")
    .filter((one) => all.link(one, "vpc_id", ...VPCS) === id)
    .flatMap((one) => rangesAt(one, [field(one, "cidr_block")]));
  const six = [field(id, "ipv6_cidr_block"), field(id, ["Ipv6CidrBlockAssociationSet", 0, "Ipv6CidrBlock"])];
  return { id, provider: "aws", ranges: [...rangesAt(id, [...own, ...six]), ...more], mtu: undefined };
}

interface SubnetParts {
  readonly tables: Tables;
  readonly acls: NetworkAcls;
}

function subnetOf(
  all: Resources,
  { tables, acls }: SubnetParts,
  id: Resource,
  problems: FileProblem[],
): readonly CloudSubnet[] {
  const net = all.link(id, "vpc_id", ...VPCS);
  const ranges = rangesAt(id, [
    field(id, "cidr_block"),
    field(id, "ipv6_cidr_block", ["Ipv6CidrBlockAssociationSet", 0, "Ipv6CidrBlock"]),
  ]);
  if (!net) {
    problems.push(
      assumed(id.object, t`the VPC of subnet ${id.object.name} is not in the input: the subnet is omitted`),
    );
    return [];
  }
  if (ranges.length === 0) {
    problems.push(
      assumed(id.object, t`the CIDR block of subnet ${id.object.name} is not known: the subnet is omitted`),
    );
    return [];
  }
  return [
    {
      id,
      net,
      ranges,
      table: tables.of(id, net),
      isPublic: isTrue(id, "map_public_ip_on_launch"),
      rules: acls.rulesOf(id, net, ranges),
    },
  ];
}

/* ------------------------------------------------------------------ route tables */

interface Tables {
  readonly all: readonly CloudTable[];
  of(subnet: Resource, net: Resource): CloudTable;
}

const TABLES = ["aws_route_table", "aws_default_route_table"] as const;

/** A subnet without an association uses the main route table of the VPC, which has no routes unless the input shows it. */
function tablesOf(all: Resources, nets: readonly CloudNet[], problems: FileProblem[]): Tables {
  const tables = new Map<Resource, CloudTable>();
  for (const id of all.ofType(...TABLES)) {
    const net = netOfTable(all, id);
    if (net) tables.set(id, { id, net, label: id.label, routes: routesOf(all, id, problems) });
    else problems.push(assumed(id.object, t`the VPC of ${id.object.name} is not in the input: its routes are omitted`));
  }
  const bySubnet = new Map<Resource, CloudTable>();
  const main = new Map<Resource, CloudTable>();
  for (const { id } of nets) main.set(id, { id, net: id, label: id.label, routes: [] });
  for (const table of tables.values()) {
    if (table.id.type === "aws_default_route_table") main.set(table.net, table);
    for (const association of items(table.id, "Associations")) {
      const subnet = all.withId(textOf(inside(association, "SubnetId")) ?? "", ["aws_subnet"]);
      if (subnet) bySubnet.set(subnet, table);
      if (inside(association, "Main")?.value === true) main.set(table.net, table);
    }
  }
  for (const one of all.ofType("aws_route_table_association")) {
    const subnet = all.link(one, "subnet_id", "aws_subnet", "aws_default_subnet");
    const table = tables.get(all.link(one, "route_table_id", ...TABLES) ?? one);
    if (subnet && table) bySubnet.set(subnet, table);
  }
  for (const one of all.ofType("aws_main_route_table_association")) {
    const table = tables.get(all.link(one, "route_table_id", ...TABLES) ?? one);
    if (table) main.set(table.net, table);
  }
  return {
    all: [...tables.values()],
    of: (subnet, net) => bySubnet.get(subnet) ?? main.get(net) ?? { id: net, net, label: net.label, routes: [] },
  };
}

function netOfTable(all: Resources, id: Resource): Resource | undefined {
  const net = all.link(id, "vpc_id", ...VPCS);
  // `default_route_table_id = aws_vpc.main.default_route_table_id`
  return net ?? (id.type === "aws_default_route_table" ? all.link(id, "default_route_table_id", "aws_vpc") : undefined);
}

function routesOf(all: Resources, table: Resource, problems: FileProblem[]): readonly CloudRoute[] {
  if (!field(table, "route", "Routes") && (table.references?.of(["route"]).resources ?? []).length > 0)
    problems.push(
      assumed(table.object, t`the routes of ${table.object.name} are known only after apply: none is used`),
    );
  const inline = items(table, "route", "Routes").flatMap((one) => routeOf(all, table, one));
  const separate = all
    .ofType("aws_route")
    .flatMap((route) =>
      all.link(route, "route_table_id", ...TABLES) === table
        ? routeOf(all, route, { value: route.object.value, path: [] })
        : [],
    );
  const stated = [...inline, ...separate];
  // A stated route takes precedence over a propagated one to the same destination.
  const isStated = (route: CloudRoute): boolean =>
    stated.some(({ to }) => to !== undefined && route.to !== undefined && prefixEquals(to, route.to));
  return [...stated, ...propagatedRoutes(all, table).filter((route) => !isStated(route))];
}

/** The targets of a route, by argument. */
const TARGETS: readonly (readonly [argument: string, types: readonly string[]])[] = [
  ["gateway_id", ["aws_internet_gateway", "aws_vpn_gateway"]],
  ["egress_only_gateway_id", ["aws_egress_only_internet_gateway"]],
  ["egress_only_internet_gateway_id", ["aws_egress_only_internet_gateway"]],
  ["nat_gateway_id", ["aws_nat_gateway"]],
  ["vpc_peering_connection_id", ["aws_vpc_peering_connection"]],
  ["transit_gateway_id", ["aws_ec2_transit_gateway"]],
  ["network_interface_id", ["aws_network_interface"]],
  ["instance_id", ["aws_instance"]],
  ["vpc_endpoint_id", ["aws_vpc_endpoint"]],
  ["carrier_gateway_id", ["aws_ec2_carrier_gateway"]],
  ["local_gateway_id", []],
  ["core_network_arn", []],
];

/** `one`: the arguments of the route, in a table or alone. */
function routeOf(all: Resources, resource: Resource, one: Field): readonly CloudRoute[] {
  const destination = inside(
    one,
    "cidr_block",
    "destination_cidr_block",
    "ipv6_cidr_block",
    "destination_ipv6_cidr_block",
  );
  const prefix = parsePrefix(firstText(one, ["cidr_block", "destination_cidr_block"]) ?? "")?.prefix;
  const six = parsePrefix(firstText(one, ["ipv6_cidr_block", "destination_ipv6_cidr_block"]) ?? "")?.prefix;
  const to: Prefix | undefined = prefix ?? six;
  // A prefix list, as of a gateway endpoint for S3: no traffic between networks.
  if (!to || !destination) return [];
  if (textOf(inside(one, "gateway_id")) === "local") return [];
  const target =
    textOf(inside(one, "State")) === "blackhole" ? ({ kind: "drop" } as const) : targetOf(all, resource, one, to);
  return [
    {
      to: to.len === 0 ? undefined : to,
      family: family(to.ip),
      target,
      at: { resource, path: one.path.length === 0 ? [] : destination.path },
      isImplied: false,
    },
  ];
}

function firstText(one: Field, names: readonly string[]): string | undefined {
  return names.map((name) => textOf(inside(one, name))).find((found) => found !== undefined);
}

function targetOf(all: Resources, resource: Resource, one: Field, to: Prefix): Target {
  for (const [argument, types] of TARGETS) {
    const id = textOf(inside(one, argument));
    if (id !== undefined) return targetAt(argument, all.withId(id, types), id);
  }
  // Known after apply. In a table, only the argument that is absent can have the value; the others are empty.
  for (const [argument, types] of TARGETS) {
    if (one.path.length > 0 && inside(one, argument)) continue;
    const path = one.path.length === 0 ? [argument] : ["route", argument];
    const linked = all.linked(resource, path, types);
    const found = linked.length > 1 ? linked.find((peering) => isFor(all, peering, to)) : undefined;
    const target = found ?? all.link(resource, path, ...types);
    if (target) return targetAt(argument, target, target.object.name);
  }
  return { kind: "other", text: t`a target that is known only after apply` };
}

/** Whether the destination is in a network of the peering: an expression with several peerings does not show which one it is. */
function isFor(all: Resources, peering: Resource, to: Prefix): boolean {
  return (["vpc_id", "peer_vpc_id"] as const).some((name) => {
    const net = peering.type === "aws_vpc_peering_connection" ? all.link(peering, name, ...VPCS) : undefined;
    return net !== undefined && netOf(all, net).ranges.some(({ prefix }) => prefixCovers(prefix, to));
  });
}

function targetAt(argument: string, found: Resource | undefined, id: string): Target {
  switch (found?.type) {
    case "aws_internet_gateway":
    case "aws_egress_only_internet_gateway":
      return { kind: "internet" };
    case "aws_nat_gateway":
      return { kind: "nat", nat: found };
    case "aws_vpc_peering_connection":
      return { kind: "peering", peering: found };
    case "aws_vpn_gateway":
      return { kind: "vpn", vpn: found };
    case "aws_ec2_transit_gateway":
      return { kind: "transit", transit: found };
    case "aws_instance":
    case "aws_network_interface": {
      const address = text(found, "private_ip", "PrivateIpAddress", ["private_ips", 0]);
      return address === undefined ? { kind: "other", text: found.object.name } : { kind: "address", address };
    }
    default:
      // The ID alone shows an internet gateway; `describe-internet-gateways` is not required.
      return argument === "gateway_id" && id.startsWith("igw-") ? { kind: "internet" } : { kind: "other", text: id };
  }
}

/* ------------------------------------------------------------------ peerings */

function peeringsOf(all: Resources, problems: FileProblem[]): readonly CloudPeering[] {
  return all.ofType("aws_vpc_peering_connection").flatMap((id) => {
    const requester = peer(all, id, ["vpc_id"], ["RequesterVpcInfo", "VpcId"]);
    const accepter = peer(all, id, ["peer_vpc_id"], ["AccepterVpcInfo", "VpcId"]);
    const status = text(id, ["Status", "Code"], "accept_status") ?? "active";
    if (status !== "active" && status !== "provisioning") {
      problems.push(assumed(id.object, t`peering ${id.object.name} is ${status}: packets to it are dropped`));
      return [];
    }
    if (requester && accepter) {
      const overlap = overlapOf(netOf(all, requester).ranges, netOf(all, accepter).ranges);
      if (overlap) problems.push(overlapProblem(id, overlap));
      return [{ id, nets: [requester, accepter] as const, isRejected: overlap !== undefined }];
    }
    problems.push(
      assumed(id.object, t`a VPC of peering ${id.object.name} is not in the input: packets to it are dropped`),
    );
    return [];
  });
}

function peer(
  all: Resources,
  id: Resource,
  terraform: readonly string[],
  cli: readonly string[],
): Resource | undefined {
  const known = text(id, cli);
  return known === undefined ? all.link(id, terraform, ...VPCS) : all.withId(known, VPCS);
}
