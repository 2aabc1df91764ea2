import type { Source } from "../../language/tree.ts";
import type { Check, Fix } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { argumentWith, sourceAt } from "../source.ts";

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

export const calicoMasksDiffer: Check = {
  code: "KN236",
  name: "cross-subnet-masks-differ",
  family: "reachability",
  severity: "warning",
  summary: "Two nodes of one link disagree whether the other is in their subnet.",
  documentation: `\`cross-subnet\` asks whether the other node's address lies in this node's own prefix (felix/calc/l3_route_resolver.go, nodeInOurSubnet). Neighbours with different masks
disagree: one sends directly, the other through the tunnel. Packets arrive, but access lists, captures and MTU differ by direction. Give both the
same mask.`,
  example: {
    bad: lan("24"),
    good: lan("16"),
  },
  message: ({ node, prefix, peer, peerPrefix }) =>
    `${node} (${prefix}) is outside the prefix of its neighbour ${peer} (${peerPrefix}), but not the other way round: cross-subnet tunnels one way only; give both the same mask`,
  fixes: ({ node, prefix, peer, peerPrefix }, source, { related }) => [
    ...lengthFix(String(peer), source, String(peerPrefix), String(prefix)),
    ...related.flatMap((other) => lengthFix(String(node), other.source, String(prefix), String(peerPrefix))),
  ],
};

/** The address with the other side's length. */
function lengthFix(node: string, attached: Source, own: string, other: string): readonly Fix[] {
  const [address = ""] = own.split("/");
  const length = other.split("/")[1];
  const place = argumentWith(sourceAt(attached, "whole"), (text) => text.split("/")[0] === address);
  return place.part === "whole" ? [] : [replaceFix(`Give ${node} /${length}`, place, `${address}/${length}`)];
}
