import { family, formatPrefix, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import { plural } from "../../text/words.ts";
import { nodesWhere } from "../../topology/column.ts";
import type { Node } from "../../topology/model.ts";
import { gatewayFixes } from "../addresses/new-gateway.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { appendEdit, finding } from "../finding.ts";

/** Of one fix. */
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
  summary: "Nodes have no route that covers the service range.",
  documentation: `A packet is routed before it is translated: a node without a default route answers *network is unreachable* to its own programs, and with an ICMP error to its pods,
although kube-proxy's rules are there. Any route will do, since the translated packet is routed again.

Give the segment a gateway, or the nodes a route for the service range: \`route 10.96.0.0/16 via …\`. IPVS needs none: its addresses are the node's own.`,
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
          `${plural(lost.length, "node")} of cluster ${name}, first ${first.name}, ${lost.length === 1 ? "has" : "have"} no route to ${formatPrefix(prefix)}: packets to services are refused as unreachable before they are translated`,
          {
            related: [{ source: first.source, message: `${first.name} has no default route` }],
            fixes: [...gatewayFixes(topology, lost), ...routeFix(prefix, lost)],
          },
        );
      }
    }
  },
};

/** A default route covers any range. */
const withoutDefault = {
  4: nodesWhere<undefined>((node) => !covers(node, { ip: 0, len: 0 })),
  6: nodesWhere<undefined>((node) => !covers(node, { ip: 0n, len: 0 })),
};

function covers({ routes, interfaces }: Node, prefix: Prefix): boolean {
  // That a node has no address of the family is the cause then (KN121, KN127), or it is no finished node.
  const isPart = interfaces.some(({ addresses }) => addresses.some(({ ip }) => typeof ip === typeof prefix.ip));
  if (!isPart) return true;
  return routes.some(
    ({ dst, type }) => type === "unicast" && typeof dst.ip === typeof prefix.ip && prefixCovers(dst, prefix),
  );
}

/** A route by the first interface, which is enough: the address is translated before a neighbour is asked for. */
function routeFix(prefix: Prefix, lost: readonly Node[]): readonly Fix[] {
  const places = new Map(lost.map((node) => [node.source.statement, node]));
  if (places.size > MOST_EDITS) return [];
  const text = (node: Node): string => `route ${formatPrefix(prefix)} dev ${node.interfaces[0]?.device ?? "eth0"}`;
  const edits = [...places.values()].map((node) => appendEdit(node.source, text(node)));
  return [
    { title: `Give ${lost.length === 1 ? lost[0]?.name : "these nodes"} a route to ${formatPrefix(prefix)}`, edits },
  ];
}
