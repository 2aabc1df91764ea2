/**
 * Resolution of paths. Full paths are `router`, `host`, `host/daemon`, `cluster/node`, `cluster/node/daemon`,
 * `cluster/namespace/pod`, and `cluster/namespace/pod/container`. The namespace `default` can be omitted, and so can
 * leading parts of any path as long as the rest is unambiguous. A deployment's name refers to its first pod. Pods and
 * machines take precedence over processes, so a container can have the name of its pod. A service takes precedence over
 * the pod or workload of the same name, as in DNS, but is never a sender; a segment is never an endpoint. A kind in front
 * of a path refers to an object of this kind only: `pod/web`, `service/shop/web`; a path that exists as written takes
 * precedence. A name that is not a path can be a name in the cluster's DNS (`dns.ts`).
 */

import { parseIp } from "../addressing/ip.ts";
import {
  DEFAULT_NAMESPACE,
  KINDS,
  lastOf,
  preferred,
  type Scope,
  selectsPodsOf,
  type Trail,
  trailsOf,
  wantedTrails,
} from "../declared/naming.ts";
import type { SymbolKind } from "../declared/schema/types.ts";
import { once } from "../memo/memo.ts";
import { nearestFew } from "../text/nearest.ts";
import { dnsNames } from "./dns.ts";
import { entryOf, readUrl, routeUrl } from "./ingress.ts";
import type {
  Cluster,
  Endpoint,
  ExternalHost,
  Node,
  Pod,
  ProcessSpec,
  Resolution,
  Router,
  Segment,
  Service,
  Topology,
  Workload,
} from "./model.ts";
import { ownedPods, ownerOf, workloadPods } from "./owners.ts";

export function resolveEndpoint(topology: Topology, text: string): Resolution {
  return topology.resolve(text);
}

/** The full path, with its kind if the path alone refers to a different object: "pod/prod/shop/web". */
export function exactPath(topology: Pick<Topology, "resolve">, kind: Endpoint["kind"], path: string): string {
  const found = topology.resolve(path);
  return found.ok && found.endpoint.kind === kind && found.endpoint.path === path ? path : `${kind}/${path}`;
}

/** The same for a pod, without a search: only a service of its name shares its path. */
export function podPath(cluster: Cluster, { path, name, workload }: Pod): string {
  return cluster.services.byName(workload.namespace, name) === undefined ? path : `pod/${path}`;
}

/** The sender is never a service; the other role accepts only routers, nodes, and hosts. */
export type Role = "sender" | "station";

export interface Names {
  resolve(text: string, as?: Role): Resolution;
  /** Every endpoint that the path can refer to; one entry if it is unambiguous. */
  find(text: string, as?: Role): readonly Endpoint[];
  /** Full paths with a similar name. */
  similar(text: string): readonly string[];
}

export interface Named {
  readonly segments: ReadonlyMap<string, Segment>;
  readonly routers: readonly Router[];
  readonly hosts: readonly ExternalHost[];
  readonly clusters: readonly Cluster[];
}

/** Maximum number of candidates to show. */
const most = 10;
const mostSuggestions = 20;

/** Endpoints, and the objects that enclose them. */
type Place =
  | Endpoint
  | { readonly kind: "cluster"; readonly path: string; readonly cluster: Cluster }
  /** Not necessarily declared. */
  | { readonly kind: "namespace"; readonly path: string; readonly cluster: Cluster; readonly namespace: string };

