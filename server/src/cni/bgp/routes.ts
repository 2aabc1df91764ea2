/** Routes of a host learned through BGP: next hops that are not on-link are looked up recursively. */
import { formatIp, type Ip, type Prefix, prefixEquals } from "../../addressing/ip.ts";
import { mapPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Nexthop, Route, RouteLayer } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import type { HostState } from "../host.ts";
import { type Learned, type LearnedTable, nameOf } from "./model.ts";

/**
 * Whether the host has another route to the prefix. BIRD does not touch routes of other protocols, and zebra prefers
 * connected and static routes over BGP routes.
 */
function isTaken({ routes }: HostState, { ip, len }: Prefix): boolean {
  return routes.some(({ dst }) => dst.len === len && dst.ip === ip);
}

/**
 * A layer of learned routes, each created when it is looked up. `hops` returns the next hops of a route; "unreachable":
 * the kernel rejects packets; undefined: the route is not installed.
 */
export function learnedLayer(
  host: HostState,
  learned: LearnedTable,
  family: 4 | 6,
  form: Pick<Route, "proto" | "metric">,
  hops: (one: Learned) => readonly Nexthop[] | "unreachable" | undefined,
): PrefixTable<Route> {
  return mapPrefixTable(learned, family, ({ prefix, values: [one] }): Route => {
    const nexthops = one && !isTaken(host, prefix) ? hops(one) : undefined;
    return {
      dst: prefix,
      type: nexthops === "unreachable" ? "unreachable" : "unicast",
      nexthops: nexthops === "unreachable" ? [] : (nexthops ?? []),
      ...form,
      why: () => {
        if (!one) return "";
        return nexthops === "unreachable"
          ? t`${whyLearned(one)}, which matches another BGP route: BIRD cannot use it (recursive next hop)`
          : whyLearned(one);
      },
      origin: one?.origin.source,
    };
  });
}

/** Whether an entry of `learnedLayer` is not a route. */
export function isNone({ nexthops, type }: Route): boolean {
  return nexthops.length === 0 && type === "unicast";
}

/** The next hops of the best route with a reachable next hop; undefined if no next hop is reachable. */
function bestReachable(
  { via, worse }: Learned,
  resolve: (equal: readonly Ip[]) => readonly Nexthop[],
): readonly Nexthop[] | undefined {
  for (const equal of [via, ...worse]) {
    const hops = resolve(equal);
    if (hops.length > 0) return hops.filter((hop, i) => hops.findIndex((one) => isSameHop(one, hop)) === i);
  }
  return undefined;
}

function isSameHop(a: Nexthop, b: Nexthop): boolean {
  return a.via === b.via && a.dev === b.dev;
}

function throughRoute({ nexthops }: Route, via: Ip): readonly Nexthop[] {
  return nexthops.map((hop) => ({ via: hop.via ?? via, dev: hop.dev }));
}

/**
 * BIRD with one routing table (rt_update_hostentry, nest/rt-table.c). A route whose next hop matches another BGP route is
 * unreachable: all routes of `multihop` sessions are recursive, and a recursive route cannot depend on another one. Of
 * equal routes, those with a directly connected next hop are preferred (rt_get_igp_metric).
 */
export function birdNexthops(host: HostState, learned: LearnedTable, one: Learned): readonly Nexthop[] | "unreachable" {
  const found = bestReachable(one, (equal) => {
    const routes = equal.map((via) => ({ via, route: birdUnderlay(host, learned, via) }));
    const direct = routes.filter(({ route }) => route?.proto === "kernel");
    return (direct.length > 0 ? direct : routes).flatMap(({ via, route }) => (route ? throughRoute(route, via) : []));
  });
  return found ?? "unreachable";
}

/** The host's own route to a next hop, unless BIRD prefers a route of BGP: only a connected route has a higher preference. */
export function birdUnderlay(host: HostState, learned: LearnedTable, via: Ip): Route | undefined {
  const route = host.lookup(via);
  if (route?.type !== "unicast") return undefined;
  for (const { prefix, values } of learned.matches(via)) {
    if (values[0] === undefined) continue;
    const isOver = prefix.len === route.dst.len ? route.proto !== "kernel" : prefix.len > route.dst.len;
    if (isOver) return undefined;
  }
  return route;
}

/** FRR (nexthop_active, zebra/zebra_nhg.c): next hops are looked up among all routes, including BGP routes. */
function routerNexthops(host: HostState, learned: LearnedTable, one: Learned): readonly Nexthop[] | undefined {
  return bestReachable(one, (equal) => equal.flatMap((via) => recursive({ host, learned, above: [one.prefix] }, via)));
}

/** The next hops of packets to a next hop of BGP, as a router looks it up; empty if it is not reachable. */
export function routerRecursion(host: HostState, learned: LearnedTable, via: Ip, around?: Prefix): readonly Nexthop[] {
  return recursive({ host, learned, above: around ? [around] : [] }, via);
}

interface Recursion {
  readonly host: HostState;
  readonly learned: LearnedTable;
  /** Prefixes of the routes whose next hop is being looked up: none of them can be used for it. */
  readonly above: readonly Prefix[];
}

function recursive({ host, learned, above }: Recursion, via: Ip): readonly Nexthop[] {
  const route = host.lookup(via);
  for (const { prefix, values } of learned.matches(via)) {
    const [one] = values;
    if (route && prefix.len <= route.dst.len) break;
    if (!one || one.origins.some(({ station }) => station === host.station)) continue;
    if (above.some((other) => prefixEquals(other, prefix))) return [];
    const inner = { host, learned, above: [...above, prefix] };
    return bestReachable(one, (equal) => equal.slice(0, 1).flatMap((next) => recursive(inner, next))) ?? [];
  }
  return route?.type === "unicast" ? throughRoute(route, via) : [];
}

function whyLearned({ via, path, from }: Learned): string {
  const by = path.length === 0 ? "iBGP" : t`AS path ${path.join(" ")}`;
  return t`BGP: advertised by ${nameOf(from)} (${by}), next hop ${via.map(formatIp).join(", ")}`;
}

/** A router's routes as created by zebra: `proto bgp metric 20` (FRR, zebra/zebra_rib.c). */
/** The part of the solution that this file reads. */
interface LearnedRoutes {
  groupOf(path: string): string | undefined;
  learned(group: string, family: 4 | 6): LearnedTable;
}

export function routerLayers(host: HostState, bgp: LearnedRoutes): readonly RouteLayer[] {
  const group = bgp.groupOf(host.station.path);
  if (group === undefined) return [];
  return ([4, 6] as const).map((family) => ({
    table: routerTable(host, bgp.learned(group, family), family),
    except: isNone,
  }));
}

function routerTable(host: HostState, learned: LearnedTable, family: 4 | 6): PrefixTable<Route> {
  return learnedLayer(host, learned, family, { proto: "bgp", metric: 20 }, (one) =>
    one.origins.some(({ station }) => station === host.station) ? undefined : routerNexthops(host, learned, one),
  );
}
