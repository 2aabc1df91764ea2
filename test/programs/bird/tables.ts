/** Routes of BGP as one line of text per destination: knet's prediction, and what BIRD and the kernel have. */
import {
  formatIp,
  formatPrefix,
  isLinkLocal,
  parseIp,
  parsePrefix,
  prefixContains,
} from "../../../server/src/addressing/ip.ts";
import type { Speaker } from "../../../server/src/cni/bgp/model.ts";
import { clusterStates } from "../../../server/src/cni/clusters.ts";
import { hostState } from "../../../server/src/cni/host.ts";
import type { NetnsId, Network, Nexthop, Route } from "../../../server/src/dataplane/model.ts";
import { routesOf } from "../../../server/src/dataplane/print.ts";
import type { Topology } from "../../../server/src/topology/model.ts";
import { inSpace } from "../spaces.ts";
import type { Family } from "./conf.ts";
import type { Daemon } from "./daemon.ts";

/** Destination → next hops, or the AS path. */
export type Table = ReadonlyMap<string, string>;
type Hop = readonly [via: string, dev: string];

const FAMILIES: readonly Family[] = [4, 6];
/** RTPROT_BIRD. */
const PROTOCOL = "12";
const TUNNEL = "tunl0";
const FELIX = "80";
const VXLAN = /^vxlan/;

export function familiesOf({ addresses }: Speaker): readonly Family[] {
  return FAMILIES.filter((family) => addresses.some((ip) => (typeof ip === "number") === (family === 4)));
}

export function isFromBgp({ proto, type }: Route): boolean {
  return (proto === "bgp" || proto === "bird") && type !== "blackhole";
}

/* --------------------------------------------------------------- next hops */

export function predictedHops(network: Network, { station }: Speaker): Table {
  const host = hostState(station);
  const hopsOf = ({ via, dev }: Nexthop): readonly Hop[] => {
    if (dev !== TUNNEL || via === undefined) return [[via === undefined ? "" : formatIp(via), dev]];
    // krt_tunnel is a patch of Calico's BIRD: without it, the route is the one to the other end of the tunnel.
    return (host.lookup(via)?.nexthops ?? []).map((hop) => [formatIp(hop.via ?? via), hop.dev]);
  };
  const found = allRoutes(network, station.path).filter(isFromBgp);
  return new Map(
    found.map(({ dst, type, nexthops }) => [
      formatPrefix(dst),
      type === "unicast" ? hopsText(nexthops.flatMap(hopsOf)) : type,
    ]),
  );
}

function allRoutes(network: Network, id: NetnsId): readonly Route[] {
  const netns = network.netns(id);
  return netns ? FAMILIES.flatMap((family) => routesOf(netns, family)) : [];
}

/** Prefixes that Felix routes: confd's filter `calico_kernel_programming` leaves them out. */
export function prefixesOfFelix(network: Network, id: NetnsId): ReadonlySet<string> {
  const found = allRoutes(network, id).filter(
    ({ proto, nexthops }) => proto === FELIX || nexthops.some(({ dev }) => VXLAN.test(dev)),
  );
  return new Set(found.map(({ dst }) => formatPrefix(dst)));
}

function hopsText(hops: readonly Hop[]): string {
  const lines = hops.map(([via, dev]) => (via === "" ? dev : `${via} ${dev}`));
  return lines.sort().join(", ");
}

interface KernelHop {
  readonly gateway?: string;
  readonly dev?: string;
}
interface KernelRoute extends KernelHop {
  readonly dst: string;
  readonly type?: string;
  readonly nexthops?: readonly KernelHop[];
}

/** The routes of BIRD in the kernel. `globals`: see `globalAddresses`. */
export function kernelHops(name: string, families: readonly Family[], globals: ReadonlyMap<string, string>): Table {
  const table = new Map<string, string>();
  for (const family of families) {
    const out = inSpace(name, ["ip", `-${family}`, "-j", "route", "show", "table", "main", "proto", PROTOCOL]);
    for (const { dst, type, nexthops, ...only } of JSON.parse(out === "" ? "[]" : out) as readonly KernelRoute[]) {
      if (type === "blackhole") continue;
      const hops = (nexthops ?? [only]).map(
        ({ gateway = "", dev = "" }): Hop => [globals.get(gateway) ?? gateway, dev],
      );
      table.set(withLength(dst, family), type ?? hopsText(hops));
    }
  }
  return table;
}

function withLength(dst: string, family: Family): string {
  if (dst === "default") return family === 4 ? "0.0.0.0/0" : "::/0";
  return dst.includes("/") ? dst : `${dst}/${family === 4 ? 32 : 128}`;
}

