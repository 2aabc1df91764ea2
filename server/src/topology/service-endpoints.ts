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
  return memo((service: Service) => selectedBy(service, workloads, byLabel));
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

function selectedBy({ selector }: Service, all: readonly Workload[], index: LabelIndex): readonly Workload[] {
  if (selector === undefined || selector.size === 0) return nothing;
  const ofPods = POD_LABELS.some((key) => selector.has(key));
  const [first, ...others] = selector;
  if (first === undefined) return nothing;
  if (ofPods) return all.filter((workload) => [...selector].every((label) => hasPodWith(workload, label)));
  const candidates = index.get(first[0])?.get(first[1]) ?? nothing;
  return others.length === 0
    ? candidates
    : candidates.filter(({ labels }) => others.every(([key, value]) => labels.get(key) === value));
}

/** Labels that the StatefulSet controller adds to each pod: its name, and its ordinal (k8s.io/api, apps/v1/types.go). */
const POD_NAME = "statefulset.kubernetes.io/pod-name";
const POD_INDEX = "apps.kubernetes.io/pod-index";
const POD_LABELS: readonly string[] = [POD_NAME, POD_INDEX];

type Label = readonly [key: string, value: string];

/** Whether at least one pod of the workload has the label. Pods of a workload that is scaled to zero will return. */
function hasPodWith(workload: Workload, label: Label): boolean {
  if (workload.labels.get(label[0]) === label[1]) return true;
  const ordinal = ordinalWith(workload, label);
  return ordinal !== undefined && (ordinal < workload.replicas || workload.replicas === 0);
}

/** The ordinal of the only pod with the label; undefined if it is not a label of the StatefulSet controller. */
function ordinalWith({ kind, name }: Workload, [key, value]: Label): number | undefined {
  if (kind !== "statefulset") return undefined;
  const text = key === POD_INDEX ? value : key === POD_NAME ? valueAfter(`${name}-`, value) : "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function valueAfter(prefix: string, text: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : "";
}

/** The only pod of the workload that the selector matches; undefined: all of them. */
function onlyOrdinal({ selector }: Service, workload: Workload): number | undefined {
  for (const key of POD_LABELS) {
    const value = selector?.get(key);
    if (value !== undefined && workload.labels.get(key) !== value) return ordinalWith(workload, [key, value]);
  }
  return undefined;
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
    const only = onlyOrdinal(service, workload);
    for (let ordinal = only ?? 0; ordinal <= (only ?? Infinity) && ordinal < workload.replicas; ordinal++) {
      if (found.length >= most) break;
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
