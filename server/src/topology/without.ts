/**
 * A topology after a failure: the same names, addresses, and placement, without a machine, a link, or a BGP session. The
 * interfaces of a failed link are down, so their addresses and routes are gone (as with systemd-networkd and
 * NetworkManager after the loss of the carrier); a failed machine has no interfaces. Nodes without an interface are not
 * ready, and services have no endpoints on them (node lifecycle controller, EndpointSlice controller).
 */
import { type Ip, isNear } from "../addressing/ip.ts";
import { memo, valueAt } from "../memo/memo.ts";
import type {
  Cluster,
  Endpoint,
  Interface,
  Node,
  Pod,
  PodIndex,
  Resolution,
  ServiceEndpoint,
  ServicePort,
  StaticRoute,
  Station,
  Topology,
} from "./model.ts";
import { stationsByPath } from "./stations.ts";

export type Outage =
  | { readonly kind: "machine"; readonly path: string }
  /** `ends`: the interfaces that are down. */
  | { readonly kind: "link"; readonly segment: string; readonly ends: readonly Plug[] }
  | { readonly kind: "session"; readonly between: readonly [string, string] };

/** One end of a link. */
export interface Plug {
  readonly path: string;
  readonly device: string;
}

export function without(topology: Topology, outage: Outage): Topology {
  if (outage.kind === "session")
    return { ...topology, downSessions: [...(topology.downSessions ?? []), outage.between] };
  const stations = stationsByPath(topology);
  const down: readonly Plug[] =
    outage.kind === "link"
      ? outage.ends
      : (stations(outage.path)?.interfaces ?? []).map(({ device }) => ({ path: outage.path, device }));
  const isUp = ({ station: { path }, device }: Interface): boolean =>
    !down.some((plug) => plug.path === path && plug.device === device);
  const changed = new Map<string, Station>();
  for (const path of new Set(down.map((plug) => plug.path))) {
    const station = stations(path);
    if (station) changed.set(path, unplugged(station, isUp));
  }
  const swap = <S extends Station>(station: S): S => (changed.get(station.path) as S | undefined) ?? station;
  const clusters = topology.clusters.map((cluster) => clusterWith(cluster, changed));
  const attached = new Map<string, readonly Interface[]>();
  const byName = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  return {
    ...topology,
    routers: topology.routers.map(swap),
    hosts: topology.hosts.map(swap),
    clusters,
    attachedTo: (segment) => valueAt(attached, segment, () => topology.attachedTo(segment).filter(isUp)),
    interfacesWith: (segment, ip) => topology.interfacesWith(segment, ip).filter(isUp),
    resolve: (text, as) => resolved(topology.resolve(text, as), byName, swap),
  };
}

/** The same machine without these interfaces, and without the next hops that were reachable only through them. */
function unplugged<S extends Station>(station: S, isUp: (iface: Interface) => boolean): S {
  const interfaces = station.interfaces.filter(isUp);
  const routes = station.routes.flatMap((route) => routeWithout(station, route, interfaces));
  return { ...station, interfaces, routes };
}

/** fib_sync_down_dev: a route with several next hops loses those on the device; one without a next hop left is removed. */
function routeWithout(station: Station, route: StaticRoute, left: readonly Interface[]): readonly StaticRoute[] {
  if (route.type !== "unicast") return [route];
  const device = (one: Interface): boolean => one.device === route.dev;
  const wasDevice = station.interfaces.some(device);
  if (wasDevice && !left.some(device)) return [];
  if (route.via.length === 0) return [route];
  const isUp = (via: Ip): boolean => isOn(left, via) || !isOn(station.interfaces, via);
  const via = wasDevice ? route.via : route.via.filter(isUp);
  if (via.length === route.via.length) return [route];
  return via.length === 0 ? [] : [{ ...route, via }];
}

function isOn(interfaces: readonly Interface[], ip: Ip): boolean {
  return interfaces.some(({ addresses }) => addresses.some((own) => isNear(own, ip)));
}

function clusterWith(cluster: Cluster, changed: ReadonlyMap<string, Station>): Cluster {
  const isAffected = [...changed.keys()].some((path) => path.startsWith(`${cluster.name}/`));
  if (!isAffected) return cluster;
  const swap = (node: Node): Node => {
    const other = changed.get(node.path);
    return other?.kind === "node" ? other : node;
  };
  const pods = podsWith(cluster.pods, swap);
  const endpoints = memo((_: ServicePort): Map<4 | 6, readonly ServiceEndpoint[]> => new Map());
  return {
    ...cluster,
    nodes: cluster.nodes.map(swap),
    nodeByName: (name) => mapped(cluster.nodeByName(name), swap),
    nodeByPodAddress: (ip) => mapped(cluster.nodeByPodAddress(ip), swap),
    pods,
    services: {
      ...cluster.services,
      endpoints: (service, port, family) =>
        valueAt(endpoints(port), family, () =>
          cluster.services
            .endpoints(service, port, family)
            .map((one) => ({ ...one, pod: mapped(one.pod, (pod) => podWith(pod, swap)), node: mapped(one.node, swap) }))
            .filter(({ node }) => node === undefined || node.interfaces.length > 0),
        ),
    },
  };
}

function mapped<T>(value: T | undefined, change: (value: T) => T): T | undefined {
  return value === undefined ? undefined : change(value);
}

type Swap = (node: Node) => Node;

function podWith(pod: Pod, swap: Swap): Pod {
  const node = mapped(pod.node, swap);
  return node === pod.node ? pod : { ...pod, node };
}

function podsWith(pods: PodIndex, swap: Swap): PodIndex {
  return {
    count: pods.count,
    podAt: (workload, ordinal) => podWith(pods.podAt(workload, ordinal), swap),
    podsOn: (node) => [...pods.podsOn(node)].map((pod) => podWith(pod, swap)),
    countOn: pods.countOn,
    inhabited: pods.inhabited,
    podByName: (namespace, name) => mapped(pods.podByName(namespace, name), (pod) => podWith(pod, swap)),
    podsByAddress: (ip) => pods.podsByAddress(ip).map((pod) => podWith(pod, swap)),
    addressOf: pods.addressOf,
  };
}

function resolved(
  found: Resolution,
  clusters: ReadonlyMap<string, Cluster>,
  swap: <S extends Station>(station: S) => S,
): Resolution {
  return found.ok ? { ...found, endpoint: endpointWith(found.endpoint, clusters, swap) } : found;
}

function endpointWith(
  endpoint: Endpoint,
  clusters: ReadonlyMap<string, Cluster>,
  swap: <S extends Station>(station: S) => S,
): Endpoint {
  switch (endpoint.kind) {
    case "pod":
    case "container": {
      const cluster = clusters.get(endpoint.cluster.name) ?? endpoint.cluster;
      return { ...endpoint, cluster, pod: podWith(endpoint.pod, swap) };
    }
    case "node":
      return {
        ...endpoint,
        cluster: clusters.get(endpoint.cluster.name) ?? endpoint.cluster,
        node: swap(endpoint.node),
      };
    case "service":
      return { ...endpoint, cluster: clusters.get(endpoint.cluster.name) ?? endpoint.cluster };
    case "daemon":
      return { ...endpoint, station: swap(endpoint.station) };
    case "router":
      return { ...endpoint, router: swap(endpoint.router) };
    case "host":
      return { ...endpoint, host: swap(endpoint.host) };
    case "segment":
    case "address":
      return endpoint;
  }
}
