/**
 * A cluster's services with their addresses and node ports, which are handed out as kube-apiserver does it, but in order
 * instead of at random; and their endpoints, which nobody has until somebody asks.
 */
import {
  addIp,
  compareIp,
  family,
  formatIp,
  type Ip,
  lastAddress,
  type Prefix,
  prefixContains,
  prefixSize,
} from "../addressing/ip.ts";
import type { ClusterDraft } from "./cluster.ts";
import type {
  Node,
  Pod,
  PodIndex,
  Service,
  ServiceEndpoint,
  ServiceIndex,
  ServicePort,
  TopologyProblem,
  Workload,
} from "./model.ts";
import { CODES, problem } from "./problems.ts";
import type { PortParts, ServiceParts } from "./service.ts";
import { nameTwice, nothing } from "./station.ts";

export function buildServices(
  cluster: ClusterDraft,
  workloads: readonly Workload[],
  pods: PodIndex,
  problems: TopologyProblem[],
): ServiceIndex {
  const all = declared(cluster, problems);
  const { kubeProxy, nodePorts, domain, loadBalancer } = cluster;
  return {
    all,
    kubeProxy,
    nodePorts,
    domain,
    loadBalancer,
    ...lookups(all),
    ...endpointsOf(all, workloads, pods),
  };
}

function declared(cluster: ClusterDraft, problems: TopologyProblem[]): readonly Service[] {
  if (cluster.services.length === 0) return nothing;
  const kept: { namespace: string; parts: ServiceParts }[] = [];
  const names = new Map<string, ServiceParts>();
  for (const { namespace, parts } of cluster.services) {
    const key = `${namespace}/${parts.name}`;
    const before = names.get(key);
    if (before !== undefined) {
      problems.push(nameTwice("service", parts.name, `namespace ${namespace}`, parts.nameSource, before.nameSource));
      continue;
    }
    names.set(key, parts);
    kept.push({ namespace, parts });
  }
  const addresses = addressAllocator(
    cluster,
    kept.map(({ parts }) => parts),
  );
  const ports = portAllocator(
    cluster,
    kept.map(({ parts }) => parts),
  );
  const services = kept.map(({ namespace, parts }, index): Service => {
    const given = parts.clusterIps.map(({ ip }) => ip);
    const clusterIps =
      parts.type === "headless" || parts.type === "external-name" ? nothing : addresses.next(parts, given);
    const needsHealth =
      parts.type === "load-balancer" &&
      parts.rest.externalPolicy === "local" &&
      parts.rest.healthCheckNodePort === undefined;
    return {
      ...parts.rest,
      path: `${cluster.name}/${namespace}/${parts.name}`,
      cluster: cluster.name,
      namespace,
      name: parts.name,
      index,
      type: parts.type,
      clusterIps,
      allocated: given.length === 0,
      ports: parts.ports.map((port) => ({
        ...port,
        nodePort: port.nodePort ?? (hasNodePorts(parts) ? ports.next() : undefined),
        nodePortGiven: port.nodePort !== undefined,
      })),
      healthCheckNodePort: needsHealth ? ports.next() : parts.rest.healthCheckNodePort,
    };
  });
  problems.push(...addresses.problems());
  return services;
}

function hasNodePorts({ type }: ServiceParts): boolean {
  return type === "node-port" || type === "load-balancer";
}

/* ---------------------------------------------------------------- allocation */

/**
 * calculateRangeOffset of pkg/registry/core/service/ipallocator: the lower min(max(16, size/16), 256) addresses are for
 * stated ones; allocation begins above them and takes from them only when nothing else is left.
 */
export function staticBand(size: number): number {
  return size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256);
}

/** The same of pkg/registry/core/service/portallocator: 86 of the 2768 usual ports. */
export function staticPorts(size: number): number {
  return size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
}

interface AddressAllocator {
  next(parts: ServiceParts, given: readonly Ip[]): readonly Ip[];
  problems(): readonly TopologyProblem[];
}

