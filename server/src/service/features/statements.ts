/** Maps statements to the topology objects that they declare. Built once per analysis, on first use. */
import type { Origin } from "../../declared/origin.ts";
import { statementOf } from "../../frontends/knet/handle.ts";
import type { Statement } from "../../frontends/knet/tree.ts";
import type {
  Cluster,
  Expectation,
  Interface,
  Node,
  PodCidr,
  Segment,
  Service,
  Workload,
} from "../../topology/model.ts";
import type { Analysis } from "../analysis.ts";

export interface Made {
  readonly segments: ReadonlyMap<Statement, Segment>;
  /** Of `attach`; several in a pool of nodes. */
  readonly interfaces: ReadonlyMap<Statement, readonly Interface[]>;
  readonly nodes: ReadonlyMap<Statement, readonly Node[]>;
  readonly clusterOf: ReadonlyMap<Node, Cluster>;
  readonly workloads: ReadonlyMap<Statement, { readonly cluster: Cluster; readonly workload: Workload }>;
  readonly services: ReadonlyMap<Statement, { readonly cluster: Cluster; readonly service: Service }>;
  /** The clusters, by their `cni` statement. */
  readonly plugins: ReadonlyMap<Statement, Cluster>;
  readonly podRanges: ReadonlyMap<Statement, PodCidr & { readonly cluster: Cluster }>;
  readonly expectations: ReadonlyMap<Statement, Expectation>;
}

const known = new WeakMap<Analysis, Made>();

export function byStatement(analysis: Analysis): Made {
  let made = known.get(analysis);
  if (!made) {
    made = make(analysis);
    known.set(analysis, made);
  }
  return made;
}

function make({ topology }: Analysis): Made {
  const { clusters, segments, routers, hosts, expectations } = topology;
  const nodes = clusters.flatMap((cluster) => cluster.nodes);
  return {
    segments: new Map([...segments.values()].map((segment) => [statementOf(segment.source.decl), segment])),
    interfaces: grouped([...routers, ...hosts, ...nodes].flatMap((station) => station.interfaces)),
    nodes: grouped(nodes),
    clusterOf: new Map(clusters.flatMap((cluster) => cluster.nodes.map((node) => [node, cluster] as const))),
    workloads: new Map(
      clusters.flatMap((cluster) =>
        cluster.workloads.map((workload) => [statementOf(workload.source.decl), { cluster, workload }] as const),
      ),
    ),
    services: new Map(
      clusters.flatMap((cluster) =>
        cluster.services.all.map((service) => [statementOf(service.source.decl), { cluster, service }] as const),
      ),
    ),
    plugins: new Map(
      clusters.flatMap((cluster) => (cluster.cni.decl ? [[statementOf(cluster.cni.decl), cluster] as const] : [])),
    ),
    podRanges: new Map(
      clusters.flatMap((cluster) =>
        cluster.podCidrs.map((range) => [statementOf(range.source.decl), { ...range, cluster }] as const),
      ),
    ),
    expectations: new Map(expectations.map((expectation) => [statementOf(expectation.source.decl), expectation])),
  };
}

function grouped<T extends { readonly source: Origin }>(all: readonly T[]): ReadonlyMap<Statement, readonly T[]> {
  const groups = new Map<Statement, T[]>();
  for (const one of all) {
    const group = groups.get(statementOf(one.source.decl));
    if (group) group.push(one);
    else groups.set(statementOf(one.source.decl), [one]);
  }
  return groups;
}
