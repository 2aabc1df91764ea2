/**
 * A problem that the file expects is reported as info instead of an error: `expect a -> b blocked` between pods of two segments
 * documents that routes between nodes do not cross the router.
 */
import type { Cluster, Node } from "../topology/model.ts";
import { journeysTo } from "../trace/aim.ts";
import { endsOf, type World } from "./expectations.ts";

/** Whether every pair of the segments of the node's cluster has a `blocked` expectation that passes. */
export function isApartExpected(node: string, context: World): boolean {
  if (context.topology.expectations.length === 0) return false;
  const named = context.topology.resolve(node);
  if (!named.ok || named.endpoint.kind !== "node") return false;
  const { cluster } = named.endpoint;
  const segments = [...new Set(cluster.nodes.map(segmentOf))];
  const stated = blockedPairs(cluster, context);
  return segments.every((a, i) => segments.slice(i + 1).every((b) => stated.has(pairOf(a, b))));
}

function segmentOf(node: Node): string {
  return node.interfaces[0]?.segment ?? "";
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** Pairs of segments with a `blocked` expectation between their pods that passes. */
function blockedPairs(cluster: Cluster, context: World): ReadonlySet<string> {
  const pairs = new Set<string>();
  for (const expectation of context.topology.expectations) {
    if (expectation.want.kind !== "blocked") continue;
    const [from, to] = [expectation.from, expectation.to].map((path) => nodeOf(path, cluster, context));
    if (!from || !to || segmentOf(from) === segmentOf(to)) continue;
    const ends = endsOf(context, expectation);
    if (typeof ends === "string") continue;
    const question = { from: ends.from.netns, src: ends.src, proto: "icmp", sport: 1, dport: 0, df: false } as const;
    const journeys = ends.aims.flatMap(({ targets }) => journeysTo(context.network, question, targets));
    if (journeys.every(({ verdict }) => verdict !== "delivered")) pairs.add(pairOf(segmentOf(from), segmentOf(to)));
  }
  return pairs;
}

function nodeOf(path: string, cluster: Cluster, { topology }: World): Node | undefined {
  const named = topology.resolve(path);
  if (!named.ok) return undefined;
  const { endpoint } = named;
  if (endpoint.kind !== "pod" && endpoint.kind !== "container") return undefined;
  return endpoint.cluster.name === cluster.name ? endpoint.pod.node : undefined;
}
