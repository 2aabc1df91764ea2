/** Fixes that several reachability checks share. */

import { formatIp, formatPrefix, prefixContains } from "../addressing/ip.ts";
import { nodeAddress } from "../cni/peers.ts";
import type { Handle } from "../declared/handle.ts";
import { hasChild, keywordOf, readAt, sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { tableOf } from "../questions/blame.ts";
import type { Cause } from "../questions/causes.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, Interface, Node, Topology } from "../topology/model.ts";
import { appendEdit, appendFix, type Fix, removeFix, replaceFix, setFix } from "./fix.ts";

/** Maximum number of edits, or added routes, in one fix. */
const MOST_EDITS = 16;

/** Fixes for the place where the packet was lost: a chain or a route that drops it, or a router without routes to the pods. */
export function lostFixes(topology: Topology, cause: Cause): readonly Fix[] {
  const { reason, probe } = cause.example;
  const { cni } = probe.cluster;
  const keyword = keywordOf(cause.source);
  if (keyword === "fdb" || keyword === "neighbor")
    return [removeFix(t`Remove this entry`, sourceAt(cause.source, "whole"))];
  switch (reason?.code) {
    case "filtered":
      return [setFix(t`Set \`forward-policy accept\``, cni.source, "forward-policy", "accept")];
    case "blackhole-route":
    case "unreachable-route":
    case "prohibit-route":
      // The route can also be the plugin's (Calico's blackhole route of a block): its origin is then a pool.
      return reason.origin?.decl.spec?.keyword === "route"
        ? [removeFix(t`Remove this route`, sourceAt(reason.origin, "whole"))]
        : [];
    case "neighbour-failed":
      return reason.origin ? maskFixes(topology, reason.origin) : [];
    case "no-route":
      return routerFixes(topology, probe.cluster, reason.netns);
    default:
      return [];
  }
}

/** Adds the missing routes to node pod CIDRs to the router. */
export function routerFixes({ routers }: Topology, cluster: Cluster, netns: string): readonly Fix[] {
  const router = routers.find(({ path }) => path === netns);
  if (!router) return [];
  const { known, missing } = tableOf(cluster, router);
  if (missing.length > MOST_EDITS) return [];
  const routes = missing.flatMap(({ node, prefix }) => {
    const via = nodeAddress(node, typeof prefix.ip === "number" ? 4 : 6)?.ip;
    return via === undefined ? [] : [`route ${formatPrefix(prefix)} via ${formatIp(via)}`];
  });
  if (routes.length === 0) return [];
  const title =
    known > 0
      ? t`Add routes to the other node pod CIDRs on router \`${router.path}\``
      : t`Add routes to all node pod CIDRs on router \`${router.path}\``;
  return [appendFix(title, router.source, routes.join("\n"))];
}

/** Adds the line to each `attach` statement whose interfaces match `isMeant`. */
export function attachedFix(
  title: string,
  cluster: Cluster,
  isMeant: (one: Interface) => boolean,
  line: string,
): readonly Fix[] {
  const places = new Map<Handle, Origin>();
  for (const { interfaces } of cluster.nodes)
    for (const one of interfaces) if (isMeant(one)) places.set(one.source.decl.handle, sourceAt(one.source, "whole"));
  if (places.size === 0 || places.size > MOST_EDITS) return [];
  return [{ title, edits: [...places.values()].map((source) => appendEdit(source, line)) }];
}

/** Configures the plugin to use a network that all nodes share: flannel by device, Calico by each node's address there. */
export function sharedNetworkFixes({ cni, nodes }: Cluster): readonly Fix[] {
  const [first, ...rest] = nodes;
  const shared = (first?.interfaces ?? []).filter(({ segment }) =>
    rest.every(({ interfaces }) => interfaces.some((one) => one.segment === segment)),
  );
  return shared.flatMap(({ segment, device }) => [
    ...(rest.every(({ interfaces }) => interfaces.some((one) => one.segment === segment && one.device === device))
      ? [setFix(t`Use interface \`${device}\` for ${cni.plugin}`, cni.source, "iface", device)]
      : []),
    ...ownAddresses(nodes, segment),
  ]);
}

/** Sets `bgp-address` in each node. Not possible for a pool: its statement applies to all its nodes. */
function ownAddresses(nodes: readonly Node[], shared: string): readonly Fix[] {
  const statements = new Set(nodes.map(({ source }) => source.decl.handle));
  if (nodes.length > MOST_EDITS || statements.size < nodes.length) return [];
  const edits = nodes.flatMap(({ interfaces, source }) => {
    const own = interfaces.find(({ segment }) => segment === shared)?.addresses[0]?.ip;
    return own === undefined || hasChild(source, "cni")
      ? []
      : [appendEdit(source, `cni calico { bgp-address ${formatIp(own)} }`)];
  });
  return edits.length < nodes.length ? [] : [{ title: t`Use the nodes' addresses on \`${shared}\``, edits }];
}

/** Fixes an address whose prefix length is shorter than its segment's: it makes machines on other segments appear on-link. */
function maskFixes({ segments }: Topology, source: Origin): readonly Fix[] {
  if (keywordOf(source) !== "attach") return [];
  const cidrs = segments.get(readAt(sourceAt(source, 0))?.text ?? "")?.cidrs ?? [];
  return source.decl.values.flatMap(({ value, index }) => {
    if (value.kind !== "interface-address" || value.len === undefined) return [];
    const { ip, len } = value;
    const own = cidrs.find((cidr) => prefixContains(cidr, ip));
    if (!own || len >= own.len) return [];
    const text = `${formatIp(ip)}/${own.len}`;
    return [replaceFix(t`Use the segment's prefix length (${text})`, sourceAt(source, index), text)];
  });
}
