/**
 * The traffic that routes and clusters are there for, as expectations: a route to another network needs a route back, a
 * default route must reach the internet, and nodes need it to start. The endpoints are the gateways of the subnets, so access
 * lists of machines do not matter; a machine represents a subnet whose gateway has the same address as another one.
 */
import { type Prefix, prefixCovers, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import { firstNode } from "./cluster-drafts.ts";
import type { CloudCluster, CloudModel, CloudRoute, CloudSubnet } from "./model.ts";
import { gatewayAddress } from "./parts.ts";
import { type At, draftAt, type Resource, whole } from "./resource.ts";
import type { TableRouter, Wired, Wiring } from "./wiring.ts";

interface World {
  readonly model: CloudModel;
  readonly wiring: Wiring;
  /** The name of the host that represents the internet. */
  readonly internet: string | undefined;
}

/** `to`: a subnet, or the name of a host. */
interface Expected {
  readonly at: At;
  readonly from: CloudSubnet | string;
  readonly to: CloudSubnet | string;
  readonly family: 4 | 6;
}

export function expectations(model: CloudModel, wiring: Wiring, internet: string | undefined): readonly Draft[] {
  const world: World = { model, wiring, internet };
  const all = [
    ...wiring.nets.flatMap((wired) =>
      wired.routers.flatMap((router) =>
        router.table.routes.flatMap((route) =>
          route.to === undefined ? toInternet(world, router, route) : toNetworks(world, { wired, router }, route),
        ),
      ),
    ),
    ...unusedPeerings(world),
    ...unusedVpns(world),
    ...model.clusters.flatMap((cluster) => ofCluster(world, cluster)),
  ];
  return [...drafted(world, all), ...balanced(world)];
}

/** A load balancer must reach its targets: their security groups can drop its connections. */
function balanced({ model: { machines }, wiring }: World): readonly Draft[] {
  return machines.flatMap(({ id, targets }) =>
    (targets ?? []).flatMap(({ machine, port, isUdp, at }) => {
      const [from, to] = [wiring.nameOf(id), wiring.nameOf(machine)];
      const args = { from, to: `${to}:${port}${isUdp ? "/udp" : ""}`, reachable: true } as const;
      return from === "" || to === "" ? [] : [draftAt(at, { keyword: "expect", args })];
    }),
  );
}

/* ------------------------------------------------------------------ endpoints */

function rangeIn({ ranges }: CloudSubnet, family: 4 | 6): CloudSubnet["ranges"][number] | undefined {
  return ranges.find(({ prefix }) => (typeof prefix.ip === "number" ? 4 : 6) === family);
}

function addressIn(subnet: CloudSubnet, family: 4 | 6): string | undefined {
  const range = rangeIn(subnet, family);
  return range && gatewayAddress(range);
}

/** Each pair once, with the hosts that represent subnets. */
function drafted({ model, wiring }: World, all: readonly Expected[]): readonly Draft[] {
  const owners = new Map<string, number>();
  for (const subnet of model.subnets)
    for (const range of subnet.ranges) {
      const address = gatewayAddress(range) ?? "";
      owners.set(address, (owners.get(address) ?? 0) + 1);
    }
  const hosts = new Map<CloudSubnet, string>();
  const endOf = (end: CloudSubnet | string, family: 4 | 6): string | undefined => {
    if (typeof end === "string") return end;
    const address = addressIn(end, family);
    if (address === undefined || owners.get(address) === 1) return address;
    const name = hosts.get(end) ?? wiring.unused(`${wiring.subnetName(end.id)}-machine`, "host");
    hosts.set(end, name);
    return name;
  };
  const seen = new Set<string>();
  const expects = all.flatMap(({ at, from: sender, to: receiver, family }) => {
    const from = endOf(sender, family);
    const to = endOf(receiver, family);
    const key = `${from} ${to}`;
    if (from === undefined || to === undefined || from === to || seen.has(key)) return [];
    seen.add(key);
    return [draftAt(at, { keyword: "expect", args: { from, to, reachable: true } })];
  });
  const machines = [...hosts].map(([subnet, name]) => {
    const place = whole(subnet.id);
    const attach = draftAt(place, { keyword: "attach", args: { segment: wiring.subnetName(subnet.id) } });
    return draftAt(place, { keyword: "host", args: { name }, children: [attach] });
  });
  return [...machines, ...expects];
}

/* ------------------------------------------------------------------ routes */

/**
 * Packets of a subnet without public addresses do not return from an internet gateway; nodes in it are reported. A transit
 * gateway without a default route can have one from a connection that is not modeled.
 */
function toInternet(
  { model: { transits }, wiring: { appliances }, internet }: World,
  router: TableRouter,
  { target, family, at, isImplied }: CloudRoute,
): readonly Expected[] {
  if (internet === undefined || family === 6 || isImplied) return [];
  const senders = target.kind === "internet" ? router.subnets.filter(({ isPublic }) => isPublic) : router.subnets;
  const from = senders.find((subnet) => rangeIn(subnet, 4));
  const tables = target.kind === "transit" ? (transits.find(({ id }) => id === target.transit)?.tables ?? []) : [];
  const isWay =
    target.kind === "internet" ||
    target.kind === "nat" ||
    appliances.some(({ address }) => target.kind === "address" && target.address === address) ||
    tables.some(({ routes }) => routes.some(({ to, via }) => to === undefined && via !== undefined));
  return from && isWay ? [{ at, from, to: internet, family }] : [];
}

/** One pair of subnets for each route table on the other side. */
function toNetworks(
  { model, wiring }: World,
  { wired, router }: { readonly wired: Wired; readonly router: TableRouter },
  route: CloudRoute,
): readonly Expected[] {
  const { to, family, at } = route;
  const from = router.subnets.find((subnet) => rangeIn(subnet, family));
  if (!to || !from) return [];
  const own = from.ranges.map(({ prefix }) => prefix);
  return otherNets(model, route, wired.net.id).flatMap((net) => {
    const routers = wiring.ofNet(net)?.routers ?? [];
    const covered = routers.flatMap((one) => {
      const subnet = one.subnets.find(({ ranges }) =>
        ranges.some(({ prefix }) => prefixCovers(to, prefix) && !overlaps(own, prefix)),
      );
      return subnet ? [{ router: one, subnet }] : [];
    });
    const back = covered.filter((one) => hasRoute(one.router, own));
    // A public subnet often takes no part: it is not reported if other subnets of the network have a route back.
    return covered
      .filter((one) => back.length === 0 || back.includes(one) || !isPublicTable(one.router))
      .map(({ subnet }) => ({ at, from, to: subnet, family }));
  });
}

function overlaps(own: readonly Prefix[], prefix: Prefix): boolean {
  return own.some((one) => rangesOverlap(prefixRange(one), prefixRange(prefix)));
}

function hasRoute({ table }: TableRouter, to: readonly Prefix[]): boolean {
  return table.routes.some((route) => to.some((prefix) => route.to && prefixCovers(route.to, prefix)));
}

function isPublicTable({ table }: TableRouter): boolean {
  return table.routes.some(({ to, target }) => to === undefined && target.kind === "internet");
}

/** The networks on the other side of a peering or a transit gateway. */
function otherNets({ peerings, transits }: CloudModel, { target }: CloudRoute, own: Resource): readonly Resource[] {
  if (target.kind === "peering")
    return (peerings.find(({ id }) => id === target.peering)?.nets ?? []).filter((net) => net !== own);
  if (target.kind !== "transit") return [];
  const tables = transits.find(({ id }) => id === target.transit)?.tables ?? [];
  const nets = tables.flatMap(({ attached }) => attached.map(({ net }) => net));
  return [...new Set(nets)].filter((net) => net !== own);
}

/** A peering that no route uses. */
function unusedPeerings({ model: { peerings }, wiring }: World): readonly Expected[] {
  return peerings.flatMap(({ id, nets }): Expected[] => {
    const [a, b] = nets.map((net) => wiring.ofNet(net)?.routers ?? []);
    const isUsed = [...(a ?? []), ...(b ?? [])].some(({ table }) =>
      table.routes.some(({ target }) => target.kind === "peering" && target.peering === id),
    );
    const from = a?.[0]?.subnets[0];
    const to = b?.[0]?.subnets[0];
    return isUsed || !from || !to ? [] : [{ at: whole(id), from, to, family: 4 }];
  });
}

/** A VPN connection that no route uses. */
function unusedVpns({ model: { vpns }, wiring }: World): readonly Expected[] {
  return vpns.flatMap(({ id, net }): Expected[] => {
    const routers = wiring.ofNet(net)?.routers ?? [];
    const isUsed = routers.some(({ table }) =>
      table.routes.some(({ target }) => target.kind === "vpn" && target.vpn === id),
    );
    const from = routers[0]?.subnets[0];
    const host = wiring.tunnelOf(id)?.host;
    return isUsed || !from || host === undefined ? [] : [{ at: whole(id), from, to: host, family: 4 }];
  });
}

/** Nodes in subnets whose default route is not checked itself. A network without any way to the internet is private. */
function ofCluster(
  { model: { subnets }, wiring, internet }: World,
  { id, pools, needsInternet }: CloudCluster,
): readonly Expected[] {
  if (internet === undefined || !needsInternet) return [];
  // One node of each subnet represents all of them.
  const first = pools.filter(({ subnet }, index) => pools.findIndex((one) => one.subnet === subnet) === index);
  return first.flatMap((pool): Expected[] => {
    const found = subnets.find((one) => one.id === pool.subnet);
    const isPrivate = subnets.every(
      ({ net, table }) =>
        net !== found?.net || table.routes.every(({ to, target }) => to !== undefined || target.kind === "drop"),
    );
    // Another default route is checked itself, or its target is not modeled.
    const isChecked = found?.table.routes.some(
      ({ to, target }) => to === undefined && target.kind !== "drop" && (target.kind !== "internet" || found.isPublic),
    );
    const from = `${wiring.nameOf(id)}/${firstNode(pool)}`;
    return isChecked || isPrivate ? [] : [{ at: pool.at, from, to: internet, family: 4 }];
  });
}
