/** How full every range of a topology is: segments, pod CIDRs, pools, node ranges, service CIDRs, and Docker bridges. */
import {
  blocksOf,
  freeCount,
  kthFree,
  kthFreeBlock,
  largestFreePrefix,
  sortReserved,
} from "../../addressing/allocation.ts";
import { minus } from "../../addressing/arith.ts";
import {
  addIp,
  type Count,
  compareIp,
  hostPrefix,
  type Ip,
  type IpRange,
  type Prefix,
  prefixContains,
  prefixEquals,
  prefixOf,
  prefixRange,
} from "../../addressing/ip.ts";
import { buildPrefixTable } from "../../addressing/prefix-table.ts";
import { modeOf } from "../../cni/modes.ts";
import { oneOf } from "../../declared/access.ts";
import type { Origin } from "../../declared/origin.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import { hostRange, type ModeAddressing, type NodeRange } from "../../topology/addressing.ts";
import { reservedIn } from "../../topology/clouds.ts";
import type { CloudName, Cluster, CniSettings, Node, Segment, Topology } from "../../topology/model.ts";
import { unusableParts } from "../../topology/node-ranges.ts";
import { serviceAddresses } from "../../topology/services.ts";

export type RangeKind = "segment" | "pods" | "pool" | "shared" | "node" | "services" | "docker-bridge";

export interface RangeUse extends Usage {
  readonly kind: RangeKind;
  readonly range: IpRange;
  /** Undefined if the range is not a prefix. */
  readonly prefix: Prefix | undefined;
  /** Undefined for segments. */
  readonly cluster: string | undefined;
  /** Name of the segment or pool, or path of the node; otherwise the cluster. */
  readonly owner: string;
  readonly cloud: CloudName | undefined;
  /** Number of nodes that each have this range. */
  readonly nodes: number;
  readonly source: Origin;
}

interface Usage {
  /** Addresses that can be assigned: without network, broadcast, gateway (pods), and reserved addresses. */
  readonly size: Count;
  readonly used: Count;
  readonly free: Count;
  readonly largestFree: Prefix | undefined;
  /** The next address or node range to be assigned. */
  readonly nextFree: Prefix | undefined;
}

/** IPv4 first, by address; a range precedes the ranges inside it. */
export function rangesInUse(topology: Topology): readonly RangeUse[] {
  const ranges = [
    ...segmentRanges(topology),
    ...topology.clusters.flatMap((cluster) => [
      ...podRanges(cluster),
      ...sharedRanges(cluster),
      ...nodeRanges(cluster),
      ...dockerRanges(cluster),
      ...serviceRanges(cluster),
    ]),
  ];
  // Sorting is stable: of equal ranges, the outer kind is first.
  return ranges.sort((a, b) => compareIp(a.range.first, b.range.first) || -compareIp(a.range.last, b.range.last));
}

/* ------------------------------------------------------------------- usage */

/** `unusable`: addresses that cannot be assigned; both lists can contain addresses outside the range. */
function usageOf(
  { first, last }: IpRange,
  unusable: readonly IpRange[],
  used: readonly IpRange[],
  next?: (taken: readonly IpRange[]) => Prefix | undefined,
): Usage {
  const taken = [...unusable, ...used];
  const reserved = sortReserved(taken);
  const size = freeCount(first, last, sortReserved(unusable));
  const free = freeCount(first, last, reserved);
  const ip = next === undefined ? kthFree(first, last, reserved, 0) : undefined;
  return {
    size,
    used: minus(size, free),
    free,
    largestFree: largestFreePrefix(first, last, reserved),
    nextFree: next === undefined ? addressPrefix(ip) : next(taken),
  };
}

function addressPrefix(ip: Ip | undefined): Prefix | undefined {
  return ip === undefined ? undefined : hostPrefix(ip);
}

function single(ip: Ip): IpRange {
  return { first: ip, last: ip };
}

/** The parts of a prefix outside a range within it. */
function outside(prefix: Prefix, { first, last }: IpRange): readonly IpRange[] {
  const all = prefixRange(prefix);
  const before = first > all.first ? addIp(first, -1) : undefined;
  const after = last < all.last ? addIp(last, 1) : undefined;
  return [
    ...(before === undefined ? [] : [{ first: all.first, last: before }]),
    ...(after === undefined ? [] : [{ first: after, last: all.last }]),
  ];
}

const NONE = { cluster: undefined, cloud: undefined, nodes: 0 } as const;

/* ---------------------------------------------------------------- segments */

