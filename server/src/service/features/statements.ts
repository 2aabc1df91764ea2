/** Maps declarations to the topology objects that they create. Built once per analysis, on first use. */
import type { Handle } from "../../declared/handle.ts";
import type { Origin } from "../../declared/origin.ts";
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
  readonly segments: ReadonlyMap<Handle, Segment>;
  /** Of `attach`; several in a pool of nodes. */
  readonly interfaces: ReadonlyMap<Handle, readonly Interface[]>;
  readonly nodes: ReadonlyMap<Handle, readonly Node[]>;
  readonly clusterOf: ReadonlyMap<Node, Cluster>;
  readonly workloads: ReadonlyMap<Handle, { readonly cluster: Cluster; readonly workload: Workload }>;
  readonly services: ReadonlyMap<Handle, { readonly cluster: Cluster; readonly service: Service }>;
  /** The clusters, by their `cni` statement. */
  readonly plugins: ReadonlyMap<Handle, Cluster>;
  readonly podRanges: ReadonlyMap<Handle, PodCidr & { readonly cluster: Cluster }>;
  readonly expectations: ReadonlyMap<Handle, Expectation>;
}

const known = new WeakMap<Analysis, Made>();

export function byHandle(analysis: Analysis): Made {
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
    segments: new Map([...segments.values()].map((segment) => [segment.source.decl.handle, segment])),
    interfaces: grouped([...routers, ...hosts, ...nodes].flatMap((station) => station.interfaces)),
    nodes: grouped(nodes),
    clusterOf: new Map(clusters.flatMap((cluster) => cluster.nodes.map((node) => [node, cluster] as const))),
    workloads: new Map(
      clusters.flatMap((cluster) =>
        cluster.workloads.map((workload) => [workload.source.decl.handle, { cluster, workload }] as const),
      ),
    ),
    services: new Map(
      clusters.flatMap((cluster) =>
        cluster.services.all.map((service) => [service.source.decl.handle, { cluster, service }] as const),
      ),
    ),
    plugins: new Map(
      clusters.flatMap((cluster) => (cluster.cni.decl ? [[cluster.cni.decl.handle, cluster] as const] : [])),
    ),
    podRanges: new Map(
      clusters.flatMap((cluster) =>
        cluster.podCidrs.map((range) => [range.source.decl.handle, { ...range, cluster }] as const),
      ),
    ),
    expectations: new Map(expectations.map((expectation) => [expectation.source.decl.handle, expectation])),
  };
}

function grouped<T extends { readonly source: Origin }>(all: readonly T[]): ReadonlyMap<Handle, readonly T[]> {
  const groups = new Map<Handle, T[]>();
  for (const one of all) {
    const group = groups.get(one.source.decl.handle);
    if (group) group.push(one);
    else groups.set(one.source.decl.handle, [one]);
  }
  return groups;
}
