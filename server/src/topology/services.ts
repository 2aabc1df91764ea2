/**
 * A cluster's services with their addresses and node ports, allocated as in kube-apiserver, but in order instead of at
 * random; and their endpoints, computed on request.
 */
import { addIp, family, type Ip, type IpRange, lastAddress, type Prefix, prefixSize } from "../addressing/ip.ts";
import { succeedList } from "../memo/lineage.ts";
import { perItem, perRow } from "../memo/list.ts";
import { memo, once } from "../memo/memo.ts";
import { query, type Read } from "../memo/query.ts";
import { sameMembers } from "../memo/same.ts";
import { t } from "../text/l10n.ts";
import type { ClusterDraft } from "./cluster.ts";
import { firstNames } from "./first-names.ts";
import type { Cluster, PodIndex, Service, ServiceIndex, Workload } from "./model.ts";
import type { PlacedService } from "./parts.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import type { ServiceParts } from "./service.ts";
import { endpointsOf } from "./service-endpoints.ts";
import { nameTwice, nothing } from "./station.ts";
import { workloadsByNamespace } from "./workloads.ts";

export function buildServices(
  cluster: ClusterDraft,
  workloads: readonly Workload[],
  pods: PodIndex,
): { readonly index: ServiceIndex; readonly problems: readonly TopologyProblem[] } {
  const { kubeProxy, nodePorts, domain, loadBalancer } = cluster;
  const { all, problems } = declaredServices(cluster);
  const own = endpointsOf(all, workloadsByNamespace(workloads), pods);
  return { index: { all, kubeProxy, nodePorts, domain, loadBalancer, ...lookups(all), ...own }, problems };
}

/** Services as in the API server, regardless of their endpoints. */
interface DeclaredServices {
  readonly all: readonly Service[];
  readonly problems: readonly TopologyProblem[];
}

const declaredServices = query<ClusterDraft, DeclaredServices>((read) => {
  const { places, twice } = read(({ services }) => firstNames(namesOf(services)));
  const { given, shortages } = read(allocation);
  const name = read((cluster) => cluster.name);
  const all = read(({ services }) => builtServices([atPlaces(services, places), given], name));
  const serviceAt = (place: number): PlacedService => read(({ services }) => services[place]!);
  const problems = [
    ...twice.map(({ place, first }) => twiceProblem(serviceAt(place), serviceAt(first))),
    ...shortageProblems(read, shortages, (index) => serviceAt(places[index]!).parts),
  ];
  return { all, problems };
});

/* ------------------------------------------------------------------- names */

/** Kubernetes names contain no slash. */
const namesOf = perItem(({ namespace, parts }: PlacedService) => `${namespace}/${parts.name}`);

function atPlaces(services: readonly PlacedService[], places: readonly number[]): readonly PlacedService[] {
  return places.length === services.length ? services : chosen(places, services);
}

const chosen = perItem<number, PlacedService, [readonly PlacedService[]]>((place, services) => services[place]!);

function twiceProblem({ namespace, parts }: PlacedService, first: PlacedService): TopologyProblem {
  return nameTwice(
    "service",
    parts.name,
    { kind: "namespace", name: namespace },
    parts.nameSource,
    first.parts.nameSource,
  );
}

/* --------------------------------------------------- addresses and node ports */

/** All properties of a service that affect the allocation of addresses and ports, for this service and for others. */
interface Demand {
  readonly type: ServiceParts["type"];
  readonly families: readonly (4 | 6)[];
  readonly clusterIps: readonly Ip[];
  /** By port. */
  readonly nodePorts: readonly (number | undefined)[];
  readonly isLocal: boolean;
  readonly healthCheckNodePort: number | undefined;
}

const demandsOf = perItem<PlacedService, Demand>(
  ({ parts: { type, families, clusterIps, ports, rest } }) => ({
    type,
    families,
    clusterIps: clusterIps.map(({ ip }) => ip),
    nodePorts: ports.map(({ nodePort }) => nodePort),
    isLocal: rest.externalPolicy === "local",
    healthCheckNodePort: rest.healthCheckNodePort,
  }),
  (a, b) =>
    a.type === b.type &&
    a.isLocal === b.isLocal &&
    a.healthCheckNodePort === b.healthCheckNodePort &&
    sameMembers(a.families, b.families) &&
    sameMembers(a.clusterIps, b.clusterIps) &&
    sameMembers(a.nodePorts, b.nodePorts),
);

/** Properties of a service that need not be in its statement. */
interface HandedOut {
  readonly clusterIps: readonly Ip[];
  /** One per port. */
  readonly nodePorts: readonly (number | undefined)[];
  readonly healthCheckNodePort: number | undefined;
}

interface Allocation {
  /** By service. */
  readonly given: readonly HandedOut[];
  readonly shortages: Shortages;
}

