/**
 * The reference `bridge` plugin with a plain route for every other node's range, as people write them by hand, as
 * kubenet's and kindnet's controllers do, and as the articles' docker0 with routed subnets: `podCIDR via nodeIP dev eth0`.
 */

import type { Ip, Prefix } from "../addressing/ip.ts";
import { formatIp, formatPrefix } from "../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../addressing/prefix-table.ts";
import type { Route } from "../dataplane/model.ts";
import type { Source } from "../language/tree.ts";
import type { CniSettings, Interface, Node, TopologyProblem } from "../topology/model.ts";
import { type BridgeSpec, bridgeDevices, bridgedPod, bridgedPods } from "./bridged.ts";
import { familyOf, hasOwnRoutes, onLinkDevice, withMetric } from "./host.ts";
import { type GatewayPlace, gatewayIn, kubeRanges, usableIn } from "./hostlocal.ts";
import { podMasquerade } from "./masquerade.ts";
import { type ClusterContext, type CompiledMode, type Mode, NO_NODE_PARTS } from "./mode.ts";
import { CODES, problem } from "./problems.ts";
import { booleanIn, numberIn, pluginOf, settingsOf, sourceOf, statement, wordIn } from "./settings.ts";

interface BridgeSettings {
  readonly name: string;
  readonly gateway: GatewayPlace;
  readonly routes: boolean;
  readonly ipMasq: boolean;
  readonly mtu: number;
  readonly routesSource: Source;
  readonly masqSource: Source;
  readonly source: Source;
}

function bridgeSettings(cluster: CniSettings, node: CniSettings | undefined): BridgeSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === "bridge" ? node.source : cluster.source;
  const routes = statement(settings, "routes");
  const ipMasq = statement(settings, "ip-masq");
  return {
    name: wordIn(statement(settings, "bridge")) ?? "cni0",
    gateway: wordIn(statement(settings, "gateway")) === "last" ? "last" : "first",
    routes: booleanIn(routes, true),
    ipMasq: booleanIn(ipMasq, false),
    // Without `mtu` the plugin leaves the kernel's default for veth.
    mtu: numberIn(statement(settings, "mtu")) || 1500,
    routesSource: routes ? sourceOf(routes) : source,
    masqSource: ipMasq ? sourceOf(ipMasq) : source,
    source,
  };
}

export const bridge: Mode = {
  plugin: "bridge",
  addressing: (settings, podCidrs) => {
    const { gateway } = bridgeSettings(settings, undefined);
    return {
      gateway: (cidr) => gatewayIn(cidr, gateway),
      usable: (cidr) => usableIn(cidr, gateway),
      nodeRanges: kubeRanges(podCidrs),
    };
  },
  check,
  compile,
};

/** A node's InternalIP: the first address of the family on its first interface that has one. */
function nodeAddress(node: Node, family: 4 | 6): { readonly ip: Ip; readonly iface: Interface } | undefined {
  for (const iface of node.interfaces) {
    const found = iface.addresses.find(({ ip }) => familyOf(ip) === family);
    if (found) return { ip: found.ip, iface };
  }
  return undefined;
}

function check(context: ClusterContext): readonly TopologyProblem[] {
  const { cluster } = context;
  const groups = new Map<string, { node: Node; count: number; ip: Ip }>();
  const settings = bridgeSettings(cluster.cni, undefined);
  if (!settings.routes) return [];
  for (const node of cluster.nodes) {
    const address = pluginOf(cluster, node) === "bridge" && node.podCidrs.length > 0 ? nodeAddress(node, 4) : undefined;
    if (!address) continue;
    const key = hasOwnRoutes(node) ? node.path : `${address.iface.segment} ${address.iface.device}`;
    const group = groups.get(key);
    if (group) group.count++;
    else groups.set(key, { node, count: 1, ip: address.ip });
  }
  let pairs = 0;
  let example: { node: Node; peer: Node; ip: Ip } | undefined;
  for (const one of groups.values()) {
    const host = context.host(one.node);
    for (const other of groups.values()) {
      if (one === other || onLinkDevice(host, other.ip) !== undefined) continue;
      pairs += one.count * other.count;
      example ??= { node: one.node, peer: other.node, ip: other.ip };
    }
  }
  if (!example) return [];
  const data = {
    backend: "bridge",
    node: example.node.path,
    peer: example.peer.path,
    address: formatIp(example.ip),
    pairs,
  };
  return [
    problem(CODES.peersOffLink, settings.routesSource, data, [
      { source: example.node.source, message: example.node.path },
      { source: example.peer.source, message: `${example.peer.path} at ${formatIp(example.ip)}` },
    ]),
  ];
}

