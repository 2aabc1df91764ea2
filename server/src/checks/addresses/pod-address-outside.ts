import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const podAddressOutside: Check = {
  code: "KN122",
  name: "pod-address-outside-node",
  family: "addresses",
  severity: "error",
  summary: "A pod has an address that is not in its node's pod range.",
  documentation: `Routes exist for the nodes' ranges, not for single pods: packets to the address go to the node whose range contains it, or nowhere. Move the pod
to that node, or give it an address of its own node's range.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan }", "pod dns on n1 { address 10.244.1.53 }"),
    good: twoNodes("cni flannel { backend vxlan }", "pod dns on n1 { address 10.244.0.53 }"),
  },
  message: ({ pod, address, node, range }) =>
    `address ${address} of pod ${pod} is not in the pod range ${range} of node ${node}: no route leads there; use an address of that range, or none`,
  fixes: ({ address }, source) => [
    removeFix(`Let knet choose an address instead of ${address}`, sourceAt(source, "whole")),
  ],
};
