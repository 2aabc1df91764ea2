import { formatIp, formatPrefix, type Prefix } from "../../addressing/ip.ts";
import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check } from "../../findings/check.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const lan = (mask: string): string => `segment lan { cidr 10.0.0.0/16; gateway 10.0.2.1 }
router edge { attach lan 10.0.2.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni calico { pool default { ipip cross-subnet } }
  node n1 { attach lan 10.0.1.5/16 }
  node n2 { attach lan 10.0.2.5/${mask} }
  pod a on n1 { listen 80/tcp }
  pod b on n2 { listen 80/tcp }
}
`;

export const calicoMasksDiffer: Check<"KN236"> = {
  code: "KN236",
  name: "cross-subnet-masks-differ",
  family: "reachability",
  severity: "warning",
  summary: "Two nodes on one link disagree about whether they share a subnet.",
  documentation: `## What happens

\`cross-subnet\` checks whether the other node's address is in this node's prefix. Directly connected nodes with different
prefix lengths disagree: one sends directly, the other through the tunnel. Packets arrive, but access lists, captures, and
MTU differ by direction.

## How to fix it

Use the same prefix length on both nodes.

## References

- Calico: \`felix/calc/l3_route_resolver.go\` (\`nodeInOurSubnet\`)`,
  example: {
    bad: lan("24"),
    good: lan("16"),
  },
  message: ({ node, prefix, peer, peerPrefix }) =>
    t`prefix ${formatPrefix(peerPrefix)} of node \`${peer}\` excludes node \`${node}\`, but prefix ${formatPrefix(prefix)} of node \`${node}\` includes node \`${peer}\`: cross-subnet uses the tunnel in one direction only`,
  fixes: ({ node, prefix, peer, peerPrefix }, source, { related }) => [
    ...lengthFix(peer, source, peerPrefix, prefix),
    ...related.flatMap((other) => lengthFix(node, other.source, prefix, peerPrefix)),
  ],
};

/** Replaces the prefix length of the address with the other side's. */
function lengthFix(node: string, attached: Origin, { ip }: Prefix, { len }: Prefix): readonly Fix[] {
  const address = formatIp(ip);
  const place = argumentWith(sourceAt(attached, "whole"), (text) => text.split("/")[0] === address);
  return place.part === "whole" ? [] : [replaceFix(t`Change node \`${node}\` to /${len}`, place, `${address}/${len}`)];
}
