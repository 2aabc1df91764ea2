import { family, formatPrefix, type Prefix } from "../../addressing/ip.ts";
import { modeOf } from "../../cni/modes.ts";
import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import type { Fix } from "../../fixes/fix.ts";
import { perNodeFix, perNodeOf } from "../../fixes/per-node.ts";
import { enlargeFixes } from "../../fixes/ranges.ts";
import { number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";

const cluster = (pods: string): string => `cluster prod {
  pods ${pods}
  services 10.96.0.0/12
  cni flannel { backend vxlan }
}
`;

/** Maximum difference of the prefix lengths in the node CIDR allocator (cidrset.go, clusterSubnetMaxDiff). */
const MOST_BITS = 16;

export const blockSize: Check<"KN405"> = {
  code: "KN405",
  name: "node-block-size",
  family: "capacity",
  severity: "error",
  summary: "The prefix length per node does not fit the pod CIDR.",
  documentation: `## What happens

kube-controller-manager fails to start in two cases:

- A node pod CIDR is larger than the pod CIDR: *mask size of cluster CIDR must be less than or equal to
  --node-cidr-mask-size*.
- An IPv6 pod CIDR contains more than 65,536 node pod CIDRs: *New CIDR set failed; the node CIDR size is too big*. For
  IPv4, only the preflight check of kubeadm rejects this (*pod subnet mask and node-mask difference is greater than
  16*), so the severity is *warning*.

## How to fix it

Change the prefix length after \`per-node\`, or use a different pod CIDR. The prefix length per node must be 0 to 16 bits
longer than the prefix length of the pod CIDR.

## References

- kubernetes/kubernetes, \`pkg/controller/nodeipam/ipam/cidrset/cidr_set.go\` (\`clusterSubnetMaxDiff\`)`,
  example: { bad: cluster("10.244.0.0/25 per-node /24"), good: cluster("10.244.0.0/16 per-node /24") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { podCidrs, name, cni, nodes } of topology.clusters) {
      // If nodes claim blocks of the CNI mode, kube-controller-manager does not allocate node pod CIDRs.
      if (modeOf(cni.plugin).addressing(cni, podCidrs).claims !== undefined) continue;
      for (const { prefix, perNode, source } of podCidrs) {
        const place = perNodeOf(source);
        const range = t`pod CIDR ${formatPrefix(prefix)} of cluster \`${name}\``;
        const longest = prefix.len + MOST_BITS;
        if (perNode < prefix.len) {
          yield finding(
            blockSize,
            place,
            t`node pod CIDR size /${perNode} is larger than ${range}: kube-controller-manager fails to start; use /${prefix.len} or longer`,
            { fixes: roomFixes(topology, prefix, perNode, source, nodes.length) },
          );
        } else if (perNode > longest) {
          const isRejectedByManager = family(prefix.ip) === 6;
          const most = number(2 ** MOST_BITS);
          yield finding(
            blockSize,
            place,
            isRejectedByManager
              ? t`${range} contains 2^${perNode - prefix.len} node pod CIDRs (/${perNode} each), more than the limit of ${most}: kube-controller-manager rejects the configuration ("the node CIDR size is too big")`
              : t`${range} contains 2^${perNode - prefix.len} node pod CIDRs (/${perNode} each), more than the limit of ${most}: kubeadm rejects the configuration`,
            {
              severity: isRejectedByManager ? "error" : "warning",
              fixes: perNodeFix(t`Use /${longest} per node`, source, `/${longest}`),
            },
          );
        }
      }
    }
  },
};

/** Suggests a larger pod CIDR, or smaller node pod CIDRs, with one per node. */
function roomFixes(topology: Topology, prefix: Prefix, perNode: number, source: Origin, nodes: number): readonly Fix[] {
  const bits = Math.ceil(Math.log2(Math.max(nodes, 2)));
  const place = argumentWith(sourceAt(source, "whole"), (text) => text === formatPrefix(prefix));
  const smaller = prefix.len + bits;
  return [
    ...(place.part === "whole" ? [] : enlargeFixes(topology, prefix, perNode - bits, place)),
    ...(smaller <= 28 || family(prefix.ip) === 6 ? perNodeFix(t`Use /${smaller} per node`, source, `/${smaller}`) : []),
  ];
}
