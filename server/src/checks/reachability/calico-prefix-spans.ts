import { formatIp } from "../../addressing/ip.ts";
import { plural } from "../../text/words.ts";
import type { Node, Topology } from "../../topology/model.ts";
import type { Check, Fix, FixEdit } from "../check.ts";
import { argumentWith, sourceAt } from "../source.ts";
import { clusterAt } from "../topology.ts";

const racks = (mask: string): string => `segment rack-a { cidr 10.0.1.0/24; gateway tor }
segment rack-b { cidr 10.0.2.0/24; gateway tor }
router tor {
  attach rack-a 10.0.1.1
  attach rack-b 10.0.2.1
}
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni calico { pool default { vxlan cross-subnet } }
  node n1 { attach rack-a 10.0.1.5/${mask} }
  node n2 { attach rack-b 10.0.2.5/${mask} }
  pod a on n1 { listen 80/tcp }
  pod b on n2 { listen 80/tcp }
}
`;

export const calicoPrefixSpans: Check = {
  code: "KN237",
  name: "cross-subnet-prefix-spans-segments",
  family: "reachability",
  severity: "error",
  summary: "A node's prefix reaches beyond its link, and cross-subnet takes it for the link.",
  documentation: `\`cross-subnet\` is a test of prefixes, not of links: a /16 mask on nodes in racks of /24 behind a router makes every node a neighbour. The route is accepted thanks to
\`onlink\`, nobody answers ARP, and packets to pods of the other rack are lost after three seconds. Give the nodes the mask of their segment; a
tunnel does not help, since its outer packets are sent to the same neighbour.`,
  example: {
    bad: racks("16"),
    good: racks("24"),
  },
  message: ({ node, prefix, peer, address, pairs }) =>
    `${node} takes ${address} of ${peer} for a neighbour, since it lies in its own prefix ${prefix}, but a router is between them (${plural(Number(pairs), "such pair")} of nodes): cross-subnet sends directly, and nobody answers ARP; give the nodes their segment's mask`,
  fixes: (_, source, { topology }) => maskFix(topology, clusterAt(topology, source)?.nodes ?? []),
};

/** Without a length of its own an address has its segment's. */
function maskFix({ segments }: Topology, nodes: readonly Node[]): readonly Fix[] {
  const edits = nodes.flatMap(({ interfaces }) =>
    interfaces.flatMap(({ segment, addresses, source }) =>
      addresses.flatMap(({ ip, len }): FixEdit[] => {
        const own = segments.get(segment)?.cidrs.find((cidr) => typeof cidr.ip === typeof ip);
        const text = formatIp(ip);
        const place = argumentWith(sourceAt(source, "whole"), (one) => one === `${text}/${len}`);
        return own && len < own.len && place.part !== "whole" ? [{ kind: "replace", source: place, text }] : [];
      }),
    ),
  );
  return edits.length === 0 ? [] : [{ title: "Give the nodes the masks of their segments", edits }];
}