export function makeNames(named: Named): Names {
  const scope = scopeOf(named);
  const addressIn = (text: string): Endpoint | undefined => {
    const ip = parseIp(text);
    return ip === undefined ? undefined : { kind: "address", path: text, ip };
  };
  /** All objects that the text matches, of any kind. */
  const matching = (text: string, as: Role | undefined): readonly Trail<Place>[] => {
    const { trails } = wantedTrails(scope, text.split("/"), isEndpoint, true);
    const all = trails.length > 0 ? trails : byDns(named.clusters, text).map((one): Trail<Place> => [one]);
    const machines = all.filter((trail) => lastOf(trail).kind !== "segment");
    // A segment alone is found, to name the mistake.
    const ends = machines.length > 0 ? machines : all;
    return as === undefined ? ends : ends.filter((trail) => canBe(as, lastOf(trail).kind));
  };
  /** The text with the kind of this endpoint; with its full path if that is not enough. */
  const withKind = ({ kind, path }: Endpoint, text: string, all: readonly Endpoint[]): string => {
    const short = `${kind}/${text}`;
    const isOnly = all.filter((one) => one.kind === kind).length === 1;
    return isOnly && endpointsOf(trailsOf(scope, short.split("/"))).length === 0 ? short : `${kind}/${path}`;
  };
  let suggested = 0;
  const similar = (text: string): readonly string[] => {
    // Compares with every path: a file with hundreds of unknown names has a different problem than spelling.
    suggested += 1;
    return suggested > mostSuggestions ? [] : similarPaths(named, text);
  };
  return {
    similar,
    find(text, as) {
      const address = addressIn(text);
      return address ? [address] : endpointsOf(preferred(scope, matching(text, as)));
    },
    resolve(text, as) {
      const address = addressIn(text);
      if (address) return { ok: true, endpoint: address, others: [] };
      const trails = matching(text, as);
      const found = endpointsOf(preferred(scope, trails));
      const [endpoint] = found;
      if (endpoint === undefined) return { ok: false, error: "unknown", candidates: similar(text) };
      if (found.length > 1) {
        return { ok: false, error: "ambiguous", candidates: found.slice(0, most).map((one) => exact(one, found)) };
      }
      const all = endpointsOf(trails);
      const others = all.filter((one) => isOther(one, endpoint));
      return { ok: true, endpoint, others: others.map((one) => withKind(one, text, all)) };
    },
  };
}

function isEndpoint(place: Place): place is Endpoint {
  return place.kind !== "cluster" && place.kind !== "namespace";
}

function endpointsOf(trails: readonly Trail<Place>[]): readonly Endpoint[] {
  return trails.map(lastOf).filter(isEndpoint);
}

/** The full path of an endpoint, with its kind if another endpoint of the list has the same path. */
export function exact({ kind, path }: Endpoint, all: readonly Endpoint[]): string {
  return all.some((other) => other.path === path && other.kind !== kind) ? `${kind}/${path}` : path;
}

/** A container's name and its pod's refer to the same network namespace. */
function isOther({ kind }: Endpoint, chosen: Endpoint): boolean {
  return kind !== chosen.kind && kind !== "container" && kind !== "daemon";
}

/** A name that is not a path can be a DNS name, or a URL, which refers to the proxy's service. */
function byDns(clusters: readonly Cluster[], text: string): readonly Endpoint[] {
  const url = readUrl(text);
  const routed = url && routeUrl(clusters, url);
  const entry = routed && entryOf(routed.cluster, routed.ingress);
  if (entry) return [servicePlace(routed.cluster, entry)];
  return dnsNames(clusters, text).map((found): Endpoint => {
    const { cluster } = found;
    return found.kind === "service"
      ? servicePlace(cluster, found.service)
      : { kind: "pod", path: found.pod.path, cluster, pod: found.pod };
  });
}

function canBe(role: Role, kind: Place["kind"]): boolean {
  return role === "sender" ? kind !== "service" : kind === "router" || kind === "node" || kind === "host";
}

/* ---------------------------------------------------------------- the objects by name */

