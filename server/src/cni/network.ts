/**
 * A topology's data plane: a host's state is compiled when its network namespace is requested, and cached. The only
 * work for all nodes is one map of names.
 */

import { type Ip, isLinkLocal, isMulticast } from "../addressing/ip.ts";
import type { LinkEnd, Netns, NetnsId, Network, RouteLayer } from "../dataplane/model.ts";
import { valueAt } from "../memo/memo.ts";
import type { Cluster, Interface, Node, Pod, Router, Segment, Station, Topology } from "../topology/model.ts";
import { stationsByPath } from "../topology/stations.ts";
import { routerLayers } from "./bgp/routes.ts";
import { clusterStates, pluginsOf, pluginsOfNodes } from "./clusters.ts";
import type { Contributor, RouterParts } from "./contributor.ts";
import { type DomainParts, domainDevice, domainParts } from "./domains.ts";
import { linkEnd, linkLocalEnd, otherAddresses, segmentOf } from "./ends.ts";
import { type HostState, hostState, interfaceMac, routeProblems } from "./host.ts";
import { ownLayer } from "./layer.ts";
import { IPV6_MIN_MTU } from "./minimum-mtu.ts";
import type { CompiledMode, FabricDomain } from "./mode.ts";
import { modeOf } from "./modes.ts";
import { nodeNetns, plainNetns, podNetns } from "./netns.ts";
import { type PortmapChains, portmapChains } from "./portmap.ts";
import type { NetworkProblem } from "./problems.ts";
import { pluginOf } from "./settings.ts";

