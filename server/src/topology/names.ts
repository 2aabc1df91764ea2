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
import { KINDS, RANK, selectsPodsOf } from "../declared/naming.ts";
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

export function resolveEndpoint(topology: Topology, text: string): Resolution {
  return topology.resolve(text);
}

/** "pod/shop/web": the kind and the rest; undefined without a kind. */
export function splitKind(text: string): { readonly kind: string; readonly path: string } | undefined {
  const slash = text.indexOf("/");
  const kind = text.slice(0, Math.max(0, slash));
  return Object.hasOwn(KINDS, kind) ? { kind, path: text.slice(slash + 1) } : undefined;
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

interface Lists {
  readonly routers: ReadonlyMap<string, Router>;
  readonly hosts: ReadonlyMap<string, ExternalHost>;
  readonly workloads: ReadonlyMap<Cluster, ReadonlyMap<string, readonly Workload[]>>;
  readonly containers: ReadonlyMap<string, readonly { readonly cluster: Cluster; readonly workload: Workload }[]>;
  readonly daemons: ReadonlyMap<string, readonly (Node | ExternalHost)[]>;
  readonly services: ReadonlyMap<string, readonly { readonly cluster: Cluster; readonly service: Service }[]>;
}

export function makeNames(named: Named): Names {
  let lists: Lists | undefined;
  const known = (): Lists => {
    lists ??= makeLists(named);
    return lists;
  };
  const find = (text: string, as?: Role): readonly Endpoint[] => {
    const ip = parseIp(text);
    if (ip !== undefined) return [{ kind: "address", path: text, ip }];
    return best(matching(text, as), text);
  };
  /** All objects that the text matches, of any kind. */
  const matching = (text: string, as: Role | undefined): readonly Endpoint[] => {
    const plain = findAll(named, known, text.split("/"));
    const paths = plain.length > 0 ? plain : ofKind(text);
    const all = paths.length > 0 ? paths : byDns(named.clusters, text);
    const machines = all.filter(({ kind }) => kind !== "segment");
    // A segment alone is found, to name the mistake.
    const ends = machines.length > 0 ? machines : all;
    return as === undefined ? ends : ends.filter(({ kind }) => canBe(as, kind));
  };
  const ofKind = (text: string): readonly Endpoint[] => {
    const split = splitKind(text);
    if (split === undefined) return [];
    return findAll(named, known, split.path.split("/")).filter((one) => isOfKind(one, split.kind));
  };
  /** The text with the kind of this endpoint; with its full path if that is not enough. */
  const withKind = ({ kind, path }: Endpoint, text: string, all: readonly Endpoint[]): string => {
    const short = `${kind}/${text}`;
    const isOnly = all.filter((one) => one.kind === kind).length === 1;
    return isOnly && findAll(named, known, short.split("/")).length === 0 ? short : `${kind}/${path}`;
  };
  let suggested = 0;
  const similar = (text: string): readonly string[] => {
    // Compares with every path: a file with hundreds of unknown names has a different problem than spelling.
    suggested += 1;
    return suggested > mostSuggestions ? [] : similarPaths(named, text);
  };
  return {
    find,
    similar,
    resolve: (text, as) => {
      const ip = parseIp(text);
      if (ip !== undefined) return { ok: true, endpoint: { kind: "address", path: text, ip }, others: [] };
      const all = matching(text, as);
      const found = best(all, text);
      const [endpoint] = found;
      if (endpoint === undefined) return { ok: false, error: "unknown", candidates: similar(text) };
      if (found.length > 1) {
        return { ok: false, error: "ambiguous", candidates: found.slice(0, most).map((one) => exact(one, found)) };
      }
      const others = all.filter((one) => isOther(one, endpoint));
      return { ok: true, endpoint, others: others.map((one) => withKind(one, text, all)) };
    },
  };
}

/** The full path of an endpoint, with its kind if another endpoint of the list has the same path. */
export function exact({ kind, path }: Endpoint, all: readonly Endpoint[]): string {
  return all.some((other) => other.path === path && other.kind !== kind) ? `${kind}/${path}` : path;
}

/** A container's name and its pod's refer to the same network namespace. */
function isOther({ kind }: Endpoint, chosen: Endpoint): boolean {
  return kind !== chosen.kind && kind !== "container" && kind !== "daemon";
}

function isOfKind(endpoint: Endpoint, kind: string): boolean {
  if (endpoint.kind !== KINDS[kind]) return false;
  return endpoint.kind !== "pod" || selectsPodsOf(kind, endpoint.pod.workload.kind);
}

/** A full path takes precedence over the end of one. */
function best(found: readonly Endpoint[], text: string): readonly Endpoint[] {
  const full = found.filter(({ path }) => path === text);
  return bestRank(full.length > 0 ? full : found);
}

/** A name that is not a path can be a DNS name, or a URL, which refers to the proxy's service. */
function byDns(clusters: readonly Cluster[], text: string): readonly Endpoint[] {
  const url = readUrl(text);
  const routed = url && routeUrl(clusters, url);
  const entry = routed && entryOf(routed.cluster, routed.ingress);
  if (entry) return [{ kind: "service", path: entry.path, cluster: routed.cluster, service: entry }];
  return dnsNames(clusters, text).map((found): Endpoint => {
    const { cluster } = found;
    return found.kind === "service"
      ? { kind: "service", path: found.service.path, cluster, service: found.service }
      : { kind: "pod", path: found.pod.path, cluster, pod: found.pod };
  });
}

function makeLists({ routers, hosts, clusters }: Named): Lists {
  const workloads = new Map<Cluster, Map<string, Workload[]>>();
  const containers = new Map<string, { cluster: Cluster; workload: Workload }[]>();
  const daemons = new Map<string, (Node | ExternalHost)[]>();
  const services = new Map<string, { cluster: Cluster; service: Service }[]>();
  const addProcesses = (station: Node | ExternalHost): void => {
    for (const { name } of station.processes) append(daemons, name, station);
  };
  for (const host of hosts) addProcesses(host);
  for (const cluster of clusters) {
    const byName = new Map<string, Workload[]>();
    workloads.set(cluster, byName);
    for (const workload of cluster.workloads) {
      append(byName, workload.name, workload);
      for (const { name } of workload.containers) append(containers, name, { cluster, workload });
    }
    for (const node of cluster.nodes) addProcesses(node);
    for (const service of cluster.services.all) append(services, service.name, { cluster, service });
  }
  return {
    routers: new Map(routers.map((router) => [router.name, router])),
    hosts: new Map(hosts.map((host) => [host.name, host])),
    workloads,
    containers,
    daemons,
    services,
  };
}

function append<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function canBe(role: Role, kind: Endpoint["kind"]): boolean {
  return role === "sender" ? kind !== "service" : kind === "router" || kind === "node" || kind === "host";
}

function bestRank(found: readonly Endpoint[]): readonly Endpoint[] {
  if (found.length < 2) return found;
  const best = Math.min(...found.map(rank));
  return found.filter((endpoint) => rank(endpoint) === best);
}

/** An address names a machine. */
function rank({ kind }: Endpoint): number {
  return kind === "address" ? RANK.host : RANK[kind];
}

/* ---------------------------------------------------------------- by the number of parts */

function findAll(named: Named, lists: () => Lists, parts: readonly string[]): readonly Endpoint[] {
  const [a = "", b = "", c = "", d = ""] = parts;
  const found: Endpoint[] = [];
  const { clusters } = named;
  const clusterA = clusters.find(({ name }) => name === a);
  switch (parts.length) {
    case 1: {
      const router = lists().routers.get(a);
      if (router !== undefined) found.push({ kind: "router", path: router.path, router });
      const host = lists().hosts.get(a);
      if (host !== undefined) found.push({ kind: "host", path: host.path, host });
      for (const cluster of clusters) {
        addNode(cluster, a, found);
        addPods(cluster, podsCalled(cluster, lists(), a), found);
      }
      for (const station of lists().daemons.get(a) ?? []) addDaemon(station, a, found);
      for (const { cluster, workload } of lists().containers.get(a) ?? []) {
        if (workload.replicas > 0) addContainer(cluster, cluster.pods.podAt(workload, 0), a, found);
      }
      for (const { cluster, service } of lists().services.get(a) ?? []) addService(cluster, service, found);
      const segment = named.segments.get(a);
      if (segment !== undefined) found.push({ kind: "segment", path: segment.name, segment });
      return found;
    }
    case 2: {
      const host = lists().hosts.get(a);
      if (host !== undefined) addDaemon(host, b, found);
      if (clusterA !== undefined) {
        addNode(clusterA, b, found);
        addPods(clusterA, podsIn(clusterA, "default", b), found);
        addService(clusterA, clusterA.services.byName("default", b), found);
      }
      for (const cluster of clusters) {
        addService(cluster, cluster.services.byName(a, b), found);
        addPods(cluster, podsIn(cluster, a, b), found);
        const node = cluster.nodeByName(a);
        if (node !== undefined) addDaemon(node, b, found);
        for (const pod of podsCalled(cluster, lists(), a)) addContainer(cluster, pod, b, found);
      }
      return found;
    }
    case 3: {
      if (clusterA !== undefined) {
        const node = clusterA.nodeByName(b);
        if (node !== undefined) addDaemon(node, c, found);
        addPods(clusterA, podsIn(clusterA, b, c), found);
        addService(clusterA, clusterA.services.byName(b, c), found);
        for (const pod of podsIn(clusterA, "default", b)) addContainer(clusterA, pod, c, found);
      }
      for (const cluster of clusters) {
        for (const pod of podsIn(cluster, a, b)) addContainer(cluster, pod, c, found);
      }
      return found;
    }
    case 4:
      if (clusterA !== undefined) {
        for (const pod of podsIn(clusterA, b, c)) addContainer(clusterA, pod, d, found);
      }
      return found;
    default:
      return found;
  }
}

/** The pod with this name, or the first pod of the workload with this name, in each namespace. */
function podsCalled(cluster: Cluster, lists: Lists, name: string): readonly Pod[] {
  const workloads = lists.workloads.get(cluster);
  const namespaces = new Set<string>();
  for (const { namespace } of workloads?.get(name) ?? []) namespaces.add(namespace);
  for (let dash = name.lastIndexOf("-"); dash > 0; dash = name.lastIndexOf("-", dash - 1)) {
    for (const { namespace } of workloads?.get(name.slice(0, dash)) ?? []) namespaces.add(namespace);
  }
  return [...namespaces].flatMap((namespace) => podsIn(cluster, namespace, name));
}

/** The same within one namespace: one pod or none. */
function podsIn(cluster: Cluster, namespace: string, name: string): readonly Pod[] {
  const workload = cluster.workloadByName(namespace, name);
  const first = workload && workload.replicas > 0 ? cluster.pods.podAt(workload, 0) : undefined;
  const pod = first ?? cluster.pods.podByName(namespace, name);
  return pod === undefined ? [] : [pod];
}

function addNode(cluster: Cluster, name: string, found: Endpoint[]): void {
  const node = cluster.nodeByName(name);
  if (node !== undefined) found.push({ kind: "node", path: node.path, cluster, node });
}

function addPods(cluster: Cluster, pods: readonly Pod[], found: Endpoint[]): void {
  for (const pod of pods) {
    if (!found.some(({ kind, path }) => kind === "pod" && path === pod.path))
      found.push({ kind: "pod", path: pod.path, cluster, pod });
  }
}

function addService(cluster: Cluster, service: Service | undefined, found: Endpoint[]): void {
  if (service === undefined || found.some((other) => other.kind === "service" && other.service === service)) return;
  found.push({ kind: "service", path: service.path, cluster, service });
}

function addContainer(cluster: Cluster, pod: Pod, name: string, found: Endpoint[]): void {
  const container = processNamed(pod.workload.containers, name);
  if (container === undefined) return;
  const path = `${pod.path}/${name}`;
  if (!found.some((other) => other.path === path)) found.push({ kind: "container", path, cluster, pod, container });
}

function addDaemon(station: Node | ExternalHost, name: string, found: Endpoint[]): void {
  const daemon = processNamed(station.processes, name);
  if (daemon !== undefined) found.push({ kind: "daemon", path: `${station.path}/${name}`, station, daemon });
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
    for (const { name, namespace } of cluster.workloads) append(paths, name, `${cluster.name}/${namespace}/${name}`);
    for (const { name, path } of cluster.services.all) append(paths, name, path);
  }
  const found = nearestFew(last, paths.keys(), 5).flatMap((name) => paths.get(name) ?? []);
  return [...new Set(found)].slice(0, 5);
}
