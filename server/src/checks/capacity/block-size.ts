import { family, formatPrefix, type Prefix } from "../../addressing/ip.ts";
import { modeOf } from "../../cni/modes.ts";
import type { Source } from "../../language/tree.ts";
import { number } from "../../text/words.ts";
import type { Topology } from "../../topology/model.ts";
import { enlargeFixes } from "../addresses/free.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, perNodeFix } from "../finding.ts";
import { argumentWith, sourceAt } from "../source.ts";
import { perNodeOf } from "./max-pods.ts";

const cluster = (pods: string): string => `cluster prod {
  pods ${pods}
  services 10.96.0.0/12
  cni flannel { backend vxlan }
}
`;

/** Number of bits that the node CIDR allocator can count with (cidrset.go, clusterSubnetMaxDiff). */
const MOST_BITS = 16;

export const blockSize: Check = {
  code: "KN405",
  name: "node-block-size",
  family: "capacity",
  severity: "error",
  summary: "The nodes' blocks do not fit the cluster's pod range.",
  documentation: `kube-controller-manager does not start where a node's block is larger than the pod range (*mask size of cluster CIDR must be less
than or equal to --node-cidr-mask-size*), nor, for IPv6, where the range holds more than 65,536 blocks (*New CIDR set failed; the node
CIDR size is too big*). For IPv4 only kubeadm's preflight refuses the latter (*pod subnet mask and node-mask difference is greater than 16*),
which is a warning here.`,
  example: { bad: cluster("10.244.0.0/25 per-node /24"), good: cluster("10.244.0.0/16 per-node /24") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { podCidrs, name, cni, nodes } of topology.clusters) {
      // Where the mode has blocks of its own, kube-controller-manager need not cut any.
      if (modeOf(cni.plugin).addressing(cni, podCidrs).claims !== undefined) continue;
      for (const { prefix, perNode, source } of podCidrs) {
        const place = perNodeOf(source);
        const range = `pods ${formatPrefix(prefix)} of cluster ${name}`;
        const longest = prefix.len + MOST_BITS;
        if (perNode < prefix.len) {
          yield finding(
            blockSize,
            place,
            `a node's block of /${perNode} is larger than the whole range ${range}: kube-controller-manager does not start; use a larger range or a length above /${prefix.len}`,
            { fixes: roomFixes(topology, prefix, perNode, source, nodes.length) },
          );
        } else if (perNode > longest) {
          const refused =
            family(prefix.ip) === 6
              ? 'kube-controller-manager refuses that ("the node CIDR size is too big")'
              : "kubeadm refuses that";
          yield finding(
            blockSize,
            place,
            `${range} hold 2^${perNode - prefix.len} node blocks of /${perNode}, and at most ${number(2 ** MOST_BITS)} can be counted: ${refused}; use /${longest} per node, or a smaller range`,
            {
              severity: family(prefix.ip) === 6 ? "error" : "warning",
              fixes: perNodeFix(`Use /${longest} per node`, source, `/${longest}`),
            },
          );
        }
      }
    }
  },
};

/** A larger range, or smaller blocks, with one for each node. */
function roomFixes(topology: Topology, prefix: Prefix, perNode: number, source: Source, nodes: number): readonly Fix[] {
  const bits = Math.ceil(Math.log2(Math.max(nodes, 2)));
  const place = argumentWith(sourceAt(source, "whole"), (text) => text === formatPrefix(prefix));
  const smaller = prefix.len + bits;
  return [
    ...(place.part === "whole" ? [] : enlargeFixes(topology, prefix, perNode - bits, place)),
    ...(smaller <= 28 || family(prefix.ip) === 6
      ? perNodeFix(`Give each node a /${smaller}`, source, `/${smaller}`)
      : []),
  ];
}
