import { formatPrefix, parsePrefix, prefixOf } from "../../addressing/ip.ts";
import { number, plural } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { perNodeFix, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

const cluster = (pods: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods ${pods} per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  nodes w 1..5 { attach lan }
}
`;

export const noRangeLeft: Check = {
  code: "KN401",
  name: "no-pod-range-left",
  family: "capacity",
  severity: "error",
  summary: "There are more nodes than blocks in the cluster's pod range.",
  documentation: `kube-controller-manager writes *CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range*, and the node stays NotReady
without a podCIDR. A range holds 2^(per-node − range) blocks: a /16 with /24 for each node 256, a /20 16. Blocks that overlap the service
range do not count.

For N nodes the range needs a length of at most per-node − log2(N). It cannot be enlarged in place.`,
  example: { bad: cluster("10.244.0.0/22"), good: cluster("10.244.0.0/16") },
  impliedBy: ["KN130", "KN132"],
  message: ({ cluster: name, count, node, cidr, perNode, blocks }) =>
    `${plural(Number(count), "node")} of cluster ${name} ${Number(count) === 1 ? "gets" : "get"} no pod range (${node} first): ${cidr} holds ${number(Number(blocks))} blocks of /${String(perNode).replace("/", "")}; use a larger range or smaller blocks`,
  fixes: ({ count, cidr, perNode, blocks }, source) => {
    const range = parsePrefix(String(cidr))?.prefix;
    const length = Number(String(perNode).replace("/", ""));
    const missing = Math.ceil(Math.log2((Number(blocks) + Number(count)) / Number(blocks)));
    if (!range || !Number.isInteger(missing) || range.len - missing < 8) return [];
    const wider = prefixOf(range.ip, range.len - missing);
    return [
      replaceFix(`Use ${formatPrefix(wider)}, which has room for them`, sourceAt(source, 0), formatPrefix(wider)),
      ...perNodeFix(`Give each node a /${length + missing}`, source, `/${length + missing}`),
    ];
  },
};