function addressAllocator(cluster: ClusterDraft, services: readonly ServiceParts[]): AddressAllocator {
  const taken = new Set<Ip>();
  for (const { clusterIps } of services) for (const { ip } of clusterIps) taken.add(ip);
  const ranges = cluster.serviceCidrs.map(({ prefix, source }) => {
    // The API server's own service has the first address (pkg/controlplane, kubernetesservice).
    const own = addIp(prefix.ip, 1);
    if (own !== undefined) taken.add(own);
    return { prefix, source, free: freeAddresses(prefix, taken) };
  });
  const defaults: readonly (4 | 6)[] = ranges[0] === undefined ? nothing : [family(ranges[0].prefix.ip)];
  let without: ServiceParts | undefined;
  const full = new Map<(typeof ranges)[number], { first: ServiceParts; count: number }>();
  return {
    next: (parts, given) => {
      const families = parts.families.length > 0 ? parts.families : given.length > 0 ? given.map(family) : defaults;
      return families.flatMap((of) => {
        const stated = given.find((ip) => family(ip) === of);
        if (stated !== undefined) return [stated];
        const fitting = ranges.filter(({ prefix }) => family(prefix.ip) === of);
        for (const range of fitting) {
          const { value } = range.free.next();
          if (value !== undefined) return [value];
        }
        const last = fitting.at(-1);
        if (last === undefined) without ??= parts;
        else {
          const before = full.get(last);
          if (before === undefined) full.set(last, { first: parts, count: 1 });
          else before.count++;
        }
        return [];
      });
    },
    problems: () => {
      const found = [...full].map(([{ source }, { first, count }]) =>
        problem(CODES.noServiceAddressLeft, source, { cluster: cluster.name, count, service: first.name }, [
          { source: first.nameSource, message: `${first.name} has no address` },
        ]),
      );
      if (without === undefined && (ranges.length > 0 || !services.some(needsAddress))) return found;
      const data = { keyword: "services", context: `cluster ${cluster.name}` };
      return [...found, problem(CODES.missingStatement, cluster.nameSource, data)];
    },
  };
}

function needsAddress({ type, clusterIps }: ServiceParts): boolean {
  return type !== "headless" && type !== "external-name" && clusterIps.length === 0;
}

/** Free addresses, those above the static band first. The network's own and the broadcast address are none (IPv6: the first). */
function* freeAddresses(prefix: Prefix, taken: ReadonlySet<Ip>): Generator<Ip, undefined> {
  const band = staticBand(Number(prefixSize(prefix)));
  const first = addIp(prefix.ip, 1);
  const start = addIp(prefix.ip, Math.max(band, 1));
  const last = family(prefix.ip) === 4 ? addIp(lastAddress(prefix), -1) : lastAddress(prefix);
  if (first === undefined || start === undefined || last === undefined) return undefined;
  for (let ip: Ip | undefined = start; ip !== undefined && ip <= last; ip = addIp(ip, 1)) if (!taken.has(ip)) yield ip;
  for (let ip: Ip | undefined = first; ip !== undefined && ip < start; ip = addIp(ip, 1)) if (!taken.has(ip)) yield ip;
  return undefined;
}

function portAllocator(cluster: ClusterDraft, services: readonly ServiceParts[]): { next(): number | undefined } {
  const taken = new Set<number>();
  for (const { ports, rest } of services) {
    for (const { nodePort } of ports) if (nodePort !== undefined) taken.add(nodePort);
    if (rest.healthCheckNodePort !== undefined) taken.add(rest.healthCheckNodePort);
  }
  const { first, last } = cluster.nodePorts;
  const start = first + staticPorts(last - first + 1);
  let at = start;
  let wrapped = false;
  return {
    next: () => {
      for (;;) {
        if (!wrapped && at > last) {
          wrapped = true;
          at = first;
        }
        if (wrapped && at >= start) return undefined;
        const port = at++;
        if (!taken.has(port)) return port;
      }
    },
  };
}

/* ------------------------------------------------------------------- lookups */

function lookups(all: readonly Service[]): Pick<ServiceIndex, "byName" | "byAddress" | "byNodePort"> {
  let names: Map<string, Service> | undefined;
  let addresses: Map<Ip, Service[]> | undefined;
  let ports: Map<number, Service[]> | undefined;
  return {
    byName: (namespace, name) => {
      names ??= new Map(all.map((service) => [`${service.namespace}/${service.name}`, service]));
      return names.get(`${namespace}/${name}`);
    },
    byAddress: (ip) => {
      addresses ??= grouped(all, addressesOf);
      return addresses.get(ip) ?? nothing;
    },
    byNodePort: (port) => {
      ports ??= grouped(all, (service) => service.ports.flatMap(({ nodePort }) => nodePort ?? []));
      return ports.get(port) ?? nothing;
    },
  };
}

function addressesOf({ clusterIps, externalIps, loadBalancerIps }: Service): readonly Ip[] {
  return [...clusterIps, ...externalIps.map(({ ip }) => ip), ...loadBalancerIps.map(({ ip }) => ip)];
}

