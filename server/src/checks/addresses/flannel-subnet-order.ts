import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { setEdit } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";

export const flannelSubnetOrder: Check<"KN132"> = {
  code: "KN132",
  name: "flannel-subnet-order",
  family: "addresses",
  severity: "error",
  explains: ["missing-pod-cidrs"],
  summary: "The value of `subnet-min` is above `subnet-max`, so no subnet can be leased.",
  documentation: `## What happens

flannel validates the two settings separately, but not their order. Every node then waits for a lease and reports *out
of subnets*.

## How to fix it

Swap \`subnet-min\` and \`subnet-max\`.`,
  example: {
    bad: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-min 10.244.32.0\n  subnet-max 10.244.16.0\n  backend vxlan\n}",
    ),
    good: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-min 10.244.16.0\n  subnet-max 10.244.32.0\n  backend vxlan\n}",
    ),
  },
  message: ({ min, max }) =>
    t`\`subnet-min\` ${min} is above \`subnet-max\` ${max}: no node gets a subnet ("out of subnets")`,
  fixes: ({ min, max }, source, { topology }) => {
    const cni = clusterAt(topology, source)?.cni.source;
    if (!cni) return [];
    const edits = [setEdit(cni, "subnet-min", max), setEdit(cni, "subnet-max", min)];
    return [{ title: t`Swap \`subnet-min\` and \`subnet-max\``, edits }];
  },
};
