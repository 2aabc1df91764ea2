/** The clusters' share in the network between the machines: routes of routers, routing domains, and addresses that no interface has. */
import type { Ip } from "../addressing/ip.ts";
import type { LinkEnd, Route, RouteLayer } from "../dataplane/model.ts";
import { valueAt } from "../memo/memo.ts";
import type { Interface, Router, RouteTableSpec, Topology } from "../topology/model.ts";
import type { Stations } from "../topology/stations.ts";
import { routerLayers } from "./bgp/routes.ts";
import { type ClusterStates, pluginsOfNodes } from "./clusters.ts";
import { domainDevice } from "./domains.ts";
import { linkEnd } from "./ends.ts";
import { type HostState, interfaceMac } from "./host.ts";
import { ownLayer } from "./layer.ts";
import type { CompiledMode, FabricDomain } from "./mode.ts";
import { tableOfDevice } from "./route-tables.ts";

export interface Fabric {
  /** Routes that the router has because of the clusters, then the routes that it learns by BGP. Routes of route tables are separate. */
  layers(router: Router, host: HostState): readonly RouteLayer[];
  /** Routes that clusters add to the route table of their nodes' segment. */
  tableRoutes(router: Router, table: RouteTableSpec): readonly Route[];
  domains(router: Router): readonly FabricDomain[];
  /** Where the fabric delivers packets to the address; several machines if clusters reuse a range, each in its own routing domain. */
  ends(segment: string, ip: Ip): Iterable<LinkEnd>;
  /** The pod that replies to ARP for the address in place of its node. */
  stackedEnd(segment: string, ip: Ip): LinkEnd | undefined;
}

export function fabricOf(topology: Topology, clusters: ClusterStates): Fabric {
  /** Modes of the plugins that the clusters' nodes run. */
  const modes = once((): readonly CompiledMode[] =>
    topology.clusters.flatMap((cluster) =>
      [...pluginsOfNodes(cluster)].map((plugin) => clusters.of(cluster).modeOf(plugin)),
    ),
  );
  /** `table`: undefined for the routes of table main. */
  const routesFor = (router: Router, table: RouteTableSpec | undefined): readonly Route[] => {
    const routes = modes().flatMap((mode) => mode.fabricRoutes?.(router) ?? []);
    return router.routeTables.length === 0
      ? routes
      : routes.filter(({ nexthops: [hop] }) => tableOfDevice(router, hop?.dev) === table);
  };
  const domains = new Map<string, readonly FabricDomain[]>();
  return {
    layers: (router, host) => {
      const given = routesFor(router, undefined);
      const learned = router.bgp ? routerLayers(host, clusters.bgp()) : [];
      return given.length === 0 ? learned : [ownLayer(given), ...learned];
    },
    tableRoutes: routesFor,
    domains: (router) =>
      valueAt(domains, router.path, () => modes().flatMap((mode) => mode.fabricDomain?.(router) ?? [])),
    ends: (segment, ip) => fabricEnds(modes(), segment, ip),
    stackedEnd: (segment, ip) => stackedEnd(modes(), segment, ip),
  };
}

function* fabricEnds(modes: readonly CompiledMode[], segment: string, ip: Ip): Iterable<LinkEnd> {
  for (const mode of modes) {
    const end = mode.fabricEnd?.(ip);
    if (end?.segment === segment)
      yield { netns: end.node.path, device: end.device, mac: interfaceMac(end.node.path, end.device) };
  }
}

function stackedEnd(modes: readonly CompiledMode[], segment: string, ip: Ip): LinkEnd | undefined {
  for (const mode of modes) {
    const end = mode.stackedEnd?.(ip);
    if (end?.segment === segment) {
      return {
        netns: end.node.path,
        device: end.device,
        mac: end.mac,
        upper: { netns: end.pod.path, device: "eth0" },
      };
    }
  }
  return undefined;
}

/** Where the machine receives frames of a sender: a router separates the routing domains of clusters. */
export function receivingEnd(fabric: Fabric, stations: Stations, iface: Interface, sender: string): LinkEnd {
  const end = linkEnd(iface);
  const router = iface.station.kind === "router" ? stations(iface.station.path) : undefined;
  const node = router && stations(sender);
  if (router?.kind !== "router" || node?.kind !== "node") return end;
  const device = domainDevice(fabric.domains(router), node.cluster, end.device);
  return device === end.device ? end : { ...end, device, mac: interfaceMac(end.netns, device) };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
