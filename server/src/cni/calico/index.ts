/**
 * Calico: no bridge, every packet of a pod is routed. The CNI plugin and Felix create the pods' interfaces and routes
 * (endpoints.ts), Felix the tunnels and netfilter rules, Felix or BIRD the routes between nodes, from the datastore or
 * from BGP (routes.ts, speakers.ts).
 */

import type { Ip } from "../../addressing/ip.ts";
import { memo } from "../../memo/memo.ts";
import type { Node, Pod } from "../../topology/model.ts";
import { BGP_PORT } from "../bgp/acl.ts";
import { type CompiledMode, type Mode, NO_NODE_PARTS, NO_POD_PARTS, type NodeParts, type PodParts } from "../mode.ts";
import { checkCalico } from "./check.ts";
import { type CalicoCluster, calicoCluster, type Member } from "./cluster.ts";
import { endpointSysctl, endpointsOn, podParts } from "./endpoints.ts";
import { mtusOf } from "./mtu.ts";
import { addressing } from "./pools.ts";
import { blackholes, remoteRoutes } from "./routes.ts";
import { calicoRules } from "./rules.ts";
import { calicoSpeakers } from "./speakers.ts";
import { tunnelsOf } from "./tunnels.ts";

export const calico: Mode = {
  plugin: "calico",
  addressing,
  check: (context) => checkCalico(clusterOf(context)),
  compile: (context) => compile(clusterOf(context)),
  speakers: (context) => calicoSpeakers(clusterOf(context)),
};

const clusterOf = memo(calicoCluster);

function compile(shared: CalicoCluster): CompiledMode {
  const { cluster } = shared.context;
  const tunnels = tunnelsOf(shared);
  const remote = remoteRoutes(shared);
  const rules = calicoRules(shared);
  const bird = shared.settings.backend === "bird";
  return {
    node: (node): NodeParts => {
      const member = shared.member(node);
      if (!member) return NO_NODE_PARTS;
      const endpoints = endpointsOn(cluster.pods.podsOn(node), mtusOf(shared, node).pod);
      return {
        ...NO_NODE_PARTS,
        devices: [...tunnels.devices(member), ...endpoints.devices],
        routes: [...blackholes(shared, member), ...endpoints.routes],
        layers: remote(member),
        neighbours: tunnels.neighbours(member),
        chains: () => rules.chains(member),
        sockets: [...tunnels.sockets(member), ...(bird ? [birdSocket(member)] : [])],
        sysctl: endpointSysctl,
      };
    },
    pod: (pod: Pod, node: Node): PodParts =>
      shared.member(node) ? podParts(pod, node, mtusOf(shared, node).pod) : NO_POD_PARTS,
    localAddresses: (node): readonly Ip[] =>
      shared.tunnels.flatMap((kind) => {
        const ip = shared.tunnelAddress(node, kind, 4);
        return ip === undefined ? [] : [ip];
      }),
  };
}

function birdSocket({ node }: Member): NodeParts["sockets"][number] {
  return { proto: "tcp", port: BGP_PORT, process: "bird", origin: node.source };
}
