import { formatPrefix, prefixOf } from "../../addressing/ip.ts";
import { sourceAt } from "../../declared/navigate.ts";
import type { Check, ProblemData } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { perNodeFix } from "../../fixes/per-node.ts";
import { list, number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const cluster = (pods: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods ${pods} per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  nodes w 1..5 { attach lan }
}
`;

export const noRangeLeft: Check<"KN401"> = {
  code: "KN401",
  name: "no-pod-range-left",
  family: "capacity",
  severity: "error",
  effect: "missing-pod-cidrs",
  summary: "The pod CIDR is too small for the number of nodes.",
  documentation: `## What happens

kube-controller-manager reports *CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted
range*, and the node stays NotReady without a \`podCIDR\`. A pod CIDR contains 2^(per-node − length) node pod CIDRs: with
/24 per node, a /16 contains 256 and a /20 contains 16. Node pod CIDRs that overlap the service CIDR are not allocated.

## How to fix it

For N nodes, the prefix length of the pod CIDR must be at most per-node − log2(N). Use a larger pod CIDR, or a longer
prefix length per node. The pod CIDR of a running cluster cannot be enlarged in place.`,
  example: { bad: cluster("10.244.0.0/22"), good: cluster("10.244.0.0/16") },
  message: (data) => {
    const { cluster: name, count, node, cidr } = data;
    const holds = t`${formatPrefix(cidr)} contains ${blocksText(data)}`;
    return count === 1
      ? t`node \`${node}\` cannot be assigned a pod CIDR: ${holds}`
      : t`${plural(count, "node")} of cluster \`${name}\` (first: \`${node}\`) cannot be assigned a pod CIDR: ${holds}`;
  },
  fixes: ({ count, cidr, perNode, blocks }, source) => {
    const missing = Math.ceil(Math.log2((blocks + count) / blocks));
    if (!Number.isInteger(missing) || cidr.len - missing < 8) return [];
    const wider = prefixOf(cidr.ip, cidr.len - missing);
    return [
      replaceFix(t`Change to ${formatPrefix(wider)} (large enough)`, sourceAt(source, 0), formatPrefix(wider)),
      ...perNodeFix(t`Use /${perNode + missing} per node`, source, `/${perNode + missing}`),
    ];
  },
};

/** "only 4 node pod CIDRs of /24", "16 node pod CIDRs of /24 (all overlap the service CIDR)". */
function blocksText({ perNode, blocks, total, services: skipped }: ProblemData["KN401"]): string {
  const all = plural(total, "node pod CIDR");
  const stated = total - skipped - blocks;
  if (skipped === 0 && stated === 0) return t`only ${all} (/${perNode} each)`;
  const count = skipped === total ? t`all` : number(skipped);
  const overlap = skipped === 1 ? t`${count} overlaps the service CIDR` : t`${count} overlap the service CIDR`;
  const taken = stated === 1 ? t`1 is set with \`pod-cidr\`` : t`${number(stated)} are set with \`pod-cidr\``;
  const why = list([...(skipped > 0 ? [overlap] : []), ...(stated > 0 ? [taken] : [])]);
  return t`${all} (/${perNode} each; ${why})`;
}
