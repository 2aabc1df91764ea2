/**
 * Limits that keep one incorrect number in a file from using all memory. Kubernetes' own limits are lower: 5,000 nodes and
 * 150,000 pods (kubernetes.io, "Considerations for large clusters").
 */
import type { Origin } from "../declared/origin.ts";
import type { ClusterDraft } from "./cluster.ts";
import type { Cluster } from "./model.ts";
import { MOST_NODES, type NodeBudget } from "./node-budget.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import { endpointCount, MOST_ENDPOINTS } from "./service-endpoints.ts";

/** For all clusters together; a topology with more pods is not checked. */
const MOST_PODS = 300_000;
/** Per cluster: pods that exist, on request. */
export const MOST_REPLICAS = 1_100_000;

/** One problem per kind, for all clusters together. */
export function limitProblems(
  budget: NodeBudget,
  drafts: readonly ClusterDraft[],
  clusters: readonly Cluster[],
): readonly TopologyProblem[] {
  const { declared, first } = budget;
  if (first !== undefined) return [tooMany("nodes", first, declared, MOST_NODES)];
  return podProblem(drafts, clusters) ?? endpointProblem(clusters) ?? [];
}

function tooMany(kind: "nodes" | "pods" | "endpoints", source: Origin, count: number, max: number): TopologyProblem {
  return problem(CODES.tooManyNodes, source, { kind, count, max });
}

function podProblem(
  drafts: readonly ClusterDraft[],
  clusters: readonly Cluster[],
): readonly TopologyProblem[] | undefined {
  if (clusters.reduce((sum, { pods }) => sum + pods.count, 0) <= MOST_PODS) return undefined;
  let count = 0;
  let first: Origin | undefined;
  for (const { name, workloads } of drafts) {
    const nodes = clusters.find((cluster) => cluster.name === name)?.nodes.length ?? 0;
    for (const { parts } of workloads) {
      count += parts.kind === "daemonset" ? nodes : parts.replicas;
      if (count > MOST_PODS) first ??= parts.source;
    }
  }
  return first && [tooMany("pods", first, count, MOST_PODS)];
}

function endpointProblem(clusters: readonly Cluster[]): readonly TopologyProblem[] | undefined {
  const count = clusters.reduce((sum, { services, pods }) => sum + endpointCount(services, pods), 0);
  const [largest] = clusters.flatMap(({ services }) => services.all);
  return count > MOST_ENDPOINTS && largest !== undefined
    ? [tooMany("endpoints", largest.source, count, MOST_ENDPOINTS)]
    : undefined;
}
