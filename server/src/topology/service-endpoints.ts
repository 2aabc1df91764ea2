/**
 * Endpoints of a service: the workloads that its selector matches, and their pods' addresses; computed on request, and
 * cached.
 */
import { compareIp, family, formatIp, type Ip } from "../addressing/ip.ts";
import { memo, valueAt } from "../memo/memo.ts";
import type { Node, Pod, PodIndex, Service, ServiceEndpoint, ServiceIndex, ServicePort, Workload } from "./model.ts";
import type { PortParts } from "./service.ts";
import { nothing } from "./station.ts";

/** For all service ports together; each service of a topology with more has a part of them, and KN403 reports it. */
export const MOST_ENDPOINTS = 1_000_000;

export function endpointsOf(
  all: readonly Service[],
  inNamespace: (namespace: string) => readonly Workload[],
  pods: PodIndex,
): Pick<ServiceIndex, "selected" | "endpoints"> {
  if (all.length === 0) return { selected: () => nothing, endpoints: () => nothing };
  const selected = (service: Service): readonly Workload[] => selectedAmong(inNamespace(service.namespace))(service);
  let count: number | undefined;
  const known = endpointsBehind(pods);
  return {
    selected,
    endpoints: (service, port, of) => {
      const byFamily = known(port);
      let found = byFamily.get(of);
      if (found === undefined) {
        const from = selected(service);
        count ??= endpointCount({ all, selected }, pods);
        const most = Math.ceil(podsIn(from) * Math.min(1, MOST_ENDPOINTS / count));
        found = inOrder([...written(service, port, of), ...behind(service, port, of, { from, pods, most })]);
        byFamily.set(of, found);
      }
      return found;
    },
  };
}

/** By service port and family, as long as the pods are the same. */
const endpointsBehind = memo((_: PodIndex) =>
  memo((_port: ServicePort): Map<4 | 6, readonly ServiceEndpoint[]> => new Map()),
);

/** The selection of services among the workloads of their namespace. */
export const selectedAmong = memo((workloads: readonly Workload[]): ServiceIndex["selected"] => {
  const byLabel = labelIndex(workloads);
  return memo((service: Service) => selectedBy(service, byLabel));
});

/** By key and value. */
type LabelIndex = ReadonlyMap<string, ReadonlyMap<string, readonly Workload[]>>;

function labelIndex(workloads: readonly Workload[]): LabelIndex {
  const index = new Map<string, Map<string, Workload[]>>();
  for (const workload of workloads) {
    for (const [key, value] of workload.labels) {
      const byValue = valueAt(index, key, () => new Map<string, Workload[]>());
      valueAt(byValue, value, (): Workload[] => []).push(workload);
    }
  }
  return index;
}

function selectedBy({ selector }: Service, index: LabelIndex): readonly Workload[] {
  const [first, ...others] = selector ?? nothing;
  if (first === undefined) return nothing;
  const candidates = index.get(first[0])?.get(first[1]) ?? nothing;
  return others.length === 0
    ? candidates
    : candidates.filter(({ labels }) => others.every(([key, value]) => labels.get(key) === value));
}

/** Number of endpoints of one family, if each selected pod is usable; an upper bound if that is within the limit. */
export function endpointCount({ all, selected }: Pick<ServiceIndex, "all" | "selected">, pods: PodIndex): number {
  const ports = all.reduce((sum, service) => sum + service.ports.length, 0);
  if (ports * pods.count <= MOST_ENDPOINTS) return ports * pods.count;
  return all.reduce((sum, service) => sum + service.ports.length * podsIn(selected(service)), 0);
}

/** Number of pods of the workloads. */
export function podsIn(workloads: readonly Workload[]): number {
  return workloads.reduce((sum, { replicas }) => sum + replicas, 0);
}

function written(service: Service, port: ServicePort, of: 4 | 6): readonly ServiceEndpoint[] {
  const target = typeof port.target === "number" ? port.target : port.port;
  return service.written.flatMap((one) =>
    family(one.ip) === of ? [{ ip: one.ip, port: one.port ?? target, pod: undefined, node: undefined }] : [],
  );
}

/** Ready pods (or all, with publish-not-ready) with an address of the family and the port's target. */
function behind(
  service: Service,
  port: ServicePort,
  of: 4 | 6,
  { from, pods, most }: { readonly from: readonly Workload[]; readonly pods: PodIndex; readonly most: number },
): readonly ServiceEndpoint[] {
  const found: ServiceEndpoint[] = [];
  for (const workload of from) {
    if (workload.notReady === true && !service.publishNotReady) continue;
    const target = targetIn(workload, port);
    if (target === undefined) continue;
    for (let ordinal = 0; ordinal < workload.replicas && found.length < most; ordinal++) {
      const pod: Pod = pods.podAt(workload, ordinal);
      const ip = pod.addresses.find((one) => family(one) === of);
      const node: Node | undefined = pod.node;
      if (ip !== undefined && node !== undefined) found.push({ ip, port: target, pod, node });
    }
  }
  return found;
}

/** The number of a port's target in the pods of a workload; a name refers to the container port of that name. */
export function targetIn(
  workload: Workload,
  { target, proto }: Pick<PortParts, "target" | "proto">,
): number | undefined {
  if (typeof target === "number") return target;
  for (const { listeners } of workload.containers) {
    for (const listener of listeners) if (listener.name === target && listener.proto === proto) return listener.first;
  }
  return undefined;
}

/** kube-proxy sorts endpoints by their text (pkg/proxy, endpointslicecache.go). */
function inOrder(endpoints: readonly ServiceEndpoint[]): readonly ServiceEndpoint[] {
  return endpoints
    .map((endpoint) => ({ endpoint, text: endpointText(endpoint) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : compareIp(a.endpoint.ip, b.endpoint.ip)))
    .map(({ endpoint }) => endpoint);
}

/** "10.244.1.5:8080", "[fd00::5]:8080" (net.JoinHostPort). */
export function endpointText({ ip, port }: { readonly ip: Ip; readonly port: number }): string {
  return typeof ip === "bigint" ? `[${formatIp(ip)}]:${port}` : `${formatIp(ip)}:${port}`;
}
