import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { lostFixes } from "./mend.ts";
import { reportCauses, subject, whoCannot } from "./report.ts";

export const podsUnreachable: Check & { readonly code: "KN201" } = {
  code: "KN201",
  name: "pods-unreachable",
  family: "reachability",
  severity: "error",
  summary: "A pod cannot reach another pod of its cluster.",
  documentation: `The Kubernetes network model promises that any pod reaches any other, on any node, without NAT. knet sends a packet between one pod of each two kinds
of nodes and its answer back; this one got lost. The related places are its hops, the last one is where it ended and why.

Findings with a cause of their own (an access list, \`ip_forward\`, \`rp_filter\`, a missing route, overlaps) have other codes; this one is for
the rest.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { router: "route 192.168.20.12/32 blackhole" }),
    good: twoRacks("cni flannel { backend vxlan }"),
  },
  run: (context) =>
    reportCauses(
      podsUnreachable,
      context,
      (cause) =>
        `${whoCannot(cause)}: ${subject(cause)} is lost, as ${cause.example.reason?.message ?? "nobody takes it"}`,
      (cause) => lostFixes(context.topology, cause),
    ),
};
