import { reasonOf, reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { attachedFix } from "../../fixes/reachability.ts";
import { t } from "../../text/l10n.ts";
import type { Interface } from "../../topology/model.ts";

const cluster = (nodes: string): string => `segment subnet {
  cidr 10.0.0.0/24
  cloud aws
  gateway vpc
}
router vpc { attach subnet 10.0.0.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 172.20.0.0/16
  cni kubenet
  nodes w 1..2 { attach subnet${nodes} }
  pod a on w1 { listen 80/tcp }
  pod b on w2 { listen 80/tcp }
}
`;

export const sourceCheck: Check<"KN208"> = {
  code: "KN208",
  name: "source-check",
  family: "reachability",
  severity: "error",
  summary: "A source check drops packets from pods.",
  documentation: `## What happens

A cloud network has a list of the addresses of each machine's interface and drops packets from or to other addresses. This is
the source/destination check on AWS, *IP forwarding* on Azure, *can-ip-forward* on Google Cloud, and port security on
OpenStack. If a node forwards packets from its pods without encapsulation or NAT, the cloud network treats their source
addresses as spoofed. The packets are dropped silently: a capture on the node shows them as sent, but they never arrive.

## How to fix it

Disable the check for the nodes (\`attach … { source-check false }\`). Or use a plugin whose packets have addresses of the cloud
network: the cloud's own plugin, or one that encapsulates.`,
  example: { bad: cluster(""), good: cluster(" { source-check false }") },
  run: (context) =>
    reportCauses(sourceCheck, context, {
      kind: "source-check",
      message: (cause) =>
        t`${whoCannot(cause)}: ${reasonOf(cause)}; disable \`source-check\` on the nodes, or use a plugin that encapsulates or uses subnet addresses`,
      fixes: ({ example: { probe, reason } }) => {
        const segment = [...context.topology.segments.values()].find(
          (one) => one.source.decl.handle === reason?.origin?.decl.handle,
        );
        if (!segment) return [];
        const title = t`Disable \`source-check\` on the nodes' interfaces`;
        const isChecked = (one: Interface): boolean => one.segment === segment.name && one.sourceCheck;
        return attachedFix(title, probe.cluster, isChecked, "source-check false");
      },
    }),
};
