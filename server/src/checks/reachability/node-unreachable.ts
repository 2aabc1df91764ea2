import { reasonOf, reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { lostFixes } from "../../fixes/reachability.ts";
import { t } from "../../text/l10n.ts";

export const nodeUnreachable: Check<"KN202"> = {
  code: "KN202",
  name: "node-pod-unreachable",
  family: "reachability",
  severity: "error",
  summary: "A node cannot reach pods.",
  documentation: `## What happens

Agents on a node, above all kubelet, must reach the pods on that node (probes, logs, exec). The stronger form of the network
model also requires access to the pods on all other nodes: kube-apiserver calls webhooks and the metrics API from a node's
address.

## How to fix it

The related locations show the hops of the lost packet; the last hop is where it was lost, and why. Fix the route, rule, or
device there.`,
  example: {
    bad: twoNodes(
      "cni flannel { backend vxlan }",
      "node n3 { attach lan 192.168.10.13; route 10.244.1.0/25 unreachable }",
    ),
    good: twoNodes("cni flannel { backend vxlan }", "node n3 { attach lan 192.168.10.13 }"),
  },
  run: (context) =>
    reportCauses(nodeUnreachable, context, {
      kind: "node",
      message: (cause) => t`${whoCannot(cause)}: ${reasonOf(cause)}`,
      fixes: (cause) => lostFixes(context.topology, cause),
    }),
};
