/** What hovers say of an address or a prefix: how large, whose, how much of it is used, what is next. */
import {
  type Count,
  family,
  formatIp,
  formatPrefix,
  type Ip,
  lastAddress,
  type Prefix,
  prefixContains,
  prefixCovers,
  prefixEquals,
  prefixSize,
  subnetCount,
} from "../../addressing/ip.ts";
import { type PlannedRange, planOf } from "../../checks/addresses/plan.ts";
import { number, plural } from "../../text/words.ts";
import type { Cluster, Topology } from "../../topology/model.ts";
import { hostRange, nextOnNode, segmentUsage } from "./free.ts";
import { bullets, code, paragraphs } from "./markdown.ts";

const MOST = 6;

export function prefixText(topology: Topology, prefix: Prefix): string {
  const { ranges } = planOf(topology);
  const same = ranges.filter((range) => prefixEquals(range.prefix, prefix));
  const around = ranges.filter((range) => prefixCovers(range.prefix, prefix) && !same.includes(range));
  const inside = ranges.filter((range) => prefixCovers(prefix, range.prefix) && !same.includes(range));
  const nodes = nodesWith(topology, prefix);
  const shown = inside.slice(0, MOST);
  return paragraphs(
    `**${formatPrefix(prefix)}** · ${sizeText(
      prefix,
      same.some(({ kind }) => kind === "segment"),
    )}`,
    bullets([
      ...same.flatMap((range) => usageText(topology, range)),
      ...nodes,
      ...around.map((range) => `inside ${code(range.label)}`),
      ...shown.map((range) => `contains ${code(range.label)}`),
      inside.length > shown.length ? `and ${number(inside.length - shown.length)} more` : undefined,
    ]),
  );
}

function sizeText(prefix: Prefix, withHosts: boolean): string {
  const last = lastAddress(prefix);
  const size: Count = prefixSize(prefix);
  const ends = prefix.ip === last ? "one address" : `${formatIp(prefix.ip)} – ${formatIp(last)}`;
  if (prefix.ip === last) return ends;
  const hosts = hostRange(prefix);
  const usable =
    withHosts && family(prefix.ip) === 4 && prefix.len < 31
      ? `, hosts ${formatIp(hosts.first)} – ${formatIp(hosts.last)}`
      : "";
  return `${plural(size, "address", "addresses")}, ${ends}${usable}`;
}

function usageText(topology: Topology, range: PlannedRange): readonly string[] {
  switch (range.kind) {
    case "segment": {
      const segment = topology.segments.get(range.segment);
      if (!segment) return [];
      const { used, next } = segmentUsage(topology, segment, range.prefix);
      return [
        `segment ${code(segment.name)}: ${number(used)} of ${hostCount(range.prefix)} used`,
        ...(next === undefined ? ["no address is free"] : [`next free: ${formatIp(next)}`]),
      ];
    }
    case "pods": {
      const cluster = topology.clusters.find(({ name }) => name === range.cluster);
      const own = cluster?.podCidrs.find(({ prefix }) => prefixEquals(prefix, range.prefix));
      if (!cluster || !own) return [code(range.label)];
      const taken = cluster.nodes.filter((node) =>
        node.podCidrs.some(({ prefix }) => prefixCovers(own.prefix, prefix)),
      );
      return [
        `pods of cluster ${code(cluster.name)}: ${number(taken.length)} of ${plural(subnetCount(own.prefix, own.perNode), "node block")} /${own.perNode} given`,
      ];
    }
    case "services":
      return [`services of cluster ${code(range.cluster)}: virtual addresses, translated on each node, never routed`];
    case "docker":
      return [`${code(range.label)}: the connected route of docker0`];
  }
}

function hostCount(prefix: Prefix): string {
  const { first, last } = hostRange(prefix);
  return typeof first === "number" && typeof last === "number"
    ? number(last - first + 1)
    : number(BigInt(last) - BigInt(first) + 1n);
}

/** The nodes that have exactly this range for their pods. */
function nodesWith(topology: Topology, prefix: Prefix): readonly string[] {
  return topology.clusters.flatMap((cluster) => {
    const node = cluster.nodeByPodAddress(prefix.ip);
    const own = node?.podCidrs.find((one) => prefixEquals(one.prefix, prefix));
    if (!node || !own) return [];
    const [next] = nextOnNode(cluster, node).filter((ip) => prefixContains(prefix, ip));
    return [
      `pods of node ${code(node.path)}: ${plural(cluster.pods.countOn(node), "pod")}${next === undefined ? "" : `, next address ${formatIp(next)}`}`,
    ];
  });
}

export function addressText(topology: Topology, ip: Ip): string {
  const owners = [
    ...[...topology.segments.keys()].flatMap((segment) =>
      topology
        .interfacesWith(segment, ip)
        .map(
          (iface) => `${iface.device} of ${iface.station.kind} ${code(iface.station.path)} on segment ${code(segment)}`,
        ),
    ),
    ...topology.clusters.flatMap((cluster) => podOwners(cluster, ip)),
  ];
  const ranges = planOf(topology).ranges.filter(({ prefix }) => prefixContains(prefix, ip));
  const shown = owners.slice(0, MOST);
  return paragraphs(
    `**${formatIp(ip)}**${owners.length === 0 ? " · nobody has this address" : ""}`,
    bullets([
      ...shown,
      owners.length > shown.length ? `and ${number(owners.length - shown.length)} more` : undefined,
      ...ranges.map((range) => `in ${code(range.label)}`),
      ...topology.clusters.flatMap((cluster) => {
        const node = cluster.nodeByPodAddress(ip);
        const block = node?.podCidrs.find(({ prefix }) => prefixContains(prefix, ip));
        return node && block ? [`in ${code(formatPrefix(block.prefix))}, the pods of node ${code(node.path)}`] : [];
      }),
    ]),
  );
}

function podOwners(cluster: Cluster, ip: Ip): readonly string[] {
  return cluster.pods
    .podsByAddress(ip)
    .filter(({ workload }) => !workload.hostNetwork)
    .map((pod) => `pod ${code(pod.path)}${pod.node ? ` on node ${code(pod.node.name)}` : ""}`);
}
