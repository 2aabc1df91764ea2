/** Addresses and prefixes in hovers: size, owner, usage, and the next free address. */
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
import { type PlannedRange, planOf } from "../../questions/plan.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
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
      ...around.map((range) => t`inside ${range.label}`),
      ...shown.map((range) => t`contains ${range.label}`),
      inside.length > shown.length ? t`and ${number(inside.length - shown.length)} more` : undefined,
    ]),
  );
}

function sizeText(prefix: Prefix, withHosts: boolean): string {
  const last = lastAddress(prefix);
  const size: Count = prefixSize(prefix);
  const count = plural(size, "address", "addresses");
  if (prefix.ip === last) return count;
  const hosts = hostRange(prefix);
  const range = `${formatIp(prefix.ip)} – ${formatIp(last)}`;
  return withHosts && family(prefix.ip) === 4 && prefix.len < 31
    ? t`${count}, ${range}, hosts ${formatIp(hosts.first)} – ${formatIp(hosts.last)}`
    : `${count}, ${range}`;
}

function usageText(topology: Topology, range: PlannedRange): readonly string[] {
  switch (range.kind) {
    case "segment": {
      const segment = topology.segments.get(range.segment);
      if (!segment) return [];
      const { used, next } = segmentUsage(topology, segment, range.prefix);
      return [
        t`segment ${code(segment.name)}: ${number(used)} of ${hostCount(range.prefix)} used`,
        next === undefined ? t`no free addresses` : t`next free: ${formatIp(next)}`,
      ];
    }
    case "pods": {
      const cluster = topology.clusters.find(({ name }) => name === range.cluster);
      const own = cluster?.podCidrs.find(({ prefix }) => prefixEquals(prefix, range.prefix));
      if (!cluster || !own) return [range.label];
      const taken = cluster.nodes.filter((node) =>
        node.podCidrs.some(({ prefix }) => prefixCovers(own.prefix, prefix)),
      );
      const all = plural(subnetCount(own.prefix, own.perNode), "node pod CIDR");
      return [
        t`pod CIDR of cluster ${code(cluster.name)}: ${number(taken.length)} of ${all} (/${own.perNode}) allocated`,
      ];
    }
    case "services":
      return [
        t`service CIDR of cluster ${code(range.cluster)}: virtual addresses, rewritten on each node, never routed`,
      ];
    case "docker":
      return [t`${range.label}: connected route of \`docker0\``];
  }
}

function hostCount(prefix: Prefix): string {
  const { first, last } = hostRange(prefix);
  return typeof first === "number" && typeof last === "number"
    ? number(last - first + 1)
    : number(BigInt(last) - BigInt(first) + 1n);
}

/** The nodes whose pod CIDR is exactly this prefix. */
function nodesWith(topology: Topology, prefix: Prefix): readonly string[] {
  return topology.clusters.flatMap((cluster) => {
    const node = cluster.nodeByPodAddress(prefix.ip);
    const own = node?.podCidrs.find((one) => prefixEquals(one.prefix, prefix));
    if (!node || !own) return [];
    const [next] = nextOnNode(cluster, node).filter((ip) => prefixContains(prefix, ip));
    const pods = plural(cluster.pods.countOn(node), "pod");
    return [
      next === undefined
        ? t`pod CIDR of node ${code(node.path)}: ${pods}`
        : t`pod CIDR of node ${code(node.path)}: ${pods}, next free ${formatIp(next)}`,
    ];
  });
}

export function addressText(topology: Topology, ip: Ip): string {
  const owners = [
    ...[...topology.segments.keys()].flatMap((segment) =>
      topology
        .interfacesWith(segment, ip)
        .map(
          ({ device, station }) =>
            t`${code(device)} of ${station.kind} ${code(station.path)} on segment ${code(segment)}`,
        ),
    ),
    ...topology.clusters.flatMap((cluster) => podOwners(cluster, ip)),
  ];
  const ranges = planOf(topology).ranges.filter(({ prefix }) => prefixContains(prefix, ip));
  const shown = owners.slice(0, MOST);
  return paragraphs(
    owners.length === 0 ? t`**${formatIp(ip)}** · unassigned` : `**${formatIp(ip)}**`,
    bullets([
      ...shown,
      owners.length > shown.length ? t`and ${number(owners.length - shown.length)} more` : undefined,
      ...ranges.map((range) => t`in ${range.label}`),
      ...topology.clusters.flatMap((cluster) => {
        const node = cluster.nodeByPodAddress(ip);
        const block = node?.podCidrs.find(({ prefix }) => prefixContains(prefix, ip));
        return node && block ? [t`in pod CIDR ${code(formatPrefix(block.prefix))} of node ${code(node.path)}`] : [];
      }),
    ]),
  );
}

function podOwners(cluster: Cluster, ip: Ip): readonly string[] {
  return cluster.pods
    .podsByAddress(ip)
    .filter(({ workload }) => !workload.hostNetwork)
    .map((pod) => (pod.node ? t`pod ${code(pod.path)} on node ${code(pod.node.name)}` : t`pod ${code(pod.path)}`));
}
