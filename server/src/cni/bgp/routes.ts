/** Routes of a host learned through BGP: next hops that are not on-link are looked up recursively. */
import type { Ip, Prefix } from "../../addressing/ip.ts";
import { formatIp } from "../../addressing/ip.ts";
import { mapPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Nexthop, Route, RouteLayer } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import type { HostState } from "../host.ts";
import { type Learned, nameOf } from "./model.ts";
import type { Bgp } from "./solve.ts";

/**
 * Whether the host has another route to the prefix. BIRD does not touch routes of other protocols, and zebra prefers
 * connected and static routes over BGP routes.
 */
function isTaken({ routes }: HostState, { ip, len }: Prefix): boolean {
  return routes.some(({ dst }) => dst.len === len && dst.ip === ip);
}

/**
 * A layer of learned routes, each created when it is looked up. `hops` returns the next hops of a route; undefined: it
 * is not installed.
 */
export function learnedLayer(
  host: HostState,
  learned: PrefixTable<Learned | undefined>,
  family: 4 | 6,
  form: Pick<Route, "proto" | "metric">,
  hops: (one: Learned) => readonly Nexthop[] | undefined = (one) => nexthopsOf(host, one),
): PrefixTable<Route> {
  return mapPrefixTable(learned, family, ({ prefix, values: [one] }): Route => {
    const nexthops = one && !isTaken(host, prefix) ? hops(one) : undefined;
    return {
      dst: prefix,
      type: "unicast",
      nexthops: nexthops ?? [],
      ...form,
      get why() {
        return one ? whyLearned(one) : "";
      },
      origin: one?.origin.source,
    };
  });
}

/** Whether an entry of `learnedLayer` is not a route. */
export function isNone({ nexthops }: Route): boolean {
  return nexthops.length === 0;
}

/** Undefined if no next hop is reachable. */
export function nexthopsOf(host: HostState, learned: Learned): readonly Nexthop[] | undefined {
  const hops: Nexthop[] = [];
  for (const via of learned.via) {
    for (const hop of resolved(host, via)) {
      if (!hops.some((one) => one.via === hop.via && one.dev === hop.dev)) hops.push(hop);
    }
  }
  return hops.length === 0 ? undefined : hops;
}

function resolved(host: HostState, via: Ip): readonly Nexthop[] {
  const route = host.lookup(via);
  if (route?.type !== "unicast") return [];
  return route.nexthops.map((hop) => (hop.via === undefined ? { via, dev: hop.dev } : { via: hop.via, dev: hop.dev }));
}

function whyLearned({ via, path, from }: Learned): string {
  const by = path.length === 0 ? "iBGP" : t`AS path ${path.join(" ")}`;
  return t`BGP: advertised by ${nameOf(from)} (${by}), next hop ${via.map(formatIp).join(", ")}`;
}

/** A router's routes as created by zebra: `proto bgp metric 20` (FRR, zebra/zebra_rib.c). */
export function routerLayers(host: HostState, bgp: Bgp): readonly RouteLayer[] {
  const group = bgp.groupOf(host.station.path);
  if (group === undefined) return [];
  return ([4, 6] as const).map((family) => ({
    table: learnedLayer(host, bgp.learned(group, family), family, { proto: "bgp", metric: 20 }, (one) =>
      one.from.station === host.station ? undefined : nexthopsOf(host, one),
    ),
    except: isNone,
  }));
}
