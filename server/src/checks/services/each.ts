/** What checks want to know of single services, of which a cluster may have ten thousand. */

import type { Cluster, Service, Workload } from "../../topology/model.ts";
import { workloadsByNamespace } from "../../topology/tenants.ts";

/**
 * What `read` says of each service, in order. It may look at the service and at the workloads of its cluster; where nothing is to be said
 * that follows from the service and its own namespace, so that only services of namespaces with something new are read again, and those of
 * which something was said.
 */
export function ofEach<T>(
  read: (service: Service, cluster: Cluster) => Iterable<T>,
): (cluster: Cluster) => readonly T[] {
  const known = new WeakMap<object, Said<T>>();
  return (cluster) => {
    const { identity, workloads } = cluster;
    const { all } = cluster.services;
    const before = known.get(identity);
    if (before?.all === all && before.workloads === workloads) return before.list;
    const inNamespace = workloadsByNamespace(identity, workloads);
    const changed = changedNamespaces(
      cluster,
      (namespace) => before?.inNamespace(namespace) === inNamespace(namespace),
    );
    const isKept = ({ namespace }: Service, said: readonly T[] | undefined): boolean =>
      before?.workloads === workloads || (said === undefined && !changed.has(namespace));
    const byIndex = new Map<number, readonly T[]>();
    for (let index = 0; index < all.length; index += 1) {
      const service = all[index];
      if (service === undefined) continue;
      const old = before?.all[index] === service ? before : undefined;
      const known = old && old.byIndex.size > 0 ? old.byIndex.get(index) : undefined;
      const said = old && isKept(service, known) ? known : [...read(service, cluster)];
      if (said !== undefined && said.length > 0) byIndex.set(index, said);
    }
    const list = [...byIndex.values()].flat();
    known.set(identity, { all, workloads, inNamespace, byIndex, list });
    return list;
  };
}

function changedNamespaces({ namespaces }: Cluster, isSame: (namespace: string) => boolean): ReadonlySet<string> {
  return new Set(namespaces.flatMap(({ name }) => (isSame(name) ? [] : [name])));
}

interface Said<T> {
  readonly all: readonly Service[];
  readonly workloads: readonly Workload[];
  inNamespace(namespace: string): readonly Workload[];
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
