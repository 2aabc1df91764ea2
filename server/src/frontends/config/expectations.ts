/**
 * The traffic that routes and clusters are there for, as expectations: a route to another network needs a route back, a
 * default route must reach the internet, and nodes need it to start. The endpoints are the gateways of the subnets, so access
 * lists of machines do not matter.
 */
import { type Prefix, prefixCovers, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import { firstNode } from "./cluster-drafts.ts";
import { gatewayAddress } from "./gateway.ts";
import type { CloudCluster, CloudModel, CloudRoute, CloudSubnet } from "./model.ts";
import { type At, draftAt, type Resource, whole } from "./resource.ts";
import type { TableRouter, Wired, Wiring } from "./wiring.ts";

/** `internet`: the name of the host that represents the internet. */
export function expectations(model: CloudModel, wiring: Wiring, internet: string | undefined): readonly Draft[] {
  const seen = new Set<string>();
  return [
    ...wiring.nets.flatMap((wired) =>
      wired.routers.flatMap((router) =>
        router.table.routes.flatMap((route) =>
          route.isImplied && route.to === undefined
            ? []
            : route.to === undefined
              ? toInternet(model, wiring, { router, internet }, route)
              : toNetworks(model, wiring, { wired, router }, route),
        ),
      ),
    ),
    ...unusedPeerings(model, wiring),
    ...model.clusters.flatMap((cluster) => ofCluster(model, wiring, cluster, internet)),
  ].filter(({ args }) => {
    const key = `${String(args?.["from"])} ${String(args?.["to"])}`;
    return !seen.has(key) && seen.add(key);
  });
}

function expect(at: At, from: string, to: string): Draft {
  return draftAt(at, { keyword: "expect", args: { from, to, reachable: true } });
}

function rangeIn({ ranges }: CloudSubnet, family: 4 | 6): CloudSubnet["ranges"][number] | undefined {
  return ranges.find(({ prefix }) => (typeof prefix.ip === "number" ? 4 : 6) === family);
}

function addressIn(subnet: CloudSubnet | undefined, family: 4 | 6): string | undefined {
  const range = subnet && rangeIn(subnet, family);
  return range && gatewayAddress(range);
}

/**
 * Packets of a subnet without public addresses do not return from an internet gateway; nodes in it are reported. A transit
 * gateway without a default route can have one from a connection that is not modeled.
 */
function toInternet(
  { transits }: CloudModel,
  { appliances }: Wiring,
  { router, internet }: { readonly router: TableRouter; readonly internet: string | undefined },
  { target, family, at }: CloudRoute,
): readonly Draft[] {
  if (internet === undefined || family === 6) return [];
  const senders = target.kind === "internet" ? router.subnets.filter(({ isPublic }) => isPublic) : router.subnets;
  const from = addressIn(senders[0], 4);
  const tables = target.kind === "transit" ? (transits.find(({ id }) => id === target.transit)?.tables ?? []) : [];
  const isWay =
    target.kind === "internet" ||
    target.kind === "nat" ||
    appliances.some(({ address }) => target.kind === "address" && target.address === address) ||
    tables.some(({ routes }) => routes.some(({ to, via }) => to === undefined && via !== undefined));
  return from === undefined || !isWay ? [] : [expect(at, from, internet)];
}

/** One pair of subnets for each route table on the other side. */
function toNetworks(
  model: CloudModel,
  wiring: Wiring,
  { wired, router }: { readonly wired: Wired; readonly router: TableRouter },
  route: CloudRoute,
): readonly Draft[] {
  const { to, family, at } = route;
  const sender = router.subnets.find((subnet) => rangeIn(subnet, family));
  const from = addressIn(sender, family);
  if (!to || !sender || from === undefined) return [];
  const own = sender.ranges.map(({ prefix }) => prefix);
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
    return covered.flatMap((one) => {
      const address = addressIn(one.subnet, family);
      const isMeant = back.length === 0 || back.includes(one) || !isPublicTable(one.router);
      return address !== undefined && isMeant ? [expect(at, from, address)] : [];
    });
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
function unusedPeerings({ peerings }: CloudModel, wiring: Wiring): readonly Draft[] {
  return peerings.flatMap(({ id, nets }) => {
    const [a, b] = nets.map((net) => wiring.ofNet(net)?.routers ?? []);
    const isUsed = [...(a ?? []), ...(b ?? [])].some(({ table }) =>
      table.routes.some(({ target }) => target.kind === "peering" && target.peering === id),
    );
    const from = addressIn(a?.[0]?.subnets[0], 4);
    const to = addressIn(b?.[0]?.subnets[0], 4);
    return isUsed || from === undefined || to === undefined || from === to ? [] : [expect(whole(id), from, to)];
  });
}

/** Nodes in subnets whose default route is not checked itself. A network without any way to the internet is private. */
function ofCluster(
  { subnets }: CloudModel,
  wiring: Wiring,
  { id, pools, needsInternet }: CloudCluster,
  internet: string | undefined,
): readonly Draft[] {
  if (internet === undefined || !needsInternet) return [];
  // One node of each subnet represents all of them.
  const first = pools.filter(({ subnet }, index) => pools.findIndex((one) => one.subnet === subnet) === index);
  return first.flatMap((pool) => {
    const { subnet, at } = pool;
    const found = subnets.find((one) => one.id === subnet);
    const isPrivate = subnets.every(
      ({ net, table }) =>
        net !== found?.net || table.routes.every(({ to, target }) => to !== undefined || target.kind === "drop"),
    );
    // Another default route is checked itself, or its target is not modeled.
    const isChecked = found?.table.routes.some(
      ({ to, target }) => to === undefined && target.kind !== "drop" && (target.kind !== "internet" || found.isPublic),
    );
    return isChecked || isPrivate ? [] : [expect(at, `${wiring.nameOf(id)}/${firstNode(pool)}`, internet)];
  });
}