const allocation = query<ClusterDraft, Allocation>((read, before) => {
  const { places } = read(({ services }) => firstNames(namesOf(services)));
  const demands = read(({ services }) => demandsOf(atPlaces(services, places)));
  const addresses = addressAllocator(
    read(({ serviceCidrs }) => serviceCidrs),
    demands,
  );
  const ports = portAllocator(
    read(({ nodePorts }) => nodePorts.first),
    read(({ nodePorts }) => nodePorts.last),
    demands,
  );
  const given = demands.map((demand, index) => {
    const now = handOut(demand, index, addresses, ports);
    const old = before?.given[index];
    return old !== undefined && isSameGift(old, now) ? old : now;
  });
  return { given: succeedList(before?.given, given), shortages: addresses.shortages() };
});

function handOut(demand: Demand, index: number, addresses: AddressAllocator, ports: PortAllocator): HandedOut {
  const { type, nodePorts: stated, isLocal, healthCheckNodePort } = demand;
  const wantsPorts = type === "node-port" || type === "load-balancer";
  const clusterIps = hasNoAddress(demand) ? nothing : addresses.next(demand, index);
  const nodePorts = stated.map((nodePort) => nodePort ?? (wantsPorts ? ports.next() : undefined));
  const needsHealth = type === "load-balancer" && isLocal && healthCheckNodePort === undefined;
  return { clusterIps, nodePorts, healthCheckNodePort: needsHealth ? ports.next() : healthCheckNodePort };
}

function hasNoAddress({ type }: Demand): boolean {
  return type === "headless" || type === "external-name";
}

function isSameGift(a: HandedOut, b: HandedOut): boolean {
  return (
    a.healthCheckNodePort === b.healthCheckNodePort &&
    sameMembers(a.clusterIps, b.clusterIps) &&
    sameMembers(a.nodePorts, b.nodePorts)
  );
}

const builtServices = perRow<[PlacedService, HandedOut], Service, [string]>(
  ([{ namespace, parts }, given], index, cluster) => serviceOf(cluster, namespace, parts, index, given),
);

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

type ServiceCidr = Cluster["serviceCidrs"][number];

/** Services without an address, by index. */
interface Shortages {
  /** The cluster has no range of the family. */
  readonly without: { readonly index: number; readonly family: 4 | 6 } | undefined;
  /** The last range of the family has no free address. */
  readonly full: readonly { readonly range: ServiceCidr; readonly first: number; readonly count: number }[];
  /** Whether a service needs an address of an unspecified family. */
  readonly isNeeded: boolean;
  /** Whether the cluster has a range of any family. */
  readonly hasRanges: boolean;
}

interface AddressAllocator {
  next(demand: Demand, index: number): readonly Ip[];
  shortages(): Shortages;
}

function addressAllocator(serviceCidrs: readonly ServiceCidr[], demands: readonly Demand[]): AddressAllocator {
  const taken = new Set<Ip>();
  for (const { clusterIps } of demands) for (const ip of clusterIps) taken.add(ip);
  const ranges = serviceCidrs.map((range) => {
    // The API server's own service has the first address (pkg/controlplane, kubernetesservice).
    const own = addIp(range.prefix.ip, 1);
    if (own !== undefined) taken.add(own);
    return { range, free: freeAddresses(range.prefix, taken) };
  });
  const defaults: readonly (4 | 6)[] = serviceCidrs[0] === undefined ? nothing : [family(serviceCidrs[0].prefix.ip)];
  let without: Shortages["without"];
  const full = new Map<ServiceCidr, { first: number; count: number }>();
  return {
    next: ({ clusterIps, families: stated }, index) => {
      const families = stated.length > 0 ? stated : clusterIps.length > 0 ? clusterIps.map(family) : defaults;
      return families.flatMap((of) => {
        const given = clusterIps.find((ip) => family(ip) === of);
        if (given !== undefined) return [given];
        const fitting = ranges.filter(({ range }) => family(range.prefix.ip) === of);
        for (const { free } of fitting) {
          const { value } = free.next();
          if (value !== undefined) return [value];
        }
        const last = fitting.at(-1)?.range;
        if (last === undefined) without ??= { index, family: of };
        else {
          const before = full.get(last);
          if (before === undefined) full.set(last, { first: index, count: 1 });
          else before.count++;
        }
        return [];
      });
    },
    shortages: () => ({
      without,
      full: [...full].map(([range, { first, count }]) => ({ range, first, count })),
      isNeeded: demands.some((demand) => !hasNoAddress(demand) && demand.clusterIps.length === 0),
      hasRanges: ranges.length > 0,
    }),
  };
}

