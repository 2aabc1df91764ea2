/** VPC networks: subnets, routes, peerings, Cloud NAT (Terraform provider hashicorp/google; `gcloud compute …`). */
import { parsePrefix } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import { gcpClusters } from "./gcp-clusters.ts";
import { gatewayOfTunnel, gcpBalancers, gcpVpns } from "./gcp-edge.ts";
import { gcpMachines } from "./gcp-machines.ts";
import type { CloudModel, CloudNet, CloudPeering, CloudRoute, CloudSubnet, CloudTable, Target } from "./model.ts";
import { rangesAt } from "./ranges.ts";
import {
  type At,
  field,
  inside,
  isTrue,
  items,
  namePath,
  number,
  type Resource,
  text,
  textOf,
  whole,
} from "./resource.ts";
import type { Resources } from "./resources.ts";

const NETWORK = "google_compute_network";
const SUBNET = "google_compute_subnetwork";

export function gcpModel(all: Resources): CloudModel {
  const problems: FileProblem[] = [];
  const nets = all.ofType(NETWORK).map((id): CloudNet => ({ id, provider: "gcp", ranges: [], mtu: mtuOf(id) }));
  const peers = peersOf(all, problems);
  const peerings = pairsOf(peers);
  const tables = new Map(nets.map(({ id }) => [id, tableOf(all, id, { peers, peerings }, problems)]));
  const served = servedByNat(all);
  const found = all.ofType(SUBNET).flatMap((id): CloudSubnet[] => {
    const net = all.link(id, "network", NETWORK);
    const table = net && tables.get(net);
    const ranges = rangesAt(id, [field(id, "ip_cidr_range")]);
    if (!net || !table || ranges.length === 0) {
      problems.push(
        assumed(id.object, t`the network or the range of subnet ${id.object.name} is not known: it is omitted`),
      );
      return [];
    }
    return [{ id, net, ranges, table, isPublic: served(id, net), rules: [] }];
  });
  const { clusters, publicSubnets } = gcpClusters(all, found, problems);
  // Nodes of a cluster that is not private have external addresses.
  const subnets = found.map((one) => (publicSubnets.has(one.id) ? { ...one, isPublic: true } : one));
  const { vpns, read } = gcpVpns(all, problems);
  const known = new Set(subnets.map(({ id }) => id));
  const balancers = gcpBalancers(all).filter(({ interfaces }) => interfaces.every((one) => known.has(one.subnet)));
  const machines = [...gcpMachines(all, problems), ...balancers];
  return {
    nets,
    subnets,
    nats: [],
    peerings,
    transits: [],
    machines,
    clusters,
    vpns,
    read: [...read, ...balancers.map(({ id }) => id)],
    problems,
  };
}

/** 0 is the default. */
function mtuOf(id: Resource): number | undefined {
  const mtu = number(id, "mtu");
  return mtu === 0 ? undefined : mtu;
}

/* ------------------------------------------------------------------ peerings */

/** One direction of a peering: the subnets of `to` are reachable from `from`. Packets pass only if both exist. */
interface Peer {
  readonly at: At;
  readonly from: Resource;
  readonly to: Resource;
}

function peersOf(all: Resources, problems: FileProblem[]): readonly Peer[] {
  const stated = all.ofType("google_compute_network_peering").flatMap((id): Peer[] => {
    const from = all.link(id, "network", NETWORK);
    const to = all.link(id, "peer_network", NETWORK);
    if (from && to) return [{ at: whole(id), from, to }];
    problems.push(
      assumed(id.object, t`a network of peering ${id.object.name} is not in the input: packets to it are dropped`),
    );
    return [];
  });
  const shown = all.ofType(NETWORK).flatMap((from) =>
    items(from, "peerings").flatMap((one): Peer[] => {
      const to = all.withId(textOf(inside(one, "network")) ?? "", [NETWORK]);
      return to ? [{ at: { resource: from, path: namePath(one) }, from, to }] : [];
    }),
  );
  return [...stated, ...shown];
}

function pairsOf(peers: readonly Peer[]): readonly CloudPeering[] {
  const pairs: CloudPeering[] = [];
  for (const { at, from, to } of peers) {
    if (pairs.some(({ nets }) => nets.includes(from) && nets.includes(to))) continue;
    pairs.push({ id: { ...at.resource, label: `${from.label}-${to.label}` }, nets: [from, to], isRejected: false });
  }
  return pairs;
}

/* ------------------------------------------------------------------ routes */

interface Peered {
  readonly peers: readonly Peer[];
  readonly peerings: readonly CloudPeering[];
}

