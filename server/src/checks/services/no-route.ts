import { family, formatPrefix, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import { list, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { nodesWhere } from "../../topology/column.ts";
import type { Node } from "../../topology/model.ts";
import { gatewayFixes } from "../addresses/new-gateway.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { appendEdit, finding } from "../finding.ts";

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

export const noServiceRoute: Check = {
  code: "KN512",
  name: "no-route-to-services",
  family: "services",
  severity: "warning",
  summary: "Nodes have no route to the service CIDR.",
  documentation: `## What happens

For packets that a node sends itself, Linux looks up a route before kube-proxy's rules rewrite the destination. Without a route to the
service address, programs on the node and pods on the host network fail with "network is unreachable" although the rules are installed.
Any route is sufficient, because the kernel routes the rewritten packet again. Packets from other pods are rewritten before routing.

## How to fix it

Set a gateway on the segment, or add a route to the service CIDR on the nodes: \`route 10.96.0.0/16 via …\`. IPVS needs no route: the
service addresses are addresses of the node.

## References

- Linux: \`net/netfilter/nf_nat_proto.c\` (\`nf_nat_ipv4_local_fn\`)`,
  example: { bad: text(""), good: text("; gateway 192.168.10.1") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { name, services, serviceCidrs } = cluster;
      const { mode } = services.kubeProxy;
      if (services.all.length === 0 || mode === "ipvs" || mode === "none") continue;
      for (const { prefix, source } of serviceCidrs) {
        const lost = withoutDefault[family(prefix.ip)](cluster, undefined).filter((node) => !covers(node, prefix));
        const [first] = lost;
        if (!first) continue;
        yield finding(
          noServiceRoute,
          source,
          t`service CIDR ${formatPrefix(prefix)} has no route on ${plural(lost.length, "node")} of cluster \`${name}\` (${list(lost.map((node) => `\`${node.name}\``))}): local connections to services fail with "network is unreachable"`,
          {
            related: [{ source: first.source, message: t`node \`${first.name}\` has no default route` }],
            fixes: [...gatewayFixes(topology, lost), ...routeFix(prefix, lost)],
          },
        );
      }
    }
  },
};

/** Nodes without a default route; a default route covers every range. */
const withoutDefault = {
  4: nodesWhere<undefined>((node) => !covers(node, { ip: 0, len: 0 })),
  6: nodesWhere<undefined>((node) => !covers(node, { ip: 0n, len: 0 })),
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
  const places = new Map(lost.map((node) => [node.source.statement, node]));
  if (places.size > MOST_EDITS) return [];
  const text = (node: Node): string => `route ${formatPrefix(prefix)} dev ${node.interfaces[0]?.device ?? "eth0"}`;
  const edits = [...places.values()].map((node) => appendEdit(node.source, text(node)));
  const [first, ...more] = lost;
  const title =
    first && more.length === 0
      ? t`Add a route to ${formatPrefix(prefix)} on node \`${first.name}\``
      : t`Add a route to ${formatPrefix(prefix)} on these nodes`;
  return [{ title, edits }];
}