export function buildNetwork(topology: Topology, contributors: readonly Contributor[] = []): Network {
  const compiled = new Map<NetnsId, Netns | undefined>();
  const stations = stationsByPath(topology);
  const clusters = clusterStates(topology);
  const clusterState = clusters.of;
  const clusterOf = (node: Node): Cluster | undefined =>
    topology.clusters.find((cluster) => cluster.name === node.cluster);

  /** Modes of the plugins that the clusters' nodes run. */
  const modes = once((): readonly CompiledMode[] =>
    topology.clusters.flatMap((cluster) =>
      [...pluginsOfNodes(cluster)].map((plugin) => clusterState(cluster).modeOf(plugin)),
    ),
  );
  const fabricLayers = (router: Router, host: HostState): readonly RouteLayer[] => {
    const given = modes().flatMap((mode) => mode.fabricRoutes?.(router) ?? []);
    const learned = router.bgp ? routerLayers(host, clusters.bgp()) : [];
    return given.length === 0 ? learned : [ownLayer(given), ...learned];
  };
  const contributed = (router: Router): readonly RouterParts[] =>
    contributors.flatMap((one) =>
      topology.clusters.flatMap((cluster) => one.router?.(topology, router, cluster) ?? []),
    );
  const domains = new Map<string, readonly FabricDomain[]>();
  const fabricDomains = (router: Router): readonly FabricDomain[] =>
    valueAt(domains, router.path, () => modes().flatMap((mode) => mode.fabricDomain?.(router) ?? []));
  /** Where the machine receives frames of a sender: a router separates the routing domains of clusters. */
  const endFor = (iface: Interface, sender: NetnsId): LinkEnd => {
    const end = linkEnd(iface);
    const router = iface.station.kind === "router" ? stations(iface.station.path) : undefined;
    const node = router && stations(sender);
    if (router?.kind !== "router" || node?.kind !== "node") return end;
    const device = domainDevice(fabricDomains(router), node.cluster, end.device);
    return device === end.device ? end : { ...end, device, mac: interfaceMac(end.netns, device) };
  };
  /** Several machines have the address if clusters reuse a range, each in its own routing domain. */
  const fabricEnds = function* (segment: string, ip: Ip): Iterable<LinkEnd> {
    for (const mode of modes()) {
      const end = mode.fabricEnd?.(ip);
      if (end?.segment === segment)
        yield { netns: end.node.path, device: end.device, mac: interfaceMac(end.node.path, end.device) };
    }
  };

  const stackedEnd = (segment: string, ip: Ip): LinkEnd | undefined => {
    for (const mode of modes()) {
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
  };

  const partsOf = (router: Router, { devices }: HostState): DomainParts | undefined => {
    const own = fabricDomains(router);
    return own.length === 0 ? undefined : domainParts(devices, router, own);
  };
  const compileStation = (station: Station): Netns => {
    const cluster = station.kind === "node" ? clusterOf(station) : undefined;
    if (station.kind !== "node" || !cluster) {
      const host = hostState(station);
      return station.kind === "router"
        ? plainNetns(host, fabricLayers(station, host), partsOf(station, host), contributed(station))
        : plainNetns(host, [], undefined, []);
    }
    const state = clusterState(cluster);
    const mode = state.mode(station);
    const hostPorts = (): PortmapChains =>
      modeOf(pluginOf(cluster, station)).portmap === false
        ? { before: [], after: [] }
        : portmapChains(cluster, station, (pod) => mode.pod(pod, station));
    return nodeNetns(cluster, station, state.context.host(station), mode.node(station), contributors, hostPorts);
  };
  const compilePod = (id: NetnsId): Netns | undefined => {
    const pod = podAt(topology, id);
    if (!pod?.node) return undefined;
    // A host network pod has no separate network namespace.
    if (pod.workload.hostNetwork) return netns(pod.node.path);
    const cluster = clusterOf(pod.node);
    return cluster && podNetns(pod, pod.node, clusterState(cluster).mode(pod.node));
  };
  const netns = (id: NetnsId): Netns | undefined => {
    if (compiled.has(id)) return compiled.get(id);
    const station = stations(id);
    const made = station ? compileStation(station) : compilePod(id);
    compiled.set(id, made);
    return made;
  };

  const indirect = new Map<string, ReadonlyMap<Ip, readonly LinkEnd[]>>();
  const resolve = (segment: string, ip: Ip, asker: NetnsId): LinkEnd | undefined => {
    for (const iface of topology.interfacesWith(segment, ip)) {
      if (iface.station.path !== asker && (typeof ip === "number" || iface.mtu >= IPV6_MIN_MTU))
        return endFor(iface, asker);
    }
    const stacked = stackedEnd(segment, ip);
    if (stacked && stacked.netns !== asker) return stacked;
    for (const held of fabricEnds(segment, ip)) if (held.netns !== asker) return held;
    for (const contributor of contributors) {
      for (const cluster of topology.clusters) {
        const answers = contributor.answers?.(topology, cluster, segment, ip) ?? [];
        const answer = answers.find((iface) => iface.station.path !== asker);
        if (answer) return linkEnd(answer);
      }
    }
    // Neighbor discovery replies only for the interface's own addresses, ARP for any address of the host (arp_ignore =
    // 0).
    if (typeof ip === "bigint") return isLinkLocal(ip) ? linkLocalEnd(topology, segment, ip, asker) : undefined;
    let others = indirect.get(segment);
    if (!others) {
      others = otherAddresses(topology, segment, stations, (node) => {
        const cluster = clusterOf(node);
        return cluster ? clusterState(cluster).mode(node).localAddresses(node) : [];
      });
      indirect.set(segment, others);
    }
    return others.get(ip)?.find((end) => end.netns !== asker);
  };

  const checked = new Map<string, ReadonlyMap<string, Interface>>();
  /** Whether the fabric allows this interface to send from the address, or to receive packets for it. */
  const admits = (segment: Segment, id: NetnsId, device: string, ip: Ip): boolean => {
    let interfaces = checked.get(segment.name);
    if (!interfaces) {
      const all = topology.attachedTo(segment.name);
      interfaces = new Map(all.map((iface) => [`${iface.station.path} ${iface.device}`, iface]));
      checked.set(segment.name, interfaces);
    }
    // Routers are exempt, including their devices for routing domains, which are not attached to the segment.
    const iface = interfaces.get(`${id} ${device}`);
    if (!(iface?.sourceCheck ?? (segment.sourceCheck && stations(id)?.kind !== "router"))) return true;
    if (isLinkLocal(ip) || isMulticast(ip)) return true;
    if (
      netns(id)
        ?.devices.get(device)
        ?.addresses.some((own) => own.ip === ip)
    )
      return true;
    for (const end of fabricEnds(segment.name, ip)) if (end.netns === id && end.device === device) return true;
    const station = stations(id);
    const cluster = station?.kind === "node" ? clusterOf(station) : undefined;
    return cluster !== undefined && contributors.some((one) => one.delivers?.(topology, cluster, segment, ip));
  };

  return { netns, resolve, segment: (name) => segmentOf(topology, name, admits) };
}

/** Problems found by the modes, and routes that the kernel rejects, for the checks. */
export function networkProblems(topology: Topology): readonly NetworkProblem[] {
  const problems: NetworkProblem[] = [...routeProblems(topology)];
  const clusters = clusterStates(topology);
  problems.push(...clusters.bgp().problems);
  for (const cluster of topology.clusters) {
    const { context } = clusters.of(cluster);
    for (const plugin of pluginsOf(cluster)) problems.push(...modeOf(plugin).check(context));
  }
  return problems;
}

/** "cluster/namespace/name". */
function podAt(topology: Topology, id: NetnsId): Pod | undefined {
  const [clusterName, namespace, name, more] = id.split("/");
  if (namespace === undefined || name === undefined || more !== undefined) return undefined;
  return topology.clusters.find((cluster) => cluster.name === clusterName)?.pods.podByName(namespace, name);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