function shortageProblems(
  read: Read<ClusterDraft>,
  { without, full, isNeeded, hasRanges }: Shortages,
  partsOf: (index: number) => ServiceParts,
): readonly TopologyProblem[] {
  if (full.length === 0 && without === undefined && (hasRanges || !isNeeded)) return nothing;
  const cluster = read(({ name }) => name);
  const found = full.map(({ range: { prefix, source }, first, count }) => {
    const { name, nameSource } = partsOf(first);
    const data = { cluster, count, service: name, family: family(prefix.ip) };
    return problem(CODES.noServiceAddressLeft, source, data, [
      { source: nameSource, message: t`service \`${name}\` has no address` },
    ]);
  });
  if (without === undefined && (hasRanges || !isNeeded)) return found;
  const data = { keyword: "services", context: { kind: "cluster", name: cluster } } as const;
  if (without === undefined || !hasRanges)
    return [
      ...found,
      problem(
        CODES.missingStatement,
        read(({ nameSource }) => nameSource),
        data,
      ),
    ];
  const { name, nameSource } = partsOf(without.index);
  const wanted = { ...data, service: { name, family: without.family } };
  return [...found, problem(CODES.missingStatement, nameSource, wanted)];
}

/**
 * The addresses that services can have: without the network and broadcast addresses (IPv6: the network address).
 * `start`: above the static band.
 */
export function serviceAddresses(prefix: Prefix): (IpRange & { readonly start: Ip }) | undefined {
  const band = staticBand(Number(prefixSize(prefix)));
  const first = addIp(prefix.ip, 1);
  const start = addIp(prefix.ip, Math.max(band, 1));
  const last = family(prefix.ip) === 4 ? addIp(lastAddress(prefix), -1) : lastAddress(prefix);
  if (first === undefined || start === undefined || last === undefined || first > last) return undefined;
  return { first, last, start };
}

/** Free addresses, those above the static band first. */
function* freeAddresses(prefix: Prefix, taken: ReadonlySet<Ip>): Generator<Ip, undefined> {
  const range = serviceAddresses(prefix);
  if (range === undefined) return undefined;
  const { first, last, start } = range;
  for (let ip: Ip | undefined = start; ip !== undefined && ip <= last; ip = addIp(ip, 1)) if (!taken.has(ip)) yield ip;
  for (let ip: Ip | undefined = first; ip !== undefined && ip < start; ip = addIp(ip, 1)) if (!taken.has(ip)) yield ip;
  return undefined;
}

interface PortAllocator {
  next(): number | undefined;
}

function portAllocator(first: number, last: number, demands: readonly Demand[]): PortAllocator {
  const taken = new Set<number>();
  for (const { nodePorts, healthCheckNodePort } of demands) {
    for (const nodePort of nodePorts) if (nodePort !== undefined) taken.add(nodePort);
    if (healthCheckNodePort !== undefined) taken.add(healthCheckNodePort);
  }
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

/** Search keys of the services; the maps remain valid while no key changes. */
const pathsOf = perItem(({ namespace, name }: Service) => `${namespace}/${name}`);
const addressesOf = perItem<Service, readonly Ip[]>(
  ({ clusterIps, externalIps, loadBalancerIps }) =>
    externalIps.length === 0 && loadBalancerIps.length === 0
      ? clusterIps
      : [...clusterIps, ...externalIps.map(({ ip }) => ip), ...loadBalancerIps.map(({ ip }) => ip)],
  sameMembers,
);
const nodePortsOf = perItem<Service, readonly number[]>(
  ({ ports }) => ports.flatMap(({ nodePort }) => nodePort ?? []),
  sameMembers,
);

const indexByPath = memo((paths: readonly string[]) => new Map(paths.map((path, index) => [path, index])));
const indexesByAddress = memo((lists: readonly (readonly Ip[])[]) => grouped(lists));
const indexesByPort = memo((lists: readonly (readonly number[])[]) => grouped(lists));

function lookups(all: readonly Service[]): Pick<ServiceIndex, "byName" | "byAddress" | "byNodePort"> {
  const at = (indexes: readonly number[] | undefined): readonly Service[] =>
    indexes?.flatMap((index) => all[index] ?? []) ?? nothing;
  const paths = once(() => indexByPath(pathsOf(all)));
  const addresses = once(() => indexesByAddress(addressesOf(all)));
  const ports = once(() => indexesByPort(nodePortsOf(all)));
  return {
    byName: (namespace, name) => all[paths().get(`${namespace}/${name}`) ?? -1],
    byAddress: (ip) => at(addresses().get(ip)),
    byNodePort: (port) => at(ports().get(port)),
  };
}

function grouped<K>(lists: readonly (readonly K[])[]): ReadonlyMap<K, readonly number[]> {
  const groups = new Map<K, number[]>();
  for (const [index, keys] of lists.entries()) {
    for (const key of keys) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [index]);
      else if (group.at(-1) !== index) group.push(index);
    }
  }
  return groups;
}
