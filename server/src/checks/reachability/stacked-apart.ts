import { reasonOf, reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { overlayFix } from "../../fixes/overlay.ts";
import { t } from "../../text/l10n.ts";

const lan = (cni: string, more = ""): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  ${cni}
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1
  pod b on n2
}${more}
`;

export const stackedApart: Check<"KN240"> = {
  code: "KN240",
  name: "stacked-apart",
  family: "reachability",
  severity: "warning",
  summary: "A node cannot reach its own macvlan or ipvlan pods.",
  documentation: `## What happens

A macvlan or ipvlan device exchanges frames with the physical network and, in some modes, with its sibling devices, but never
with its parent device. This has several consequences:

- kubelet's probes of pods on its own node fail.
- Pods cannot use a DNS cache or another agent on their node.
- NodePorts do not reach the pods.
- In the modes \`private\` and \`vepa\`, pods on the same node cannot reach each other either.

This violates the Kubernetes network model, which requires that agents on a node can reach the pods on that node.

## How to fix it

Add a dedicated macvlan device for the node on the same interface and route the pod range through it, use these plugins only
for a second interface (Multus), or use another plugin.

## References

- Linux: \`drivers/net/macvlan.c\`, \`drivers/net/ipvlan\``,
  example: {
    bad: lan("cni macvlan { range 192.168.10.128/25 }"),
    good: lan("cni flannel { backend vxlan }"),
  },
  run: (context) =>
    reportCauses(stackedApart, context, {
      kind: "stacked-apart",
      message: (cause) =>
        t`${whoCannot(cause)}: ${reasonOf(cause)}; kubelet probes require a dedicated device on the node, or another plugin`,
      fixes: ({ example: { probe } }) => overlayFix(context.topology, probe.cluster),
    }),
};
