/**
 * A topology as drawn: segments with their attached machines, nodes with their pods. The members of a pool are drawn as one
 * item that shows their number, and so are similar nodes if there are many.
 */

import { formatIp, formatPrefix, type Prefix } from "../../addressing/ip.ts";
import type { Origin } from "../../declared/origin.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Node, Pod, Segment, Station, Topology } from "../../topology/model.ts";
import { hostRange, segmentUsage } from "../features/free.ts";
import { rangeTexts } from "../node-ranges.ts";

export interface TopologyMap {
  readonly clusters: readonly MapItem[];
  readonly segments: readonly MapItem[];
  readonly stations: readonly MapStation[];
}

export interface MapItem {
  readonly kind: "cluster" | "segment" | "router" | "host" | "node" | "pod";
  readonly name: string;
  /** Facts to show, one per line. */
  readonly facts: readonly string[];
  /** Its path in traces and in `knet routes`. */
  readonly path: string | undefined;
  readonly source: Origin;
}

export interface MapStation {
  readonly item: MapItem;
  /** The number of machines that it represents. */
  readonly count: number;
  readonly cluster: string | undefined;
  readonly links: readonly MapLink[];
  readonly pods: readonly MapItem[];
  readonly morePods: number;
}

export interface MapLink {
  readonly segment: string;
  /** "eth0 10.0.0.1"; for several machines, the addresses of the first and the last. */
  readonly text: string;
}

/** Maximum number of similar nodes that are drawn individually. */
const MOST_ALIKE = 12;
const MOST_PODS = 6;

export function mapOf(topology: Topology): TopologyMap {
  const { clusters, segments, routers, hosts } = topology;
  return {
    clusters: clusters.map(clusterItem),
    segments: [...segments.values()].map((segment) => segmentItem(topology, segment)),
    stations: [
      ...routers.map((router) => stationOf([router], undefined)),
      ...hosts.map((host) => stationOf([host], undefined)),
      ...clusters.flatMap((cluster) => groups(cluster).map((nodes) => stationOf(nodes, cluster))),
    ],
  };
}

function clusterItem(cluster: Cluster): MapItem {
  const { podCidrs, serviceCidrs, cni, nodes, pods, name, source } = cluster;
  const facts = [
    `cni ${cni.plugin}`,
    ...podCidrs.map(({ prefix, perNode }) => t`pod CIDR ${formatPrefix(prefix)}, /${perNode} per node`),
    ...serviceCidrs.map(({ prefix }) => t`service CIDR ${formatPrefix(prefix)}`),
    `${plural(nodes.length, "node")}, ${plural(pods.count, "pod")}`,
  ];
  return { kind: "cluster", name, facts, path: undefined, source };
}

function segmentItem(topology: Topology, segment: Segment): MapItem {
  const { name, cidrs, mtu, vlan, gateways, source } = segment;
  const facts = [
    ...cidrs.map((prefix) => prefixFact(topology, segment, prefix)),
    `mtu ${mtu}`,
    ...(vlan === undefined ? [] : [`vlan ${vlan}`]),
    ...(gateways.length === 0 ? [] : [`gateway ${gateways.map(formatIp).join(" ")}`]),
  ];
  return { kind: "segment", name, facts, path: undefined, source };
}

/** With the number of free addresses, except for IPv6. */
function prefixFact(topology: Topology, segment: Segment, prefix: Prefix): string {
  const { first, last } = hostRange(prefix);
  if (typeof first !== "number" || typeof last !== "number") return formatPrefix(prefix);
  const all = last - first + 1;
  const free = Math.max(0, all - segmentUsage(topology, segment, prefix).used);
  return t`${formatPrefix(prefix)}, ${number(free)} of ${number(all)} free`;
}

/* ---------------------------------------------------------------- machines */

