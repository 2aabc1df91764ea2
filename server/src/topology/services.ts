/**
 * A cluster's services with their addresses and node ports, allocated as in kube-apiserver, but in order instead of at
 * random; and their endpoints, computed on request.
 */
import { addIp, family, type Ip, lastAddress, type Prefix, prefixSize } from "../addressing/ip.ts";
import { keptIn, type Slot, sameMembers, valueAt } from "../memo/memo.ts";
import { t } from "../text/l10n.ts";
import type { ReadCache } from "./cache.ts";
import type { ClusterDraft } from "./cluster.ts";
import type { PodIndex, Service, ServiceIndex, Workload } from "./model.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import type { ServiceParts } from "./service.ts";
import { endpointsOf } from "./service-endpoints.ts";
import { nameTwice, nothing } from "./station.ts";
import { workloadsByNamespace } from "./tenants.ts";

export function buildServices(
  cluster: ClusterDraft,
  workloads: readonly Workload[],
  pods: PodIndex,
  identity: object,
  cache: ReadCache,
  slot: Slot<DeclaredServices>,
): { readonly index: ServiceIndex; readonly problems: readonly TopologyProblem[] } {
  const { kubeProxy, nodePorts, domain, loadBalancer } = cluster;
  const { all, lookups, problems } = keptIn(
    slot,
    madeOf(cluster),
    () => changed(cluster, slot.made?.result, cache) ?? declared(cluster, cache),
    // Problems can refer to the cluster's own statement, which every edit inside creates again.
    (made) => made.problems.length === 0,
  );
  const own = endpointsOf(all, workloadsByNamespace(identity, workloads), pods);
  return { index: { all, kubeProxy, nodePorts, domain, loadBalancer, ...lookups, ...own }, problems };
}

/** Services as in the API server, regardless of their endpoints. */
export interface DeclaredServices {
  readonly all: readonly Service[];
  readonly places: Places;
  readonly lookups: Pick<ServiceIndex, "byName" | "byAddress" | "byNodePort">;
  readonly of: Supply;
  readonly problems: readonly TopologyProblem[];
}

/** The services, and the ranges that their addresses and ports are allocated from. */
interface Supply {
  readonly services: ClusterDraft["services"];
  readonly serviceCidrs: ClusterDraft["serviceCidrs"];
  readonly nodePorts: { readonly first: number; readonly last: number };
}

function supplyOf({ services, serviceCidrs, nodePorts: { first, last } }: ClusterDraft): Supply {
  return { services, serviceCidrs, nodePorts: { first, last } };
}

function madeOf({ file, services, serviceCidrs, nodePorts }: ClusterDraft): readonly unknown[] {
  const ranges = serviceCidrs.map(({ source }) => source.decl.handle);
  return [
    file,
    ranges.length,
    ...ranges,
    nodePorts.first,
    nodePorts.last,
    ...services.flatMap(({ namespace, parts }) => [namespace, parts]),
  ];
}

function declared(cluster: ClusterDraft, { built }: ReadCache): DeclaredServices {
  if (cluster.services.length === 0)
    return { all: nothing, places: NO_PLACES, lookups: NO_LOOKUPS, of: supplyOf(cluster), problems: nothing };
  const problems: TopologyProblem[] = [];
  const kept: { namespace: string; parts: ServiceParts }[] = [];
  const names = new Map<string, Map<string, ServiceParts>>();
  for (const { namespace, parts } of cluster.services) {
    const inNamespace = valueAt(names, namespace, () => new Map<string, ServiceParts>());
    const before = inNamespace.get(parts.name);
    if (before !== undefined) {
      problems.push(
        nameTwice("service", parts.name, { kind: "namespace", name: namespace }, parts.nameSource, before.nameSource),
      );
      continue;
    }
    inNamespace.set(parts.name, parts);
    kept.push({ namespace, parts });
  }
  const parts = kept.map((one) => one.parts);
  const addresses = addressAllocator(cluster, parts);
  const ports = portAllocator(cluster, parts);
  const all = kept.map((one, index) => {
    const given = handOut(one.parts, addresses, ports);
    const before = built.services.get(one.parts);
    if (before && isUnchanged(before, cluster.name, one.namespace, index, given)) return before;
    const made = serviceOf(cluster.name, one.namespace, one.parts, index, given);
    built.services.set(one.parts, made);
    return made;
  });
  problems.push(...addresses.problems());
  const places = placesOf(all);
  return { all, places, lookups: lookups(all, places), of: supplyOf(cluster), problems };
}

/**
 * If the changes in some services affect only these services, all services keep their allocated addresses and ports.
 */
