/** What BGP has learned as routes of a host: next hops that are no neighbours are looked up in turn (recursive next hops). */
import type { Ip } from "../../addressing/ip.ts";
import { formatIp } from "../../addressing/ip.ts";
import type { Nexthop, Route } from "../../dataplane/model.ts";
import type { HostState } from "../host.ts";
import { type Learned, nameOf } from "./model.ts";

/**
 * What has been learned and is to be installed: not what the host has a route of its own to. BIRD leaves routes alone that are
 * not its own, and zebra takes connected and static routes before those of BGP.
 */
export function* installable(host: HostState, learned: Iterable<Learned>): Iterable<Learned> {
  const own = new Set(host.routes.map(({ dst }) => `${dst.ip}/${dst.len}`));
  for (const one of learned) if (!own.has(`${one.prefix.ip}/${one.prefix.len}`)) yield one;
}

/** Undefined where no next hop can be reached. */
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

export function whyLearned({ via, path, from }: Learned): string {
  const by = path.length === 0 ? "iBGP" : `AS path ${path.join(" ")}`;
  return `BGP: ${nameOf(from)} announces it (${by}), next hop ${via.map(formatIp).join(", ")}`;
}

/** A router's routes as zebra makes them: `proto bgp metric 20` (FRR, zebra/zebra_rib.c). */
export function* routerRoutes(host: HostState, learned: Iterable<Learned>): Iterable<Route> {
  for (const one of installable(host, learned)) {
    const nexthops = one.from.station === host.station ? undefined : nexthopsOf(host, one);
    if (!nexthops) continue;
    yield {
      dst: one.prefix,
      type: "unicast",
      nexthops,
      proto: "bgp",
      metric: 20,
      get why() {
        return whyLearned(one);
      },
      origin: one.origin.source,
    };
  }
}