function segmentRanges(topology: Topology): readonly RangeUse[] {
  const others = othersOn(topology);
  return [...topology.segments.values()].flatMap((segment) => {
    const used = [
      ...segment.gateways.map(single),
      ...topology.attachedTo(segment.name).flatMap(({ addresses }) => addresses.map(({ ip }) => single(ip))),
      ...(others.get(segment.name) ?? []),
    ];
    return segment.cidrs.map((prefix, i): RangeUse => {
      const range = prefixRange(prefix);
      const source = segment.cidrSources[i] ?? segment.source;
      const use = usageOf(range, unusableOn(segment, prefix), used);
      return { ...NONE, ...use, kind: "segment", range, prefix, owner: segment.name, cloud: segment.cloud, source };
    });
  });
}

function unusableOn({ cloud }: Segment, prefix: Prefix): readonly IpRange[] {
  return [...outside(prefix, hostRange(prefix)), ...(cloud === undefined ? [] : reservedIn(cloud, prefix))];
}

/** Used addresses of segments that no interface has: load balancer IPs, and pods with addresses of a segment. */
function othersOn({ segments, clusters }: Topology): ReadonlyMap<string, readonly IpRange[]> {
  const table = buildPrefixTable(
    [...segments.values()].flatMap(({ name, cidrs }) => cidrs.map((cidr) => [cidr, name] as const)),
  );
  const found = new Map<string, IpRange[]>();
  const add = (range: IpRange): void => {
    for (const name of table.lookup(range.first)) valueAt(found, name, (): IpRange[] => []).push(range);
  };
  for (const cluster of clusters) {
    for (const { externalIps, loadBalancerIps } of cluster.services.all) {
      for (const { ip } of [...externalIps, ...loadBalancerIps]) add(single(ip));
    }
    for (const { podCidrs } of cluster.nodes) for (const { prefix } of podCidrs) add(prefixRange(prefix));
    if (addressingOf(cluster).shared !== undefined)
      for (const ips of podAddresses(cluster)) ips.map(single).forEach(add);
  }
  return found;
}

/* -------------------------------------------------------------------- pods */

/** How the cluster's plugin allocates addresses, or the plugin of a node with its own `cni` block. */
export function addressingOf(cluster: Cluster, settings: CniSettings = cluster.cni): ModeAddressing {
  return modeOf(settings.plugin).addressing(settings, cluster.podCidrs, cluster.maxPods);
}

/** By node: the addresses of its pods, except host network pods. */
export const podAddresses = memo(({ nodes, pods }: Cluster): readonly (readonly Ip[])[] =>
  nodes.map((node) =>
    [...pods.podsOn(node)].flatMap(({ workload, addresses }) => (workload.hostNetwork ? [] : addresses)),
  ),
);

/** The ranges from which nodes are assigned blocks. */
export function blockRanges(cluster: Cluster): readonly NodeRange[] {
  return addressingOf(cluster).nodeRanges.filter(({ sameForAll }) => !sameForAll);
}

/** The blocks of the nodes. */
export function nodeBlocks({ nodes }: Cluster): readonly IpRange[] {
  return nodes.flatMap(({ podCidrs }) =>
    podCidrs.flatMap(({ prefix, borrowed }) => (borrowed ? [] : [prefixRange(prefix)])),
  );
}

/** Pod CIDRs, and the ranges of the mode: Calico's pools, flannel's network in etcd, Weave's range. */
function podRanges(cluster: Cluster): readonly RangeUse[] {
  const blocks = nodeBlocks(cluster);
  const ranges = blockRanges(cluster);
  const isPool = addressingOf(cluster).claims !== undefined;
  const base = { ...NONE, cluster: cluster.name, owner: cluster.name };
  const unassigned = cluster.podCidrs.filter(
    ({ prefix }) => !ranges.some(({ within }) => prefixEquals(within, prefix)),
  );
  return [
    ...unassigned.map(({ prefix, source }): RangeUse => {
      const range = prefixRange(prefix);
      const used = [...blocks, ...ranges.map(({ within }) => prefixRange(within))];
      return { ...base, ...usageOf(range, [], used, () => undefined), kind: "pods", range, prefix, source };
    }),
    ...ranges.map((nodeRange): RangeUse => {
      const { within, perNode } = nodeRange;
      const range = prefixRange(within);
      const unusable = unusableParts(nodeRange, cluster.serviceCidrs);
      const use = usageOf(range, unusable, blocks, (taken) => kthFreeBlock(blocksOf(within, perNode, taken), 0));
      const pods = cluster.podCidrs.find(({ prefix }) => prefixEquals(prefix, within));
      const source = nodeRange.source ?? pods?.source ?? cluster.cni.source;
      const owner = (isPool && oneOf(source.decl, "name", "name")?.text) || cluster.name;
      return { ...base, ...use, kind: isPool ? "pool" : "pods", range, prefix: within, owner, source };
    }),
  ];
}

