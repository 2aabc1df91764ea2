/** Results of checks per service: a cluster can have ten thousand services. */

import { perRow } from "../memo/list.ts";
import { memo } from "../memo/memo.ts";
import type { Cluster, Service, Workload } from "../topology/model.ts";
import { selectedAmong } from "../topology/service-endpoints.ts";
import { workloadsByNamespace } from "../topology/workloads.ts";

const nothing: readonly never[] = [];

/**
 * The results of `read` for all services, in order; `selected`: the workloads that the service selects. After an edit, only
 * changed services and services in changed namespaces are read again.
 */
export function ofEach<T>(
  read: (service: Service, selected: () => readonly Workload[]) => Iterable<T>,
): (cluster: Cluster) => readonly T[] {
  const ofServices = perRow<[Service, readonly Workload[]], readonly T[]>(([service, around]) => {
    const found = [...read(service, () => selectedAmong(around)(service))];
    return found.length === 0 ? nothing : found;
  });
  const all = memo((lists: readonly (readonly T[])[]): readonly T[] => lists.flat());
  return ({ services, workloads }) => all(ofServices([services.all, neighbors(services.all, workloads)]));
}

/** For each service, the workloads of its namespace. */
const neighbors = memo((services: readonly Service[], workloads: readonly Workload[]) => {
  const inNamespace = workloadsByNamespace(workloads);
  return services.map(({ namespace }) => inNamespace(namespace));
});

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
