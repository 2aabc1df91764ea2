/**
 * A topology's data plane: a host's state is compiled when its network namespace is requested, and cached. The only
 * work for all nodes is one map of names.
 */

import type { Netns, NetnsId, Network } from "../dataplane/model.ts";
import type { Cluster, Node, Pod, Router, Station, Topology } from "../topology/model.ts";
import { clusterStates, pluginsOf } from "./clusters.ts";
import type { Contributor, RouterParts } from "./contributor.ts";
import { type DomainParts, domainParts } from "./domains.ts";
import { linkEnd, segmentOf } from "./ends.ts";
import { externalIpChains, translatedBy, withExternalIps } from "./external-ips.ts";
import { type HostState, hostState, routeProblems } from "./host.ts";
import { ownLayer } from "./layer.ts";
import { modeOf } from "./modes.ts";
import { type GroupChains, nodeNetns, plainNetns, podNetns, withTunnels } from "./netns.ts";
import { type PortmapChains, portmapChains } from "./portmap.ts";
import type { NetworkProblem } from "./problems.ts";
import { resolver } from "./resolve.ts";
import { tableParts } from "./route-tables.ts";
import { groupChains } from "./security-groups.ts";
import { pluginOf } from "./settings.ts";
import { sourceCheck } from "./source-check.ts";
import { tunnelParts } from "./tunnels.ts";
import { clusterOf, type World, worldOf } from "./world.ts";

export function buildNetwork(topology: Topology, contributors: readonly Contributor[] = []): Network {
  const world = worldOf(topology, contributors);
  const netns = namespaces(world);
  const admits = sourceCheck(world, netns);
  return {
    netns,
    resolve: resolver(world, netns),
    segment: (name) => segmentOf(topology, name, admits),
    withMac: (segment, mac) =>
      topology
        .attachedTo(segment)
        .map(linkEnd)
        .find((end) => end.mac === mac),
  };
}

function namespaces(world: World): Network["netns"] {
  const compiled = new Map<NetnsId, Netns | undefined>();
  const netns = (id: NetnsId): Netns | undefined => {
    if (compiled.has(id)) return compiled.get(id);
    const station = world.stations(id);
    const made = station ? stationNetns(world, station) : ofPod(id);
    compiled.set(id, made);
    return made;
  };
  const ofPod = (id: NetnsId): Netns | undefined => {
    const pod = podAt(world.topology, id);
    if (!pod?.node) return undefined;
    // A host network pod has no separate network namespace.
    if (pod.workload.hostNetwork) return netns(pod.node.path);
    const cluster = clusterOf(world, pod.node);
    return cluster && podNetns(pod, pod.node, world.clusters.of(cluster).mode(pod.node));
  };
  return netns;
}

function stationNetns(world: World, station: Station): Netns {
  switch (station.kind) {
    case "router":
      return routerNetns(world, station);
    case "host":
      return plainNetns(hostState(station), [], {}, [], {
        groups: groupsOf(world, station),
        tunnels: tunnelParts(world.topology, station),
      });
    case "node": {
      const cluster = clusterOf(world, station);
      return cluster
        ? clusterNodeNetns(world, cluster, station)
        : plainNetns(hostState(station), [], {}, [], { groups: groupsOf(world, station) });
    }
  }
}

function routerNetns(world: World, router: Router): Netns {
  const translated = translatedBy(world.topology, router);
  const host = withExternalIps(hostState(router), translated);
  const layers = world.fabric.layers(router, host);
  const domains = domainsOf(world, router, host);
  const tables = tableParts(world.topology, host, router, (table) => world.fabric.tableRoutes(router, table), [
    ownLayer(host.routes),
    ...layers,
  ]);
  const policy = {
    ...domains,
    ...(tables
      ? {
          rules: [...(domains?.rules ?? []), ...tables.rules],
          tables: new Map([...(domains?.tables ?? []), ...tables.tables]),
        }
      : {}),
  };
  return plainNetns(
    host,
    layers,
    policy,
    [{ routes: [], devices: [], chains: () => externalIpChains(translated) }, ...contributed(world, router)],
    { groups: groupsOf(world, router), tunnels: tunnelParts(world.topology, router) },
  );
}

function groupsOf(world: World, station: Station): GroupChains {
  return (devices) => groupChains(world, station, devices);
}

function domainsOf({ fabric }: World, router: Router, { devices }: HostState): DomainParts | undefined {
  const own = fabric.domains(router);
  return own.length === 0 ? undefined : domainParts(devices, router, own);
}

function contributed({ topology, contributors }: World, router: Router): readonly RouterParts[] {
  return contributors.flatMap((one) =>
    topology.clusters.flatMap((cluster) => one.router?.(topology, router, cluster) ?? []),
  );
}

function clusterNodeNetns(world: World, cluster: Cluster, node: Node): Netns {
  const { topology, clusters, contributors } = world;
  const state = clusters.of(cluster);
  const mode = state.mode(node);
  const hostPorts = (): PortmapChains =>
    modeOf(pluginOf(cluster, node)).portmap === false
      ? { before: [], after: [] }
      : portmapChains(cluster, node, (pod) => mode.pod(pod, node));
  return nodeNetns(
    {
      cluster,
      node,
      host: state.context.host(node),
      parts: withTunnels(mode.node(node), tunnelParts(topology, node)),
      hostPorts,
      groups: groupsOf(world, node),
    },
    contributors,
  );
}

/** Problems found by the modes, and routes that the kernel rejects, for the checks. */
export function networkProblems(topology: Topology): readonly NetworkProblem[] {
  const problems: NetworkProblem[] = [...routeProblems(topology)];
  const clusters = clusterStates(topology);
  problems.push(...clusters.bgp().problems());
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
