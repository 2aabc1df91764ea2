import { reasonOf, reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { lostFixes } from "../../fixes/reachability.ts";
import { t } from "../../text/l10n.ts";

export const podsUnreachable: Check<"KN201"> = {
  code: "KN201",
  name: "pods-unreachable",
  family: "reachability",
  severity: "error",
  summary: "A pod cannot reach another pod of its cluster.",
  documentation: `## What happens

The Kubernetes network model guarantees that any pod reaches any other pod, on any node, without NAT. knet traces
packets and their replies between pods on every kind of node; this packet or its reply was lost.

Findings with a known cause (an access list, \`ip_forward\`, \`rp_filter\`, a missing route, overlaps) have their own codes; this
code is for all other causes.

## How to fix it

The related locations show the hops of the lost packet; the last hop is where it was lost, and why. Fix the route, rule, or
device there.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { router: "route 192.168.20.12/32 blackhole" }),
    good: twoRacks("cni flannel { backend vxlan }"),
  },
  run: (context) =>
    reportCauses(podsUnreachable, context, {
      kind: "pods",
      message: (cause) => t`${whoCannot(cause)}: ${reasonOf(cause)}`,
      fixes: (cause) => lostFixes(context.topology, cause),
    }),
};
