import { family, formatPrefix, type Ip, type Prefix, prefixContains, prefixCovers } from "../../addressing/ip.ts";
import type { Handle } from "../../declared/handle.ts";
import { sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { appendEdit, type Fix, removeFix } from "../../fixes/fix.ts";
import { gatewayFixes } from "../../fixes/gateways.ts";
import { valueAt } from "../../memo/memo.ts";
import { list, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Node, StaticRoute } from "../../topology/model.ts";
import { nodesWhere } from "../../topology/node-queries.ts";

/** Maximum number of edits in one fix. */
const MOST_EDITS = 10;

const text = (gateway: string): string => `segment lan { cidr 192.168.10.0/24${gateway} }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend vxlan; iface eth0 }
  node n1 { attach lan 192.168.10.11 }
  pod web { labels app=web; listen 80/tcp }
  service web { select app=web; port 80 }
}
`;

export const noServiceRoute: Check<"KN512"> = {
  code: "KN512",
  name: "no-route-to-services",
  family: "services",
  severity: "warning",
  summary: "Nodes have no route to the service CIDR.",
  documentation: `## What happens

For packets that a node sends itself, Linux looks up a route before kube-proxy's rules rewrite the destination. Without a route to the
service address, programs on the node and pods on the host network fail with ENETUNREACH although the rules are installed. A
\`blackhole\` route has the same effect (EINVAL), like \`unreachable\` (EHOSTUNREACH) and \`prohibit\` (EACCES). Any other route is
sufficient, because the kernel routes the rewritten packet again. Pods are not affected: their packets are rewritten before routing.

## How to fix it

Set a gateway on the segment, or add a route to the service CIDR on the nodes: \`route 10.96.0.0/16 via …\`. Remove a route that
rejects packets to the service CIDR. IPVS needs no route: the service addresses are addresses of the node.

## References

- Linux: \`net/netfilter/nf_nat_proto.c\` (\`nf_nat_ipv4_local_fn\`), \`net/ipv4/fib_semantics.c\` (\`fib_props\`)`,
  example: { bad: text(""), good: text("; gateway 192.168.10.1") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { name, services, serviceCidrs } = cluster;
      const { mode } = services.kubeProxy;
      if (services.all.length === 0 || mode === "ipvs" || mode === "none") continue;
      for (const { prefix, source } of serviceCidrs) {
        const rejecting = rejectedBy(cluster, prefix);
        for (const [first, ...more] of groupsOf(rejecting).values())
          if (first) yield rejected(first, more.length, { prefix, source });
        const lost = withoutDefault[family(prefix.ip)](cluster).filter(
          (node) => !covers(node, prefix) && !rejecting.some((one) => one.node === node),
        );
        const [first] = lost;
        if (!first) continue;
        yield finding(noServiceRoute, source, noRouteText(lost, name, formatPrefix(prefix)), {
          related: [{ source: first.source, message: t`node \`${first.path}\` has no default route` }],
          fixes: [...gatewayFixes(topology, lost), ...routeFix(prefix, lost)],
        });
      }
    }
  },
};