function changed(
  cluster: ClusterDraft,
  before: DeclaredServices | undefined,
  { built }: ReadCache,
): DeclaredServices | undefined {
  if (before === undefined || !isSameSupply(cluster, before.of)) return undefined;
  const { services } = cluster;
  const all = [...before.all];
  for (const [index, { namespace, parts }] of services.entries()) {
    const old = before.of.services[index];
    const service = all[index];
    if (old === undefined || service === undefined || old.namespace !== namespace) return undefined;
    if (old.parts === parts) continue;
    if (old.parts.name !== parts.name || demandOf(old.parts) !== demandOf(parts)) return undefined;
    const { clusterIps, healthCheckNodePort } = service;
    const nodePorts = service.ports.map(({ nodePort }) => nodePort);
    const made = serviceOf(cluster.name, namespace, parts, index, { clusterIps, nodePorts, healthCheckNodePort });
    built.services.set(parts, made);
    all[index] = made;
    if (!hasSameAddresses(service, made)) return undefined;
  }
  const { places } = before;
  return { all, places, lookups: lookups(all, places), of: supplyOf(cluster), problems: nothing };
}

/** Whether the ranges of addresses and ports and the number of services are the same. */
function isSameSupply(a: Supply, b: Supply): boolean {
  return (
    a.services.length === b.services.length &&
    a.nodePorts.first === b.nodePorts.first &&
    a.nodePorts.last === b.nodePorts.last &&
    a.serviceCidrs.length === b.serviceCidrs.length &&
    a.serviceCidrs.every(({ source }, i) => source.decl.handle === b.serviceCidrs[i]?.source.decl.handle)
  );
}

/** All properties that affect the allocation of addresses and ports, for this service and for others. */
function demandOf({ type, families, clusterIps, ports, rest }: ServiceParts): string {
  const { externalPolicy, healthCheckNodePort } = rest;
  const nodePorts = ports.map(({ nodePort }) => nodePort ?? "any");
  return [
    type,
    ...families,
    ...clusterIps.map(({ ip }) => ip),
    "",
    ...nodePorts,
    externalPolicy,
    healthCheckNodePort,
  ].join(" ");
}

/** Properties of a service that need not be in its statement. */
interface HandedOut {
  readonly clusterIps: readonly Ip[];
  /** One per port. */
  readonly nodePorts: readonly (number | undefined)[];
  readonly healthCheckNodePort: number | undefined;
}

function handOut(parts: ServiceParts, addresses: AddressAllocator, ports: PortAllocator): HandedOut {
  const { type, rest } = parts;
  const wantsPorts = hasNodePorts(parts);
  const clusterIps = type === "headless" || type === "external-name" ? nothing : addresses.next(parts);
  const nodePorts = parts.ports.map(({ nodePort }) => nodePort ?? (wantsPorts ? ports.next() : undefined));
  const needsHealth =
    type === "load-balancer" && rest.externalPolicy === "local" && rest.healthCheckNodePort === undefined;
  return { clusterIps, nodePorts, healthCheckNodePort: needsHealth ? ports.next() : rest.healthCheckNodePort };
}

/** `before`: created from the same statement. */
function isUnchanged(before: Service, cluster: string, namespace: string, index: number, given: HandedOut): boolean {
  return (
    before.cluster === cluster &&
    before.namespace === namespace &&
    before.index === index &&
    before.healthCheckNodePort === given.healthCheckNodePort &&
    before.clusterIps.length === given.clusterIps.length &&
    before.clusterIps.every((ip, i) => ip === given.clusterIps[i]) &&
    before.ports.every(({ nodePort }, i) => nodePort === given.nodePorts[i])
  );
}

function serviceOf(
  cluster: string,
  namespace: string,
  parts: ServiceParts,
  index: number,
  { clusterIps, nodePorts, healthCheckNodePort }: HandedOut,
): Service {
  return {
    ...parts.rest,
    path: `${cluster}/${namespace}/${parts.name}`,
    cluster,
    namespace,
    name: parts.name,
    index,
    type: parts.type,
    clusterIps,
    allocated: parts.clusterIps.length === 0,
    ports: parts.ports.map((port, i) => ({
      ...port,
      nodePort: nodePorts[i],
      nodePortGiven: port.nodePort !== undefined,
    })),
    healthCheckNodePort,
  };
}

function hasNodePorts({ type }: ServiceParts): boolean {
  return type === "node-port" || type === "load-balancer";
}

/* ---------------------------------------------------------------- allocation */

/**
 * calculateRangeOffset of pkg/registry/core/service/ipallocator: the lower min(max(16, size/16), 256) addresses are
 * reserved for configured ones; allocation starts above them and uses them only if nothing else is left.
 */
function staticBand(size: number): number {
  return size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256);
}