function scopeOf(named: Named): Scope<Place> {
  const lists = listsOf(named);
  const { segments, clusters } = named;
  return {
    kindOf,
    keyOf: ({ kind, path }) => `${kind} ${path}`,
    isOfKind: (place, kind) =>
      place.kind === KINDS[kind] && (place.kind !== "pod" || selectsPodsOf(kind, ownerOf(place.pod.workload).kind)),
    anywhere(name, below) {
      const found: Place[] = [];
      if (below === 0)
        for (const router of lists.routers(name)) found.push({ kind: "router", path: router.path, router });
      if (below <= 1) for (const host of lists.hosts(name)) found.push({ kind: "host", path: host.path, host });
      if (below > 0) found.push(...clusters.filter((one) => one.name === name).map(clusterPlace));
      for (const cluster of clusters) {
        if (below > 0) found.push(namespacePlace(cluster, name));
        if (below <= 1)
          found.push(...nodesIn(cluster, name), ...podsCalled(cluster, lists.workloads.get(cluster), name));
      }
      if (below > 0) return found;
      for (const station of lists.daemons(name)) found.push(...daemonsOn(station, name));
      for (const { cluster, workload } of lists.containers(name)) {
        if (workload.replicas > 0) found.push(...containersIn(cluster, cluster.pods.podAt(workload, 0), name));
      }
      for (const { cluster, service } of lists.services(name)) found.push(servicePlace(cluster, service));
      const segment = segments.get(name);
      if (segment !== undefined) found.push({ kind: "segment", path: name, segment });
      return found;
    },
    inside(outer, name) {
      switch (outer.kind) {
        case "cluster": {
          const { cluster } = outer;
          return [
            ...nodesIn(cluster, name),
            namespacePlace(cluster, name),
            ...podsIn(cluster, DEFAULT_NAMESPACE, name),
            ...servicesIn(cluster, DEFAULT_NAMESPACE, name),
          ];
        }
        case "namespace": {
          const { cluster, namespace } = outer;
          return [...servicesIn(cluster, namespace, name), ...podsIn(cluster, namespace, name)];
        }
        case "pod":
          return containersIn(outer.cluster, outer.pod, name);
        case "node":
          return daemonsOn(outer.node, name);
        case "host":
          return daemonsOn(outer.host, name);
        case "router":
        case "service":
        case "container":
        case "daemon":
        case "segment":
        case "address":
          return [];
      }
    },
  };
}

/** An address names a machine. */
function kindOf({ kind }: Place): SymbolKind {
  return kind === "address" ? "host" : kind;
}

/** Objects by a name, listed when the first one is needed. */
type ByName<T> = (name: string) => readonly T[];

interface Lists {
  readonly routers: ByName<Router>;
  readonly hosts: ByName<ExternalHost>;
  readonly daemons: ByName<Node | ExternalHost>;
  readonly containers: ByName<{ readonly cluster: Cluster; readonly workload: Workload }>;
  readonly services: ByName<{ readonly cluster: Cluster; readonly service: Service }>;
  readonly workloads: ReadonlyMap<Cluster, ByName<Workload>>;
}

function listsOf({ routers, hosts, clusters }: Named): Lists {
  const nameOf = ({ name }: { readonly name: string }): readonly string[] => [name];
  const workloadNames = ({ name, owner }: Workload): readonly string[] => (owner ? [name, owner.name] : [name]);
  const processNames = ({ processes }: Node | ExternalHost): readonly string[] => processes.map(({ name }) => name);
  return {
    routers: byName(() => routers, nameOf),
    hosts: byName(() => hosts, nameOf),
    daemons: byName(() => [...hosts, ...clusters.flatMap(({ nodes }) => nodes)], processNames),
    containers: byName(
      () => clusters.flatMap((cluster) => cluster.workloads.map((workload) => ({ cluster, workload }))),
      ({ workload }) => workload.containers.map(({ name }) => name),
    ),
    services: byName(
      () => clusters.flatMap((cluster) => cluster.services.all.map((service) => ({ cluster, service }))),
      ({ service }) => nameOf(service),
    ),
    workloads: new Map(clusters.map((cluster) => [cluster, byName(() => cluster.workloads, workloadNames)])),
  };
}

function byName<T>(list: () => readonly T[], namesOf: (one: T) => readonly string[]): ByName<T> {
  const known = once(() => {
    const map = new Map<string, T[]>();
    for (const one of list()) for (const name of namesOf(one)) append(map, name, one);
    return map;
  });
  return (name) => known().get(name) ?? [];
}