function noRouteText(nodes: readonly Node[], cluster: string, cidr: string): string {
  const [only, ...more] = nodes;
  return only && more.length === 0
    ? t`node \`${only.path}\` has no route to service CIDR ${cidr}: its own connections to services fail (ENETUNREACH); pods are not affected`
    : t`${plural(nodes.length, "node")} of cluster \`${cluster}\` (${list(nodes.map(({ path }) => `\`${path}\``))}) have no route to service CIDR ${cidr}: their own connections to services fail (ENETUNREACH); pods are not affected`;
}

interface ServiceRange {
  readonly prefix: Prefix;
  readonly source: Origin;
}

/** A route of a node that rejects packets to services. */
interface Rejecting {
  readonly node: Node;
  readonly route: StaticRoute;
}

/** The results of a route lookup (fib_props): what connect() returns. */
const ERRNO = { blackhole: "EINVAL", unreachable: "EHOSTUNREACH", prohibit: "EACCES" } as const;

function rejectedBy(cluster: Cluster, prefix: Prefix): readonly Rejecting[] {
  return withRejectingRoute(cluster).flatMap((node) => {
    const route = node.routes.find(
      (one) =>
        one.type !== "unicast" &&
        family(one.dst.ip) === family(prefix.ip) &&
        (prefixCovers(one.dst, prefix)
          ? bestRoute(node, prefix.ip) === one
          : prefixCovers(prefix, one.dst) && holdsService(cluster, node, one)),
    );
    return route ? [{ node, route }] : [];
  });
}

const withRejectingRoute = nodesWhere(({ routes }) => routes.some(({ type }) => type !== "unicast"));

/** Whether the route is more specific than the service CIDR, and the best route to the address of a service. */
function holdsService({ services }: Cluster, node: Node, route: StaticRoute): boolean {
  return services.all.some(({ clusterIps }) =>
    clusterIps.some((ip) => prefixContains(route.dst, ip) && bestRoute(node, ip) === route),
  );
}

/** The longest match, then the lowest metric, then the first one. */
function bestRoute({ routes }: Node, ip: Ip): StaticRoute | undefined {
  let best: StaticRoute | undefined;
  for (const one of routes) {
    if (!prefixContains(one.dst, ip)) continue;
    const order = best ? one.dst.len - best.dst.len || (best.metric ?? 0) - (one.metric ?? 0) : 1;
    if (order > 0) best = one;
  }
  return best;
}

/** By statement: the nodes of a pool share theirs. */
function groupsOf(rejecting: readonly Rejecting[]): ReadonlyMap<Handle, readonly Rejecting[]> {
  const groups = new Map<Handle, Rejecting[]>();
  for (const one of rejecting) valueAt(groups, one.route.source.decl.handle, (): Rejecting[] => []).push(one);
  return groups;
}

function rejected({ node, route }: Rejecting, more: number, { prefix, source }: ServiceRange): Finding {
  const cidr = formatPrefix(prefix);
  const dst = formatPrefix(route.dst);
  const errno = route.type === "unicast" ? "" : ERRNO[route.type];
  const who =
    more > 0 ? t`node \`${node.path}\` and ${plural(more, "more node", "more nodes")}` : t`node \`${node.path}\``;
  return finding(
    noServiceRoute,
    route.source,
    t`the ${route.type} route to ${dst} on ${who} rejects the node's own connections to services in ${cidr} (${errno}); pods are not affected`,
    {
      related: [{ source, message: t`service CIDR ${cidr}` }],
      fixes: [removeFix(t`Remove this route`, sourceAt(route.source, "whole"))],
    },
  );
}

/** Nodes without a default route; a default route covers every range. */
const withoutDefault = {
  4: nodesWhere((node) => !covers(node, { ip: 0, len: 0 })),
  6: nodesWhere((node) => !covers(node, { ip: 0n, len: 0 })),
};

function covers({ routes, interfaces }: Node, prefix: Prefix): boolean {
  // A node without an address of this family is incomplete, or reported by KN121 or KN127.
  const isPart = interfaces.some(({ addresses }) => addresses.some(({ ip }) => typeof ip === typeof prefix.ip));
  if (!isPart) return true;
  return routes.some(
    ({ dst, type }) => type === "unicast" && typeof dst.ip === typeof prefix.ip && prefixCovers(dst, prefix),
  );
}

/** A route through the first interface is enough: the destination is rewritten before the kernel sends an ARP or NDP request. */
function routeFix(prefix: Prefix, lost: readonly Node[]): readonly Fix[] {
  const places = new Map(lost.map((node) => [node.source.decl.handle, node]));
  if (places.size > MOST_EDITS) return [];
  const text = (node: Node): string => `route ${formatPrefix(prefix)} dev ${node.interfaces[0]?.device ?? "eth0"}`;
  const edits = [...places.values()].map((node) => appendEdit(node.source, text(node)));
  const [first, ...more] = lost;
  const title =
    first && more.length === 0
      ? t`Add a route to ${formatPrefix(prefix)} on node \`${first.path}\``
      : t`Add a route to ${formatPrefix(prefix)} on these nodes`;
  return [{ title, edits }];
}
