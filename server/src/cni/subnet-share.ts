/** Whether a segment has enough addresses if pods use addresses of the segment. */
import { reservedIn } from "../topology/clouds.ts";
import type { Node, Segment } from "../topology/model.ts";
import type { ClusterContext } from "./mode.ts";
import { CODES, type NetworkProblem, problem } from "./problems.ts";
import { pluginOf } from "./settings.ts";

/** `perNode`: addresses that a node uses, including its own; `surge`: additional nodes during upgrades. */
export function subnetProblems(
  { topology, cluster }: ClusterContext,
  plugin: string,
  perNode: (node: Node) => number,
  surge: number,
): readonly NetworkProblem[] {
  const bySegment = new Map<string, Node[]>();
  for (const node of cluster.nodes) {
    // A node that found the segment full still needs its share.
    const segment = node.interfaces[0]?.segment;
    if (segment === undefined || pluginOf(cluster, node) !== plugin) continue;
    const there = bySegment.get(segment);
    if (there) there.push(node);
    else bySegment.set(segment, [node]);
  }
  return [...bySegment].flatMap(([name, nodes]): NetworkProblem[] => {
    const segment = topology.segments.get(name);
    const [first] = nodes;
    if (!segment || !first) return [];
    const others = topology.attachedTo(name).filter(({ station }) => station.kind !== "node").length;
    const needed = nodes.reduce((sum, node) => sum + perNode(node), 0) + surge * perNode(first);
    const free = sizeOf(segment) - (segment.cloud === undefined ? others : 0);
    if (needed <= free) return [];
    const data = {
      segment: name,
      cidrs: segment.cidrs,
      cluster: cluster.name,
      nodes: nodes.length,
      perNode: Math.max(...nodes.map(perNode)),
      surge,
      needed,
      free,
    };
    return [problem(CODES.subnetTooSmall, segment.cidrSources[0] ?? segment.source, data)];
  });
}

/**
 * IPv4 addresses available to machines: without the addresses that the cloud reserves, or the network and broadcast
 * addresses.
 */
function sizeOf({ cidrs, cloud }: Segment): number {
  let size = 0;
  for (const cidr of cidrs) {
    if (typeof cidr.ip !== "number") continue;
    const kept =
      cloud === undefined
        ? 2
        : reservedIn(cloud, cidr).reduce((sum, { first, last }) => sum + Number(last) - Number(first) + 1, 0);
    size += 2 ** (32 - cidr.len) - kept;
  }
  return size;
}
