import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { lostFixes } from "./mend.ts";
import { reportCauses, subject, whoCannot } from "./report.ts";

export const nodeUnreachable: Check & { readonly code: "KN202" } = {
  code: "KN202",
  name: "node-pod-unreachable",
  family: "reachability",
  severity: "error",
  summary: "A node cannot reach pods.",
  documentation: `Agents on a node, kubelet above all, must reach the pods of that node (probes, logs, exec), and in the stronger form of the model the pods of all nodes: the
API server calls webhooks and the metrics API from a node's address. The related places are the packet's hops.`,
  example: {
    bad: twoNodes(
      "cni flannel { backend vxlan }",
      "node n3 { attach lan 192.168.10.13; route 10.244.1.0/25 unreachable }",
    ),
    good: twoNodes("cni flannel { backend vxlan }", "node n3 { attach lan 192.168.10.13 }"),
  },
  run: (context) =>
    reportCauses(
      nodeUnreachable,
      context,
      (cause) =>
        `${whoCannot(cause)}: ${subject(cause)} is lost, as ${cause.example.reason?.message ?? "nobody takes it"}`,
      (cause) => lostFixes(context.topology, cause),
    ),
};