/** The same in pkg/registry/core/service/portallocator: 86 of the 2768 default ports. */
function staticPorts(size: number): number {
  return size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
}

interface AddressAllocator {
  next(parts: ServiceParts): readonly Ip[];
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
  let without: { readonly parts: ServiceParts; readonly of: 4 | 6 } | undefined;
  const full = new Map<(typeof ranges)[number], { first: ServiceParts; count: number }>();
  return {
    next: (parts) => {
      const given = parts.clusterIps.map(({ ip }) => ip);
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
        if (last === undefined) without ??= { parts, of };
        else {
          const before = full.get(last);
          if (before === undefined) full.set(last, { first: parts, count: 1 });
          else before.count++;
        }
        return [];
      });
    },
    problems: () => {
      const found = [...full].map(([{ prefix, source }, { first, count }]) => {
        const data = { cluster: cluster.name, count, service: first.name, family: family(prefix.ip) };
        return problem(CODES.noServiceAddressLeft, source, data, [
          { source: first.nameSource, message: t`service \`${first.name}\` has no address` },
        ]);
      });
      if (without === undefined && (ranges.length > 0 || !services.some(needsAddress))) return found;
      const data = { keyword: "services", context: { kind: "cluster", name: cluster.name } } as const;
      if (without === undefined || ranges.length === 0)
        return [...found, problem(CODES.missingStatement, cluster.nameSource, data)];
      const { parts, of } = without;
      const wanted = { ...data, service: { name: parts.name, family: of } };
      return [...found, problem(CODES.missingStatement, parts.nameSource, wanted)];
    },
  };
}

function needsAddress({ type, clusterIps }: ServiceParts): boolean {
  return type !== "headless" && type !== "external-name" && clusterIps.length === 0;
}

/**
 * Free addresses, those above the static band first, without the network and broadcast addresses (IPv6: the network
 * address).
 */
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

interface PortAllocator {
  next(): number | undefined;
}

function portAllocator(cluster: ClusterDraft, services: readonly ServiceParts[]): PortAllocator {
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

/** Indexes of services in the list, by each search key; each map is created on first request. */
interface Places {
  names(): ReadonlyMap<string, ReadonlyMap<string, number>>;
  addresses(): ReadonlyMap<Ip, readonly number[]>;
  ports(): ReadonlyMap<number, readonly number[]>;
}

function placesOf(all: readonly Service[]): Places {
  let names: Map<string, Map<string, number>> | undefined;
  let addresses: Map<Ip, number[]> | undefined;
  let ports: Map<number, number[]> | undefined;
  return {
    names: () => {
      names ??= namesOf(all);
      return names;
    },
    addresses: () => {
      addresses ??= grouped(all, addressesOf);
      return addresses;
    },
    ports: () => {
      ports ??= grouped(all, nodePortsOf);
      return ports;
    },
  };
}

function lookups(all: readonly Service[], places: Places): Pick<ServiceIndex, "byName" | "byAddress" | "byNodePort"> {
  const at = (indexes: readonly number[] | undefined): readonly Service[] =>
    indexes?.flatMap((index) => all[index] ?? []) ?? nothing;
  return {
    byName: (namespace, name) => all[places.names().get(namespace)?.get(name) ?? -1],
    byAddress: (ip) => at(places.addresses().get(ip)),
    byNodePort: (port) => at(places.ports().get(port)),
  };
}

function namesOf(all: readonly Service[]): Map<string, Map<string, number>> {
  const names = new Map<string, Map<string, number>>();
  for (const [index, { namespace, name }] of all.entries())
    valueAt(names, namespace, () => new Map<string, number>()).set(name, index);
  return names;
}

function addressesOf({ clusterIps, externalIps, loadBalancerIps }: Service): readonly Ip[] {
  return externalIps.length === 0 && loadBalancerIps.length === 0
    ? clusterIps
    : [...clusterIps, ...externalIps.map(({ ip }) => ip), ...loadBalancerIps.map(({ ip }) => ip)];
}

function nodePortsOf({ ports }: Service): readonly number[] {
  return ports.flatMap(({ nodePort }) => nodePort ?? []);
}

function hasSameAddresses(a: Service, b: Service): boolean {
  return sameMembers(addressesOf(a), addressesOf(b)) && sameMembers(nodePortsOf(a), nodePortsOf(b));
}

function grouped<K>(all: readonly Service[], keysOf: (service: Service) => readonly K[]): Map<K, number[]> {
  const groups = new Map<K, number[]>();
  for (const [index, service] of all.entries()) {
    for (const key of keysOf(service)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [index]);
      else if (group.at(-1) !== index) group.push(index);
    }
  }
  return groups;
}

const NO_PLACES = placesOf(nothing);
const NO_LOOKUPS = lookups(nothing, NO_PLACES);
