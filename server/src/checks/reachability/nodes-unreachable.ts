import { reasonOf, reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { lostFixes, sharedNetworkFixes } from "../../fixes/reachability.ts";
import { otherNetwork } from "../../questions/blame.ts";
import { t } from "../../text/l10n.ts";

const cluster = (router: string): string => `segment rack-a { cidr 192.168.10.0/24; gateway 192.168.10.1 }
segment rack-b { cidr 192.168.20.0/24; gateway 192.168.20.1 }
router tor { attach rack-a 192.168.10.1; attach rack-b 192.168.20.1${router} }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach rack-a 192.168.10.11 }
  node n2 { attach rack-b 192.168.20.12 }
}
`;

export const nodesUnreachable: Check<"KN204"> = {
  code: "KN204",
  name: "nodes-unreachable",
  family: "reachability",
  severity: "error",
  summary: "Two nodes of a cluster cannot reach each other.",
  documentation: `## What happens

Every mode, with or without encapsulation, requires that the nodes can reach each other's addresses. knet checks this for
clusters without pods; if there are pods, knet sends packets between them and reports why they are lost.

If machines have several networks, the plugin might use the wrong one: flannel uses the interface of the default route,
Calico the first interface. The message names the segment that the nodes share, if there is one.

## How to fix it

The related locations show the hops of the lost packet; the last hop is where it was lost, and why. If the nodes share
another segment, configure the plugin to use their addresses there: \`iface\` for flannel, \`bgp-address\` for Calico.`,
  example: { bad: cluster("; route 192.168.20.12/32 blackhole"), good: cluster("") },
  run: (context) =>
    reportCauses(nodesUnreachable, context, {
      kind: "nodes",
      message: (cause) => {
        const segment = otherNetwork(cause.example);
        return segment === undefined
          ? t`${whoCannot(cause)}: ${reasonOf(cause)}`
          : t`${whoCannot(cause)}: ${reasonOf(cause)}; the tunnel uses addresses that cannot reach each other, but both nodes are on segment \`${segment}\``;
      },
      fixes: (cause) => [
        ...(otherNetwork(cause.example) === undefined ? [] : sharedNetworkFixes(cause.example.probe.cluster)),
        ...lostFixes(context.topology, cause),
      ],
    }),
};