function grouped<K>(all: readonly Service[], keysOf: (service: Service) => readonly K[]): Map<K, Service[]> {
  const groups = new Map<K, Service[]>();
  for (const service of all) {
    for (const key of new Set(keysOf(service))) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [service]);
      else group.push(service);
    }
  }
  return groups;
}

/* ----------------------------------------------------------------- endpoints */

function endpointsOf(
  all: readonly Service[],
  workloads: readonly Workload[],
  pods: PodIndex,
): Pick<ServiceIndex, "selected" | "endpoints"> {
  if (all.length === 0) return { selected: () => nothing, endpoints: () => nothing };
  let byLabel: LabelIndex | undefined;
  const chosen = new Map<Service, readonly Workload[]>();
  const known = new Map<ServicePort, Map<4 | 6, readonly ServiceEndpoint[]>>();
  const selected = (service: Service): readonly Workload[] => {
    let found = chosen.get(service);
    if (found === undefined) {
      byLabel ??= labelIndex(workloads);
      found = selectedBy(service, byLabel);
      chosen.set(service, found);
    }
    return found;
  };
  return {
    selected,
    endpoints: (service, port, of) => {
      const byFamily = known.get(port) ?? new Map<4 | 6, readonly ServiceEndpoint[]>();
      known.set(port, byFamily);
      let found = byFamily.get(of);
      if (found === undefined) {
        found = [...written(service, port, of), ...behind(service, port, of, selected(service), pods)].sort(
          compareEndpoints,
        );
        byFamily.set(of, found);
      }
      return found;
    },
  };
}

/** By namespace, key and value. */
type LabelIndex = ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, readonly Workload[]>>>;

function labelIndex(workloads: readonly Workload[]): LabelIndex {
  const index = new Map<string, Map<string, Map<string, Workload[]>>>();
  for (const workload of workloads) {
    const inNamespace = valueAt(index, workload.namespace, () => new Map());
    for (const [key, value] of workload.labels) {
      const byValue: Map<string, Workload[]> = valueAt(inNamespace, key, () => new Map());
      valueAt(byValue, value, () => []).push(workload);
    }
  }
  return index;
}

function valueAt<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function selectedBy({ namespace, selector }: Service, index: LabelIndex): readonly Workload[] {
  const [first, ...others] = selector ?? nothing;
  if (first === undefined) return nothing;
  const candidates = index.get(namespace)?.get(first[0])?.get(first[1]) ?? nothing;
  return others.length === 0
    ? candidates
    : candidates.filter(({ labels }) => others.every(([key, value]) => labels.get(key) === value));
}

function written(service: Service, port: ServicePort, of: 4 | 6): readonly ServiceEndpoint[] {
  const target = typeof port.target === "number" ? port.target : port.port;
  return service.written.flatMap((one) =>
    family(one.ip) === of ? [{ ip: one.ip, port: one.port ?? target, pod: undefined, node: undefined }] : [],
  );
}

/** Ready pods (or all, with publish-not-ready) that have an address of the family and the port's target. */
function behind(
  service: Service,
  port: ServicePort,
  of: 4 | 6,
  workloads: readonly Workload[],
  pods: PodIndex,
): readonly ServiceEndpoint[] {
  const found: ServiceEndpoint[] = [];
  for (const workload of workloads) {
    if (workload.notReady === true && !service.publishNotReady) continue;
    const target = targetIn(workload, port);
    if (target === undefined) continue;
    for (let ordinal = 0; ordinal < workload.replicas; ordinal++) {
      const pod: Pod = pods.podAt(workload, ordinal);
      const ip = pod.addresses.find((one) => family(one) === of);
      const node: Node | undefined = pod.node;
      if (ip !== undefined && node !== undefined) found.push({ ip, port: target, pod, node });
    }
  }
  return found;
}

/** The number of a port's target in the pods of a workload; a name means the container port that is called so. */
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
function compareEndpoints(a: ServiceEndpoint, b: ServiceEndpoint): number {
  const left = endpointText(a);
  const right = endpointText(b);
  return left < right ? -1 : left > right ? 1 : compareIp(a.ip, b.ip);
}

/** "10.244.1.5:8080", "[fd00::5]:8080" (net.JoinHostPort). */
export function endpointText({ ip, port }: { readonly ip: Ip; readonly port: number }): string {
  return typeof ip === "bigint" ? `[${formatIp(ip)}]:${port}` : `${formatIp(ip)}:${port}`;
}

/** Is it one of the cluster's service addresses? */
export function inServiceRange(cidrs: readonly { readonly prefix: Prefix }[], ip: Ip): boolean {
  return cidrs.some(({ prefix }) => prefixContains(prefix, ip));
}
