import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const tunnelDiffers: Check = {
  code: "KN222",
  name: "flannel-tunnel-differs",
  family: "reachability",
  severity: "error",
  summary: "VNI or port of the tunnel differ between nodes.",
  documentation: `Both ends of a tunnel must agree. A packet that arrives on another UDP port meets no tunnel; one with an unknown VNI is dropped
by the receiving kernel without a word (vxlan_rcv). Port 8472 is Linux' and flannel's, 4789 IANA's and Windows'.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { n2: "cni flannel { backend vxlan { port 4789 } }" }),
    good: twoRacks("cni flannel { backend vxlan { port 4789 } }"),
  },
  message: ({ node, value, peer, peerValue }) =>
    `${node} has ${value} and ${peer} has ${peerValue}: neither takes the other's packets; use the same values on all nodes`,
  fixes: (_data, source) => [removeFix("Use the cluster's values here too", sourceAt(source, "whole"))],
};
