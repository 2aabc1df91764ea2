/** VNets: networks, subnets, route tables, peerings (Terraform provider hashicorp/azurerm; `az network …`). */
import { parsePrefix } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import { azureClusters } from "./azure-clusters.ts";
import { azureMachines, azureVpns } from "./azure-edge.ts";
import { securityRules } from "./azure-rules.ts";
import { azureParent } from "./cli-output.ts";
import type {
  CloudModel,
  CloudNet,
  CloudPeering,
  CloudRoute,
  CloudSubnet,
  CloudTable,
  CloudVpn,
  Range,
  Target,
} from "./model.ts";
import { overlapOf, overlapProblem, rangesAt } from "./ranges.ts";
import { type Field, field, inside, isTrue, items, namePath, type Resource, text, textOf, whole } from "./resource.ts";
import type { Resources } from "./resources.ts";

const VNET = "azurerm_virtual_network";
const SUBNET = "azurerm_subnet";
const TABLE = "azurerm_route_table";

export function azureModel(all: Resources): CloudModel {
  const problems: FileProblem[] = [];
  const nets = all.ofType(VNET).map(
    (id): CloudNet => ({
      id,
      provider: "azure",
      ranges: rangesAt(id, [field(id, ["addressSpace", "addressPrefixes"], "address_space")]),
      mtu: undefined,
    }),
  );
  const directions = directionsOf(all, problems);
  const peerings = pairsOf(directions, nets, problems);
  const vpns = azureVpns(all, (subnet) => netOf(all, subnet), problems);
  const tables = tableReader(all, { nets, directions, peerings, vpns: vpns.found });
  const subnets = all.ofType(SUBNET).flatMap((id): CloudSubnet[] => {
    const net = netOf(all, id);
    const ranges = rangesAt(id, [field(id, "address_prefixes"), field(id, "address_prefix")]);
    const known = nets.find((one) => one.id === net);
    if (!known || ranges.length === 0) {
      problems.push(
        assumed(id.object, t`the VNet or the prefix of subnet ${id.object.name} is not known: it is omitted`),
      );
      return [];
    }
    const nat = associated(all, id, "nat_gateway", "azurerm_nat_gateway");
    const isPublic =
      nat !== undefined || field(id, "default_outbound_access_enabled", "defaultOutboundAccess")?.value !== false;
    const group = associated(all, id, "network_security_group", "azurerm_network_security_group");
    const virtualNetwork = [known, ...peersOf(nets, peerings, known)].flatMap((one) => one.ranges);
    const rules = group ? securityRules(all, group, { subnet: ranges, virtualNetwork }, problems) : [];
    return [
      { id, net: known.id, ranges, table: tables(associated(all, id, "route_table", TABLE), known), isPublic, rules },
    ];
  });
  const machines = azureMachines(all, new Set(subnets.map(({ id }) => id)));
  const networks = { nets, subnets };
  const { clusters, made } = azureClusters(all, networks, problems);
  return {
    nets: [...nets, ...made.nets],
    subnets: [...subnets, ...made.subnets],
    nats: [],
    peerings,
    transits: [],
    machines: machines.found,
    clusters,
    vpns: vpns.found,
    read: [...vpns.read, ...machines.read],
    problems,
  };
}

function netOf(all: Resources, id: Resource): Resource | undefined {
  const parent = azureParent(id);
  return (parent === undefined ? undefined : all.withId(parent, [VNET])) ?? all.link(id, "virtual_network_name", VNET);
}

/** Terraform associates in a separate resource; the command line shows `"routeTable": {"id": …}` in the subnet. */
function associated(all: Resources, subnet: Resource, kind: string, type: string): Resource | undefined {
  const id = text(subnet, [kind, "id"], [kind.replaceAll("_", ""), "id"]);
  if (id !== undefined) return all.withId(id, [type]);
  const association = all
    .ofType(`azurerm_subnet_${kind}_association`)
    .find((one) => all.link(one, "subnet_id", SUBNET) === subnet);
  return association && all.link(association, `${kind}_id`, type);
}

