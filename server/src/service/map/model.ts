/**
 * A topology for people: segments with what is attached to them, nodes with their pods. Members of a pool, and nodes that
 * are many and alike, are one thing with a number; the file has them all.
 */
import { formatIp, formatPrefix, type Prefix } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import { number, plural } from "../../text/words.ts";
import type { Cluster, Node, Pod, Segment, Station, Topology } from "../../topology/model.ts";
import { hostRange, segmentUsage } from "../features/free.ts";

export interface TopologyMap {
  readonly clusters: readonly MapItem[];
  readonly segments: readonly MapItem[];
  readonly stations: readonly MapStation[];
}

export interface MapItem {
  readonly kind: "cluster" | "segment" | "router" | "host" | "node" | "pod";
  readonly name: string;
  /** What is to be known of it, a line each. */
  readonly facts: readonly string[];
  /** What a trace or `knet routes` calls it. */
  readonly path: string | undefined;
  readonly source: Source;
}

export interface MapStation {
  readonly item: MapItem;
  /** More than one: it stands for so many. */
  readonly count: number;
  readonly cluster: string | undefined;
  readonly links: readonly MapLink[];
  readonly pods: readonly MapItem[];
  readonly morePods: number;
}

export interface MapLink {
  readonly segment: string;
  /** "eth0 10.0.0.1"; of several stations the first one's and the last one's. */
  readonly text: string;
}

/** So many alike are drawn one by one. */
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
    ...podCidrs.map(({ prefix, perNode }) => `pods ${formatPrefix(prefix)}, /${perNode} a node`),
    ...serviceCidrs.map(({ prefix }) => `services ${formatPrefix(prefix)}`),
    `${plural(nodes.length, "node")}, ${plural(pods.count, "pod")}`,
  ];
  return { kind: "cluster", name, facts, path: undefined, source };
}

function segmentItem(topology: Topology, segment: Segment): MapItem {
  const { name, cidrs, mtu, vlan, gateways, source } = segment;
  const facts = [
    ...cidrs.map((prefix) => `${formatPrefix(prefix)}${freeText(topology, segment, prefix)}`),
    `mtu ${mtu}`,
    ...(vlan === undefined ? [] : [`vlan ${vlan}`]),
    ...(gateways.length === 0 ? [] : [`gateway ${gateways.map(formatIp).join(" ")}`]),
  ];
  return { kind: "segment", name, facts, path: undefined, source };
}

function freeText(topology: Topology, segment: Segment, prefix: Prefix): string {
  const { first, last } = hostRange(prefix);
  if (typeof first !== "number" || typeof last !== "number") return "";
  const all = last - first + 1;
  return `, ${number(Math.max(0, all - segmentUsage(topology, segment, prefix).used))} free of ${number(all)}`;
}

/* ---------------------------------------------------------------- stations */

/** Nodes of one statement are alike; those of several are, where they hang on the same segments and are too many to draw. */
function groups({ nodes }: Cluster): readonly (readonly Node[])[] {
  const byStatement = grouped(nodes, ({ source }) => source.statement);
  const alike = grouped(byStatement, ([first]) => (first?.interfaces ?? []).map(({ segment }) => segment).join(" "));
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
  if (stations.length > 1) facts.push(plural(stations.length, first?.kind ?? "station"));
  if (first?.kind === "node" && last?.kind === "node") {
    facts.push(
      ...first.podCidrs.map(({ prefix }, index) => {
        const other = last.podCidrs[index];
        return `pods ${formatPrefix(prefix)}${first === last || !other ? "" : ` … ${formatPrefix(other.prefix)}`}`;
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
  if (rules > 0) facts.push(plural(rules, "access rule"));
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
  const own = workload.hostNetwork ? "host network" : addresses.map(formatIp).join(" ");
  const listens = workload.containers.flatMap(({ listeners }) => listeners.map((one) => `${one.first}/${one.proto}`));
  return {
    kind: "pod",
    name: `${workload.namespace}/${pod.name}`,
    facts: [own === "" ? "without address" : own, ...(listens.length === 0 ? [] : [`listens on ${listens.join(" ")}`])],
    path: pod.path,
    source: workload.source,
  };
}
