import { formatPrefix, parsePrefix, prefixOf } from "../../addressing/ip.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
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
  summary: "The pod CIDR is too small for the number of nodes.",
  documentation: `## What happens

kube-controller-manager reports *CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted
range*, and the node stays NotReady without a \`podCIDR\`. A pod CIDR contains 2^(per-node − length) node pod CIDRs: with
/24 per node, a /16 contains 256 and a /20 contains 16. Node pod CIDRs that overlap the service CIDR are not allocated.

## How to fix it

For N nodes, the prefix length of the pod CIDR must be at most per-node − log2(N). Use a larger pod CIDR, or a longer
prefix length per node. The pod CIDR of a running cluster cannot be enlarged in place.`,
  example: { bad: cluster("10.244.0.0/22"), good: cluster("10.244.0.0/16") },
  impliedBy: ["KN130", "KN132"],
  message: ({ cluster: name, count, node, cidr, perNode, blocks }) => {
    const all = plural(Number(blocks), "node pod CIDR");
    const length = String(perNode).replace("/", "");
    return Number(count) === 1
      ? t`node \`${node}\` cannot be assigned a pod CIDR: ${cidr} contains only ${all} of /${length}`
      : t`${plural(Number(count), "node")} of cluster \`${name}\` (first: \`${node}\`) cannot be assigned a pod CIDR: ${cidr} contains only ${all} of /${length}`;
  },
  fixes: ({ count, cidr, perNode, blocks }, source) => {
    const range = parsePrefix(String(cidr))?.prefix;
    const length = Number(String(perNode).replace("/", ""));
    const missing = Math.ceil(Math.log2((Number(blocks) + Number(count)) / Number(blocks)));
    if (!range || !Number.isInteger(missing) || range.len - missing < 8) return [];
    const wider = prefixOf(range.ip, range.len - missing);
    return [
      replaceFix(t`Change to ${formatPrefix(wider)} (large enough)`, sourceAt(source, 0), formatPrefix(wider)),
      ...perNodeFix(t`Use /${length + missing} per node`, source, `/${length + missing}`),
    ];
  },
};