/* ------------------------------------------------------------------ peerings */

/** One direction of a peering. Packets pass only if both exist. */
interface Direction {
  readonly id: Resource;
  readonly from: Resource;
  readonly to: Resource;
}

function directionsOf(all: Resources, problems: FileProblem[]): readonly Direction[] {
  return all.ofType("azurerm_virtual_network_peering").flatMap((id): Direction[] => {
    const from = netOf(all, id);
    const remote = text(id, ["remoteVirtualNetwork", "id"]);
    const to = remote === undefined ? all.link(id, "remote_virtual_network_id", VNET) : all.withId(remote, [VNET]);
    if (from && to) return [{ id, from, to }];
    problems.push(
      assumed(id.object, t`a VNet of peering ${id.object.name} is not in the input: packets to it are dropped`),
    );
    return [];
  });
}

function pairsOf(
  directions: readonly Direction[],
  all: readonly CloudNet[],
  problems: FileProblem[],
): readonly CloudPeering[] {
  const pairs: CloudPeering[] = [];
  const rangesOf = (net: Resource): readonly Range[] => all.find(({ id }) => id === net)?.ranges ?? [];
  for (const { id, from, to } of directions) {
    if (pairs.some(({ nets }) => nets.includes(from) && nets.includes(to))) continue;
    const overlap = overlapOf(rangesOf(from), rangesOf(to));
    if (overlap) problems.push(overlapProblem(id, overlap));
    pairs.push({ id, nets: [from, to], isRejected: overlap !== undefined });
  }
  return pairs;
}

function peersOf(nets: readonly CloudNet[], peerings: readonly CloudPeering[], { id }: CloudNet): readonly CloudNet[] {
  const peers = peerings.flatMap((one) => (one.nets.includes(id) ? one.nets : []));
  return nets.filter((one) => one.id !== id && peers.includes(one.id));
}

/* ------------------------------------------------------------------ routes */

