/**
 * A route to every other node's pods via that node's own address, `podCIDR via nodeIP`: configured manually, or by
 * kindnetd. All nodes must be on one link; the kernel rejects the remaining routes.
 */
import { formatIp, formatPrefix, type Ip, type Prefix } from "../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../addressing/prefix-table.ts";
import type { Route, RouteLayer } from "../dataplane/model.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import type { Interface, Node } from "../topology/model.ts";
import { familyOf, hasOwnRoutes, onLinkDevice, withMetric } from "./host.ts";
import type { ClusterContext } from "./mode.ts";
import { CODES, type NetworkProblem, problem } from "./problems.ts";
import { pluginOf } from "./settings.ts";

/** A node's InternalIP: the first address of the family on its first interface that has one. */
export function nodeAddress(node: Node, family: 4 | 6): { readonly ip: Ip; readonly iface: Interface } | undefined {
  for (const iface of node.interfaces) {
    const found = iface.addresses.find(({ ip }) => familyOf(ip) === family);
    if (found) return { ip: found.ip, iface };
  }
  return undefined;
}

/**
 * Routes of each node to the pod CIDRs of the other nodes that run the plugin: one table for all nodes with the same
 * routing.
 */
export function peerRoutes(context: ClusterContext, plugin: string): (node: Node) => RouteLayer {
  const tables = new Map<string, PrefixTable<Route>>();
  return (node) => {
    const host = context.host(node);
    let table = tables.get(host.routing);
    if (!table) {
      table = buildPrefixTable(routesToNodes(context, plugin, node));
      tables.set(host.routing, table);
    }
    const isOwn = (dst: Prefix) => node.podCidrs.some(({ prefix }) => isSame(prefix, dst));
    // `ip route add` fails if the host has this route already configured.
    const isTaken = (dst: Prefix) => host.routes.some((route) => isSame(route.dst, dst));
    return { table, except: (route) => isOwn(route.dst) || isTaken(route.dst) };
  };
}

function isSame(a: Prefix, b: Prefix): boolean {
  return a.ip === b.ip && a.len === b.len;
}

function* routesToNodes(context: ClusterContext, plugin: string, from: Node): Iterable<readonly [Prefix, Route]> {
  const host = context.host(from);
  for (const peer of context.cluster.nodes) {
    if (pluginOf(context.cluster, peer) !== plugin) continue;
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
          why: t`node ${peer.name} (${formatIp(via)}) has pod CIDR ${formatPrefix(prefix)}`,
          origin: peer.source,
        },
      ];
    }
  }
}

/** The problem reported if nodes that run the plugin are not on one link. */
export function peersOffLink(context: ClusterContext, plugin: string, source: Origin): readonly NetworkProblem[] {
  const { cluster } = context;
  const groups = new Map<string, { node: Node; count: number; ip: Ip }>();
  for (const node of cluster.nodes) {
    const address = pluginOf(cluster, node) === plugin && node.podCidrs.length > 0 ? nodeAddress(node, 4) : undefined;
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
  const address = formatIp(example.ip);
  const data = { backend: plugin, node: example.node.path, peer: example.peer.path, address, pairs };
  return [
    problem(CODES.peersOffLink, source, data, [
      { source: example.node.source, message: t`node \`${example.node.path}\`` },
      { source: example.peer.source, message: t`node \`${example.peer.path}\` (${address})` },
    ]),
  ];
}
