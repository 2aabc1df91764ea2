import { formatIp } from "../../addressing/ip.ts";
import type { Change } from "../../declared/change.ts";
import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import type { Fix } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Node, Topology } from "../../topology/model.ts";

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

export const calicoPrefixSpans: Check<"KN237"> = {
  code: "KN237",
  name: "cross-subnet-prefix-spans-segments",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "A node's prefix is wider than its segment, so cross-subnet skips the tunnel.",
  documentation: `## What happens

\`cross-subnet\` compares prefixes, not links. If nodes in /24 racks that are connected by a router have a /16 prefix length,
every node appears to be on-link. The kernel accepts the route because of \`onlink\`, but there is no ARP reply, and packets to
pods in the other rack are lost after three seconds.

## How to fix it

Use the segment's prefix length on the nodes. A tunnel does not help: its outer packets go to the same off-link next hop.`,
  example: {
    bad: racks("16"),
    good: racks("24"),
  },
  message: ({ node, prefix, peer, address, pairs }) =>
    t`node \`${node}\` treats ${address} of node \`${peer}\` as on-link (its prefix is ${prefix}), but a router is between them (${plural(pairs, "node pair")} affected): cross-subnet sends directly and receives no ARP reply`,
  fixes: (_, source, { topology }) => maskFix(topology, clusterAt(topology, source)?.nodes ?? []),
};

/** Removes the prefix lengths that are shorter than the segment's: an address without one has the segment's. */
function maskFix({ segments }: Topology, nodes: readonly Node[]): readonly Fix[] {
  const edits = nodes.flatMap(({ interfaces }) =>
    interfaces.flatMap(({ segment, addresses, source }) =>
      addresses.flatMap(({ ip, len }): Change[] => {
        const own = segments.get(segment)?.cidrs.find((cidr) => typeof cidr.ip === typeof ip);
        const text = formatIp(ip);
        const place = argumentWith(sourceAt(source, "whole"), (one) => one === `${text}/${len}`);
        return own && len < own.len && place.part !== "whole" ? [{ kind: "replace", source: place, text }] : [];
      }),
    ),
  );
  return edits.length === 0 ? [] : [{ title: t`Use the segments' prefix lengths on the nodes`, edits }];
}