/** System routes without a next hop (Azure "Virtual network traffic routing", default routes). */
const NOWHERE: readonly string[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

interface Networks {
  readonly nets: readonly CloudNet[];
  readonly directions: readonly Direction[];
  readonly peerings: readonly CloudPeering[];
  readonly vpns: readonly CloudVpn[];
}

type TableReader = (table: Resource | undefined, net: CloudNet) => CloudTable;

/** Each subnet has the system routes, with or without a route table; a stated route replaces the system route to its prefix. */
function tableReader(all: Resources, networks: Networks): TableReader {
  const known = new Map<string, CloudTable>();
  return (table, net) => {
    const key = `${table?.object.name ?? ""} ${networks.nets.indexOf(net)}`;
    const found = known.get(key);
    if (found) return found;
    const vpn = networks.vpns.find((one) => one.net === net.id);
    const stated = table ? statedRoutes(all, table, vpn) : [];
    const system = [...gatewayRoutes(table, vpn), ...systemRoutes(networks, net)];
    const isStated = (route: CloudRoute): boolean => stated.some((one) => sameDestination(one, route));
    const made: CloudTable = {
      id: table ?? net.id,
      net: net.id,
      label: (table ?? net.id).label,
      routes: distinctRoutes([...stated, ...system.filter((one) => !isStated(one))]),
    };
    known.set(key, made);
    return made;
  };
}

/** A route of the gateway replaces the system route to the same prefix. */
function distinctRoutes(routes: readonly CloudRoute[]): readonly CloudRoute[] {
  return routes.filter((route, index) => routes.findIndex((one) => sameDestination(one, route)) === index);
}

/** The gateway propagates the networks of its connections to all subnets, unless the route table disables it. */
function gatewayRoutes(table: Resource | undefined, vpn: CloudVpn | undefined): readonly CloudRoute[] {
  const isOff =
    table !== undefined &&
    (isTrue(table, "disable_bgp_route_propagation") || field(table, "bgp_route_propagation_enabled")?.value === false);
  if (isOff || !vpn) return [];
  return vpn.remotes.map(({ prefix, at }): CloudRoute => {
    const family = typeof prefix.ip === "number" ? 4 : 6;
    return { to: prefix, family, target: { kind: "vpn", vpn: vpn.id }, at, isImplied: true };
  });
}

function sameDestination(a: CloudRoute, b: CloudRoute): boolean {
  return a.family === b.family && a.to?.ip === b.to?.ip && a.to?.len === b.to?.len;
}

function systemRoutes({ nets, directions, peerings }: Networks, net: CloudNet): readonly CloudRoute[] {
  const at = whole(net.id);
  const implied = { family: 4, isImplied: true } as const;
  const peers = directions
    .filter(({ from }) => from === net.id)
    .flatMap(({ id, to }) => {
      const pair = peerings.find((one) => one.nets.includes(net.id) && one.nets.includes(to));
      const ranges = nets.find((one) => one.id === to)?.ranges ?? [];
      return pair ? ranges.map(({ prefix }) => peerRoute(id, pair.id, prefix)) : [];
    });
  const nowhere = NOWHERE.flatMap((text): CloudRoute[] => {
    const to = parsePrefix(text)?.prefix;
    return to ? [{ ...implied, to, target: { kind: "drop" }, at }] : [];
  });
  const all: readonly CloudRoute[] = [
    ...peers,
    ...nowhere.filter((one) => !peers.some((peer) => sameDestination(peer, one))),
    { ...implied, to: undefined, target: { kind: "internet" }, at },
  ];
  return all.filter(({ to }) => !net.ranges.some(({ prefix }) => prefix.ip === to?.ip && prefix.len === to.len));
}

function peerRoute(id: Resource, peering: Resource, to: Range["prefix"]): CloudRoute {
  const family = typeof to.ip === "number" ? 4 : 6;
  return { to, family, target: { kind: "peering", peering }, at: whole(id), isImplied: true };
}

function statedRoutes(all: Resources, table: Resource, vpn: CloudVpn | undefined): readonly CloudRoute[] {
  const inline = items(table, "route", "routes").flatMap((one) => routeOf(table, one, vpn));
  const separate = all
    .ofType("azurerm_route")
    .flatMap((route) =>
      all.link(route, "route_table_name", TABLE) === table
        ? routeOf(route, { value: route.object.value, path: [] }, vpn)
        : [],
    );
  return [...inline, ...separate];
}

/** A service tag in place of a prefix concerns only services of the provider. */
function routeOf(resource: Resource, one: Field, vpn: CloudVpn | undefined): readonly CloudRoute[] {
  const to = parsePrefix(textOf(inside(one, "address_prefix")) ?? "")?.prefix;
  const target = targetOf(textOf(inside(one, "next_hop_type")), one, vpn);
  if (!to || !target) return [];
  return [
    {
      to: to.len === 0 ? undefined : to,
      family: typeof to.ip === "number" ? 4 : 6,
      target,
      at: { resource, path: one.path.length === 0 ? [] : namePath(one) },
      isImplied: false,
    },
  ];
}

function targetOf(type: string | undefined, one: Field, vpn: CloudVpn | undefined): Target | undefined {
  switch (type?.toLowerCase()) {
    case "vnetlocal":
      return undefined;
    case "internet":
      return { kind: "internet" };
    case "virtualnetworkgateway":
      return vpn ? { kind: "vpn", vpn: vpn.id } : { kind: "other", text: type ?? "" };
    case "none":
      return { kind: "drop" };
    case "virtualappliance": {
      const address = textOf(inside(one, "next_hop_in_ip_address", "nextHopIpAddress"));
      return address === undefined
        ? { kind: "other", text: t`an appliance whose address is known only after apply` }
        : { kind: "address", address };
    }
    default:
      return { kind: "other", text: type ?? t`a target that is known only after apply` };
  }
}