/** Ranges that the pods of all nodes share. */
function sharedRanges(cluster: Cluster): readonly RangeUse[] {
  const { shared = [] } = addressingOf(cluster);
  if (shared.length === 0) return [];
  const used = podAddresses(cluster).flatMap((ips) => ips.map(single));
  return shared.map(({ range, exclude, source }): RangeUse => {
    const use = usageOf(range, exclude, used);
    return {
      ...NONE,
      ...use,
      kind: "shared",
      range,
      prefix: undefined,
      cluster: cluster.name,
      owner: cluster.name,
      source,
    };
  });
}

/** One row per node range. Addresses of a cloud machine's interfaces are part of their segment's row. */
function nodeRanges(cluster: Cluster): readonly RangeUse[] {
  const known = new Map<CniSettings | undefined, ModeAddressing>();
  const addresses = podAddresses(cluster);
  return cluster.nodes.flatMap((node) => {
    const addressing = valueAt(known, node.cni, () => addressingOf(cluster, node.cni));
    if (isSameForAll(addressing) || addressing.fromSegment?.kind === "interfaces") return [];
    const ips = addresses[node.index] ?? [];
    return node.podCidrs.flatMap(({ prefix, borrowed, own = 0, source }): readonly RangeUse[] => {
      if (borrowed) return [];
      const range = prefixRange(prefix);
      const usable = addressing.usable(prefix);
      const used = ips.filter((ip) => prefixContains(prefix, ip)).map(single);
      const tunnels = own > 0 ? [{ first: prefix.ip, last: addIp(prefix.ip, own - 1) ?? prefix.ip }] : [];
      const use = usageOf(range, usable ? outside(prefix, usable) : [range], [...tunnels, ...used]);
      return [{ ...NONE, ...use, kind: "node", range, prefix, cluster: cluster.name, owner: node.path, source }];
    });
  });
}

/* ------------------------------------------------------------------ Docker */

/** Whether all nodes have the same range: the network of `docker0`. */
function isSameForAll({ nodeRanges: ranges }: ModeAddressing): boolean {
  return ranges.some(({ sameForAll }) => sameForAll);
}

/** One row per distinct network of `docker0`, with the usage of the node that uses most of it. */
function dockerRanges(cluster: Cluster): readonly RangeUse[] {
  const known = new Map<CniSettings | undefined, ModeAddressing>();
  const addresses = podAddresses(cluster);
  const byPrefix = new Map<string, { readonly prefix: Prefix; readonly source: Origin; nodes: Node[]; used: Ip[] }>();
  for (const node of cluster.nodes) {
    const { dockerBridge, podCidrs } = node;
    const addressing = valueAt(known, node.cni, () => addressingOf(cluster, node.cni));
    const forPods = isSameForAll(addressing);
    const bridge = dockerBridge?.address;
    const networks = bridge
      ? [{ prefix: prefixOf(bridge.ip, bridge.len), source: dockerBridge.source }]
      : forPods
        ? podCidrs
        : [];
    for (const { prefix, source } of networks) {
      const group = valueAt(byPrefix, `${prefix.ip}/${prefix.len}`, () => ({ prefix, source, nodes: [], used: [] }));
      const gateway = bridge?.ip ?? addressing.gateway(prefix);
      const pods = forPods ? (addresses[node.index] ?? []).filter((ip) => prefixContains(prefix, ip)) : [];
      group.nodes.push(node);
      if (pods.length >= group.used.length) group.used = gateway === undefined ? pods : [gateway, ...pods];
    }
  }
  return [...byPrefix.values()].map(({ prefix, source, nodes, used }): RangeUse => {
    const range = prefixRange(prefix);
    const use = usageOf(range, outside(prefix, hostRange(prefix)), used.map(single));
    const [only] = nodes;
    const owner = nodes.length === 1 && only ? only.path : cluster.name;
    return {
      ...NONE,
      ...use,
      kind: "docker-bridge",
      range,
      prefix,
      cluster: cluster.name,
      owner,
      nodes: nodes.length,
      source,
    };
  });
}

/* ---------------------------------------------------------------- services */

function serviceRanges({ name, serviceCidrs, services }: Cluster): readonly RangeUse[] {
  const used = services.all.flatMap(({ clusterIps }) => clusterIps.map(single));
  return serviceCidrs.map(({ prefix, source }): RangeUse => {
    const range = prefixRange(prefix);
    const usable = serviceAddresses(prefix);
    // The first address belongs to the API server's own service.
    const own = usable === undefined ? [] : [single(usable.first)];
    const use = usageOf(range, usable ? outside(prefix, usable) : [range], [...own, ...used], (taken) => {
      if (usable === undefined) return undefined;
      const reserved = sortReserved(taken);
      const ip = kthFree(usable.start, usable.last, reserved, 0) ?? kthFree(usable.first, usable.last, reserved, 0);
      return addressPrefix(ip);
    });
    return { ...NONE, ...use, kind: "services", range, prefix, cluster: name, owner: name, source };
  });
}