function compile(context: ClusterContext): CompiledMode {
  const { cluster } = context;
  const bySettings = new Map<CniSettings | undefined, BridgeSettings>();
  const settingsFor = (node: Node): BridgeSettings => {
    let found = bySettings.get(node.cni);
    if (!found) {
      found = bridgeSettings(cluster.cni, node.cni);
      bySettings.set(node.cni, found);
    }
    return found;
  };
  const spec = (node: Node): BridgeSpec => {
    const settings = settingsFor(node);
    return {
      name: settings.name,
      mtu: settings.mtu,
      ranges: node.podCidrs.flatMap(({ prefix: cidr }) => {
        const gateway = gatewayIn(cidr, settings.gateway);
        return gateway === undefined ? [] : [{ cidr, gateway }];
      }),
      // The plugin's `hairpinMode` is false unless set.
      hairpin: false,
      vethDigits: 8,
      withoutPods: false,
      origin: settings.source,
    };
  };
  const tables = new Map<string, PrefixTable<Route>>();
  const routesFrom = (node: Node): PrefixTable<Route> => {
    const host = context.host(node);
    let table = tables.get(host.routing);
    if (!table) {
      table = buildPrefixTable(routesToNodes(context, node));
      tables.set(host.routing, table);
    }
    return table;
  };
  return {
    node: (node) => {
      const settings = settingsFor(node);
      const ranges = node.podCidrs.map(({ prefix }) => prefix);
      const isOwn = (dst: Prefix) => ranges.some((range) => range.ip === dst.ip && range.len === dst.len);
      const host = context.host(node);
      // `ip route add` fails where the host has such a route already.
      const taken = (dst: Prefix) => host.routes.some((route) => route.dst.ip === dst.ip && route.dst.len === dst.len);
      return {
        ...NO_NODE_PARTS,
        devices: bridgeDevices(node, spec(node), cluster.pods.podsOn(node)),
        layers: settings.routes
          ? [{ table: routesFrom(node), except: (route) => isOwn(route.dst) || taken(route.dst) }]
          : [],
        chains: () =>
          settings.ipMasq ? podMasquerade(cluster.name, cluster.pods.podsOn(node), ranges, settings.masqSource) : [],
      };
    },
    pod: (pod, node) => bridgedPod(pod, node, spec(node), []),
    localAddresses: (node) => {
      for (const _ of bridgedPods(cluster.pods.podsOn(node))) return spec(node).ranges.map(({ gateway }) => gateway);
      return [];
    },
  };
}

function* routesToNodes(context: ClusterContext, from: Node): Iterable<readonly [Prefix, Route]> {
  const host = context.host(from);
  for (const peer of context.cluster.nodes) {
    if (pluginOf(context.cluster, peer) !== "bridge") continue;
    for (const { prefix } of peer.podCidrs) {
      const via = nodeAddress(peer, familyOf(prefix.ip))?.ip;
      const dev = via === undefined ? undefined : onLinkDevice(host, via);
      if (via === undefined || dev === undefined) continue;
      yield [
        prefix,
        {
          dst: prefix,
          type: "unicast",
          nexthops: [{ via, dev }],
          ...withMetric(familyOf(prefix.ip)),
          why: `node ${peer.name} at ${formatIp(via)} has the pods of ${formatPrefix(prefix)}`,
          origin: peer.source,
        },
      ];
    }
  }
}
