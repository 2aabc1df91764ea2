import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export const podAddressOutside: Check<"KN122"> = {
  code: "KN122",
  name: "pod-address-outside-node",
  family: "addresses",
  severity: "error",
  summary: "A pod address is outside its node's pod CIDR.",
  documentation: `## What happens

Routes exist for node pod CIDRs, not for single pods. Packets to the address go to the node whose pod CIDR contains it,
or are dropped.

## How to fix it

Move the pod to the node whose pod CIDR contains the address, or use an address in the pod CIDR of its node.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan }", "pod dns on n1 { address 10.244.1.53 }"),
    good: twoNodes("cni flannel { backend vxlan }", "pod dns on n1 { address 10.244.0.53 }"),
  },
  message: ({ pod, address, node, range, others }) =>
    others === 0
      ? t`address ${address} of pod \`${pod}\` is outside the pod CIDR ${range} of node \`${node}\`: the pod is unreachable`
      : t`address ${address} of pod \`${pod}\` is outside the pod CIDR ${range} of node \`${node}\`: the pod is unreachable (and ${plural(others, "other pod")} of its workload)`,
  fixes: ({ address }, source) => [removeFix(t`Remove ${address} and allocate an address`, sourceAt(source, "whole"))],
};
