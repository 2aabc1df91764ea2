/** Results of checks per service, cached: a cluster can have ten thousand services. */

import type { Cluster, Service, Workload } from "../topology/model.ts";
import { workloadsByNamespace } from "../topology/tenants.ts";

/**
 * The results of `read` for all services, in order. `read` can use the service and the workloads of its cluster, but if it returns nothing,
 * this must depend only on the service and its namespace. After an edit, only services with results and services in changed namespaces
 * are read again.
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
  /** Only the services with results: usually few. */
  readonly byIndex: ReadonlyMap<number, readonly T[]>;
  readonly list: readonly T[];
}

/** Services with a ClusterIP in the file. */
export const withStatedAddress = ofEach((one) => (one.allocated ? [] : [one]));

/** Services with a node port in the file. */
export const withStatedPort = ofEach((one) => (one.ports.some(({ nodePortGiven }) => nodePortGiven) ? [one] : []));

/** Services with an external IP or a load balancer IP. */
export const withOutsideAddress = ofEach((one) =>
  one.externalIps.length > 0 || one.loadBalancerIps.length > 0 ? [one] : [],
);

/** Services of type ExternalName. */
export const aliasing = ofEach((one) => (one.type === "external-name" ? [one] : []));

/** Services with an internal or external traffic policy `local`. */
export const keptLocal = ofEach((one) =>
  one.internalPolicy === "local" || one.externalPolicy === "local" ? [one] : [],
);