/** Link-local addresses → the global address of the same device: BIRD uses the link-local one of a next hop on the link. */
export function globalAddresses(network: Network, ids: Iterable<NetnsId>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const id of ids) {
    for (const { addresses } of network.netns(id)?.devices.values() ?? []) {
      const global = addresses.find(({ ip }) => typeof ip === "bigint" && !isLinkLocal(ip));
      for (const { ip } of addresses) if (global && isLinkLocal(ip)) found.set(formatIp(ip), formatIp(global.ip));
    }
  }
  return found;
}

/* ---------------------------------------------------------------- AS paths */

/** Of the best route to each prefix that is not the speaker's own. */
export function predictedPaths(topology: Topology, speaker: Speaker): Table {
  const bgp = clusterStates(topology).bgp();
  const group = bgp.groupOf(speaker.station.path);
  const table = new Map<string, string>();
  if (group === undefined) return table;
  for (const family of familiesOf(speaker)) {
    for (const [prefix, learned] of bgp.learned(group, family).entries()) {
      if (learned && !isOwn(speaker, formatPrefix(prefix))) table.set(formatPrefix(prefix), pathText(learned.path));
    }
  }
  return table;
}

function isOwn({ originates, station }: Speaker, prefix: string): boolean {
  const blocks = station.kind === "node" ? station.podCidrs : [];
  return [...originates, ...blocks].some((one) => formatPrefix(one.prefix) === prefix);
}

/** Sorted: BIRD's substitute for as-override changes the order, which decides nothing. */
function pathText(path: readonly (number | string)[]): string {
  return `AS path ${path.map(String).sort().join(" ")}`;
}

export function isPath(text: string): boolean {
  return text.startsWith("AS path");
}

export interface BirdPaths {
  /** Of the best routes in BIRD's table; "" for prefixes whose best route is not one of BGP. */
  readonly paths: Table;
  /** Prefixes that contain the next hop of their best route, which is not on a link of the speaker. */
  readonly selfResolved: ReadonlySet<string>;
}

export async function birdPaths(daemon: Daemon, speaker: Speaker): Promise<BirdPaths> {
  const paths = new Map<string, string>();
  const selfResolved = new Set<string>();
  for (const family of familiesOf(speaker)) {
    const name = speaker.station.kind === "node" ? `master${family}` : `bgp${family}`;
    const text = await daemon.ask(`show route table ${name} primary all`);
    for (const [, prefix = "", about = ""] of text.matchAll(/^(\S+\/\d+)\s(.*(?:\n\s.*)*)/gm)) {
      const path = /^\s+BGP\.as_path: ?(.*)$/m.exec(about)?.[1];
      paths.set(prefix, path === undefined ? "" : pathText(path.split(" ").filter((as) => as !== "")));
      const next = /^\s+BGP\.next_hop: (\S+)/m.exec(about)?.[1];
      const via = /^\s+via (\S+) on/m.exec(about)?.[1];
      if (next !== undefined && next !== via && contains(prefix, next)) selfResolved.add(prefix);
    }
  }
  return { paths, selfResolved };
}

function contains(prefix: string, address: string): boolean {
  const [range, ip] = [parsePrefix(prefix)?.prefix, parseIp(address)];
  return range !== undefined && ip !== undefined && prefixContains(range, ip);
}

/** Destinations whose best route has no reachable next hop: routers do not install it. */
export async function unreachablePrefixes(daemon: Daemon, speaker: Speaker): Promise<Table> {
  const table = new Map<string, string>();
  for (const family of familiesOf(speaker)) {
    const text = await daemon.ask(`show route table master${family} primary`);
    for (const [, prefix = ""] of text.matchAll(/^(\S+\/\d+)\s+unreachable \[bgp/gm)) table.set(prefix, "unreachable");
  }
  return table;
}

/* -------------------------------------------------------------- comparison */

export interface Differing {
  readonly id: NetnsId;
  readonly dst: string;
  readonly knet: string;
  readonly bird: string;
}

/** The destinations in which the tables differ, apart from those of `except`; "": not comparable. */
export function differ(id: NetnsId, knet: Table, bird: Table, except: ReadonlySet<string>): readonly Differing[] {
  const found: Differing[] = [];
  for (const dst of new Set([...knet.keys(), ...bird.keys()])) {
    if (except.has(dst) || bird.get(dst) === "" || knet.get(dst) === bird.get(dst)) continue;
    found.push({ id, dst, knet: knet.get(dst) ?? "none", bird: bird.get(dst) ?? "none" });
  }
  return found;
}