function append<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function clusterPlace(cluster: Cluster): Place {
  return { kind: "cluster", path: cluster.name, cluster };
}

function namespacePlace(cluster: Cluster, namespace: string): Place {
  return { kind: "namespace", path: `${cluster.name}/${namespace}`, cluster, namespace };
}

function servicePlace(cluster: Cluster, service: Service): Endpoint {
  return { kind: "service", path: service.path, cluster, service };
}

function nodesIn(cluster: Cluster, name: string): readonly Place[] {
  const node = cluster.nodeByName(name);
  return node === undefined ? [] : [{ kind: "node", path: node.path, cluster, node }];
}

/** The pod with this name, or the first pod of the workload with this name, in each namespace. */
function podsCalled(cluster: Cluster, workloads: ByName<Workload> | undefined, name: string): readonly Place[] {
  const namespaces = new Set<string>();
  for (const { namespace } of workloads?.(name) ?? []) namespaces.add(namespace);
  for (let dash = name.lastIndexOf("-"); dash > 0; dash = name.lastIndexOf("-", dash - 1)) {
    for (const { namespace } of workloads?.(name.slice(0, dash)) ?? []) namespaces.add(namespace);
  }
  return [...namespaces].flatMap((namespace) => podsIn(cluster, namespace, name));
}

/** The same within one namespace: one pod or none. A declared workload takes precedence over pods with this owner. */
function podsIn(cluster: Cluster, namespace: string, name: string): readonly Place[] {
  const workload = cluster.workloadByName(namespace, name);
  const first = workload && workload.replicas > 0 ? cluster.pods.podAt(workload, 0) : undefined;
  const pod = first ?? cluster.pods.podByName(namespace, name) ?? firstOwned(cluster, namespace, name);
  return pod === undefined ? [] : [{ kind: "pod", path: pod.path, cluster, pod }];
}

/** A pod of the workload with this name that has an address, if there is one. */
function firstOwned(cluster: Cluster, namespace: string, name: string): Pod | undefined {
  const pods = ownedPods(cluster.workloads, namespace, name).map((one) => cluster.pods.podAt(one, 0));
  return pods.find(({ addresses }) => addresses.length > 0) ?? pods[0];
}

function servicesIn(cluster: Cluster, namespace: string, name: string): readonly Place[] {
  const service = cluster.services.byName(namespace, name);
  return service === undefined ? [] : [servicePlace(cluster, service)];
}

function containersIn(cluster: Cluster, pod: Pod, name: string): readonly Place[] {
  const container = processNamed(pod.workload.containers, name);
  return container === undefined ? [] : [{ kind: "container", path: `${pod.path}/${name}`, cluster, pod, container }];
}

function daemonsOn(station: Node | ExternalHost, name: string): readonly Place[] {
  const daemon = processNamed(station.processes, name);
  return daemon === undefined ? [] : [{ kind: "daemon", path: `${station.path}/${name}`, station, daemon }];
}

function processNamed(processes: readonly ProcessSpec[], name: string): ProcessSpec | undefined {
  return processes.find((process) => process.name === name);
}

/* ---------------------------------------------------------------- unknown names */

function similarPaths({ routers, hosts, clusters }: Named, text: string): readonly string[] {
  const last = text.slice(text.lastIndexOf("/") + 1);
  const paths = new Map<string, string[]>();
  for (const { name, path } of [...routers, ...hosts]) append(paths, name, path);
  for (const cluster of clusters) {
    for (const { name, path } of cluster.nodes) append(paths, name, path);
    for (const { name, namespace } of [...workloadPods(cluster.workloads), ...cluster.workloads])
      append(paths, name, `${cluster.name}/${namespace}/${name}`);
    for (const { name, path } of cluster.services.all) append(paths, name, path);
  }
  const found = nearestFew(last, paths.keys(), 5).flatMap((name) => paths.get(name) ?? []);
  return [...new Set(found)].slice(0, 5);
}