/** All subnets of a network share its routes. */
function tableOf(all: Resources, net: Resource, { peers, peerings }: Peered, problems: FileProblem[]): CloudTable {
  const own = all.ofType("google_compute_route").filter((route) => all.link(route, "network", NETWORK) === net);
  const tagged = own.filter((route) => items(route, "tags").length > 0);
  const [first] = tagged;
  if (first)
    problems.push(
      assumed(
        first.object,
        t`${plural(tagged.length, "route")} for machines with tags are not modeled: they are ignored`,
      ),
    );
  const stated = distinct(own.filter((route) => !tagged.includes(route))).flatMap((route) => routeOf(all, route));
  const peered = peers
    .filter(({ from }) => from === net)
    .flatMap(({ at, to }) => {
      const pair = peerings.find(({ nets }) => nets.includes(net) && nets.includes(to));
      const subnets = all.ofType(SUBNET).filter((subnet) => all.link(subnet, "network", NETWORK) === to);
      return pair ? subnets.flatMap((subnet) => peerRoutes(subnet, pair.id, at)) : [];
    });
  // `gcloud compute routes list` shows the default route if there is one.
  const isListed = own.some(({ object }) => object.apiVersion === "cli");
  const hasDefault = stated.some(({ to }) => to === undefined);
  const hasNone = hasDefault || isListed || isTrue(net, "delete_default_routes_on_create");
  const at = whole(net);
  const internet: CloudRoute = { to: undefined, family: 4, target: { kind: "internet" }, at, isImplied: true };
  return { id: net, net, label: net.label, routes: [...stated, ...peered, ...(hasNone ? [] : [internet])] };
}

/** Subnet routes are exchanged, with the secondary ranges. */
function peerRoutes(subnet: Resource, peering: Resource, at: At): readonly CloudRoute[] {
  const secondary = items(subnet, "secondary_ip_range", "secondaryIpRanges").map((one) => inside(one, "ip_cidr_range"));
  return rangesAt(subnet, [field(subnet, "ip_cidr_range"), ...secondary]).map(({ prefix }) => ({
    to: prefix,
    family: 4,
    target: { kind: "peering", peering },
    at,
    isImplied: true,
  }));
}

/** Of the routes to one destination, the one with the lowest priority value. */
function distinct(routes: readonly Resource[]): readonly Resource[] {
  const best = new Map<string, Resource>();
  for (const route of routes) {
    const to = text(route, "dest_range") ?? "";
    const known = best.get(to);
    if (!known || priorityOf(route) < priorityOf(known)) best.set(to, route);
  }
  return [...best.values()];
}

function priorityOf(route: Resource): number {
  return number(route, "priority") ?? 1000;
}

function routeOf(all: Resources, route: Resource): readonly CloudRoute[] {
  const to = parsePrefix(text(route, "dest_range") ?? "")?.prefix;
  // Routes to subnets and to peered networks are shown with the others on the command line.
  if (!to || text(route, "nextHopNetwork") !== undefined || text(route, "nextHopPeering") !== undefined) return [];
  const at = whole(route);
  const family = typeof to.ip === "number" ? 4 : 6;
  return [{ to: to.len === 0 ? undefined : to, family, target: targetOf(all, route), at, isImplied: false }];
}

function targetOf(all: Resources, route: Resource): Target {
  if (text(route, "next_hop_gateway") !== undefined) return { kind: "internet" };
  const tunnel = all.link(route, "next_hop_vpn_tunnel", "google_compute_vpn_tunnel");
  const vpn = tunnel && gatewayOfTunnel(all, tunnel);
  if (vpn) return { kind: "vpn", vpn };
  const machine = all.link(route, "next_hop_instance", "google_compute_instance");
  const address =
    text(route, "next_hop_ip") ??
    (machine && text(machine, ["network_interface", 0, "network_ip"], ["networkInterfaces", 0, "networkIP"]));
  if (address !== undefined) return { kind: "address", address };
  const other = text(route, "next_hop_ilb", "next_hop_vpn_tunnel");
  return {
    kind: "other",
    text: other?.slice(other.lastIndexOf("/") + 1) ?? t`a target that is known only after apply`,
  };
}

/* ------------------------------------------------------------------ Cloud NAT */

/** Whether Cloud NAT serves the primary range of a subnet: routers are regional. */
function servedByNat(all: Resources): (subnet: Resource, net: Resource) => boolean {
  const nats = [
    ...all.ofType("google_compute_router_nat").flatMap((nat) => {
      const router = all.link(nat, "router", "google_compute_router");
      return [
        {
          router,
          region: regionOf(nat) ?? (router && regionOf(router)),
          nat,
          one: { value: nat.object.value, path: [] },
        },
      ];
    }),
    ...all
      .ofType("google_compute_router")
      .flatMap((router) =>
        items(router, "nats").map((one) => ({ router, region: regionOf(router), nat: router, one })),
      ),
  ];
  return (subnet, net) =>
    nats.some(({ router, region, nat, one }) => {
      if (router && all.link(router, "network", NETWORK) !== net) return false;
      const own = regionOf(subnet);
      if (own !== undefined && region !== undefined && own !== region) return false;
      const mode = textOf(inside(one, "source_subnetwork_ip_ranges_to_nat")) ?? "";
      if (mode.startsWith("ALL_SUBNETWORKS")) return true;
      const list = inside(one, "subnetwork", "subnetworks");
      const named = (list ? items(nat, list.path) : []).map((item) => textOf(inside(item, "name")));
      const known = named.some((name) => name !== undefined && all.withId(name, [SUBNET]) === subnet);
      return known || all.linked(nat, ["subnetwork", 0, "name"], [SUBNET]).includes(subnet);
    });
}

function regionOf(resource: Resource): string | undefined {
  const region = text(resource, "region");
  return region?.slice(region.lastIndexOf("/") + 1);
}