/** Nodes of one statement form a group; nodes of several statements do if they are on the same segments and too many to draw. */
function groups({ nodes }: Cluster): readonly (readonly Node[])[] {
  const byDecl = grouped(nodes, ({ source }) => source.decl.handle);
  const alike = grouped(byDecl, ([first]) => (first?.interfaces ?? []).map(({ segment }) => segment).join(" "));
  return alike.flatMap((some) => (some.length > MOST_ALIKE ? [some.flat()] : some));
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => unknown): readonly (readonly T[])[] {
  const found = new Map<unknown, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const same = found.get(key);
    if (same) same.push(one);
    else found.set(key, [one]);
  }
  return [...found.values()];
}

function stationOf(
  stations: readonly [Station, ...Station[]] | readonly Node[],
  cluster: Cluster | undefined,
): MapStation {
  const first = stations[0];
  const last = stations.at(-1);
  if (!first || !last) throw new Error("a group has members");
  const links = first.interfaces.map((iface, index): MapLink => {
    const own = addressesOf(iface.addresses);
    const other = addressesOf(last.interfaces[index]?.addresses ?? []);
    return { segment: iface.segment, text: `${iface.device} ${own}${own === other ? "" : ` … ${other}`}`.trimEnd() };
  });
  const name = first === last ? first.name : `${first.name} … ${last.name}`;
  const pods = cluster ? podsOn(cluster, stations) : [];
  const count = cluster ? countOn(cluster, stations) : 0;
  const item: MapItem = {
    kind: first.kind,
    name,
    facts: factsOf(stations, cluster, count),
    path: first.path,
    source: first.source,
  };
  return {
    item,
    count: stations.length,
    cluster: cluster?.name,
    links,
    pods: pods.map(podItem),
    morePods: count - pods.length,
  };
}

function addressesOf(addresses: Station["interfaces"][number]["addresses"]): string {
  return addresses.map(({ ip }) => formatIp(ip)).join(" ");
}

function factsOf(stations: readonly Station[], cluster: Cluster | undefined, pods: number): readonly string[] {
  const [first] = stations;
  const last = stations.at(-1);
  const facts: string[] = [];
  // Only nodes are grouped.
  if (stations.length > 1) facts.push(plural(stations.length, "node"));
  if (first?.kind === "node" && last?.kind === "node") {
    const others = rangeTexts(last.podCidrs);
    facts.push(
      ...rangeTexts(first.podCidrs).map((own, index) => {
        const other = others[index];
        return t`pod CIDR ${first === last || other === undefined ? own : `${own} … ${other}`}`;
      }),
    );
    if (first.cni && cluster && first.cni.plugin !== cluster.cni.plugin) facts.push(`cni ${first.cni.plugin}`);
    if (pods > 0) facts.push(plural(pods, "pod"));
  }
  facts.push(
    ...(first?.processes ?? []).map(
      ({ name, listeners }) => `${name} ${listeners.map((one) => `${one.first}/${one.proto}`).join(" ")}`,
    ),
  );
  const rules = first?.acl.length ?? 0;
  if (rules > 0) facts.push(plural(rules, "access list rule"));
  return facts;
}

function countOn(cluster: Cluster, stations: readonly Station[]): number {
  let count = 0;
  for (const station of stations) if (station.kind === "node") count += cluster.pods.countOn(station);
  return count;
}

function podsOn(cluster: Cluster, stations: readonly Station[]): readonly Pod[] {
  const found: Pod[] = [];
  for (const station of stations) {
    if (station.kind !== "node") continue;
    for (const pod of cluster.pods.podsOn(station)) {
      if (found.length >= MOST_PODS) return found;
      found.push(pod);
    }
  }
  return found;
}

function podItem(pod: Pod): MapItem {
  const { workload, addresses } = pod;
  const own = workload.hostNetwork ? t`host network` : addresses.map(formatIp).join(" ");
  const listens = workload.containers.flatMap(({ listeners }) => listeners.map((one) => `${one.first}/${one.proto}`));
  return {
    kind: "pod",
    name: `${workload.namespace}/${pod.name}`,
    facts: [own === "" ? t`no address` : own, ...(listens.length === 0 ? [] : [t`listens on ${listens.join(" ")}`])],
    path: pod.path,
    source: workload.source,
  };
}
