/** What checks want to know of single services, of which a cluster may have ten thousand. */
import type { Cluster, Service, Workload } from "../../topology/model.ts";

/**
 * What `read` says of each service, in order. It may look at the service and at the workloads that run in its cluster, and at nothing else:
 * only services that were not in the same place before are read.
 */
export function ofEach<T>(
  read: (service: Service, cluster: Cluster) => Iterable<T>,
): (cluster: Cluster) => readonly T[] {
  const known = new WeakMap<readonly Workload[], Said<T>>();
  return (cluster) => {
    const { all } = cluster.services;
    const before = known.get(cluster.workloads);
    if (before?.all === all) return before.list;
    const byIndex = new Map<number, readonly T[]>();
    for (const [index, service] of all.entries()) {
      const said = before?.all[index] === service ? before.byIndex.get(index) : [...read(service, cluster)];
      if (said !== undefined && said.length > 0) byIndex.set(index, said);
    }
    const list = [...byIndex.values()].flat();
    known.set(cluster.workloads, { all, byIndex, list });
    return list;
  };
}

interface Said<T> {
  readonly all: readonly Service[];
  /** Of those services only of which anything was said: few, as a rule. */
  readonly byIndex: ReadonlyMap<number, readonly T[]>;
  readonly list: readonly T[];
}

/** Services that state a ClusterIP. */
export const withStatedAddress = ofEach((one) => (one.allocated ? [] : [one]));

/** Services that state a node port. */
export const withStatedPort = ofEach((one) => (one.ports.some(({ nodePortGiven }) => nodePortGiven) ? [one] : []));

/** Services with an external or load balancer address. */
export const withOutsideAddress = ofEach((one) =>
  one.externalIps.length > 0 || one.loadBalancerIps.length > 0 ? [one] : [],
);

/** Aliases of names. */
export const aliasing = ofEach((one) => (one.type === "external-name" ? [one] : []));

/** Services that one of the traffic policies keeps on the node. */
export const keptLocal = ofEach((one) =>
  one.internalPolicy === "local" || one.externalPolicy === "local" ? [one] : [],
);
