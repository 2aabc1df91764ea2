import type { Interface } from "../../topology/model.ts";
import type { Check } from "../check.ts";
import { attachedFix } from "./mend.ts";
import { reportCauses, whoCannot } from "./report.ts";

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

export const sourceCheck: Check & { readonly code: "KN208" } = {
  code: "KN208",
  name: "source-check",
  family: "reachability",
  severity: "error",
  summary: "The network drops packets of pods, because their addresses are not the node's.",
  documentation: `A cloud's network knows the addresses of each machine's interface and drops what comes from others, or would go to others: AWS's source/destination
check, Azure without *IP forwarding*, Google without *can-ip-forward*, OpenStack's port security. A node that routes for pods with addresses of
their own looks to it like a forger. Packets vanish without a word, in a capture on the node they are sent and never arrive.

Switch the check off for the nodes (\`attach … { source-check off }\`), or use a plugin whose packets carry addresses that the network knows: the
cloud's own, or one that encapsulates.`,
  example: { bad: cluster(""), good: cluster(" { source-check off }") },
  run: (context) =>
    reportCauses(
      sourceCheck,
      context,
      (cause) =>
        `${whoCannot(cause)}: ${cause.example.reason?.message ?? "the network drops the packet"}; switch the check off for the nodes (source-check off), or use a plugin that encapsulates or has addresses of the subnet`,
      ({ example: { probe, reason } }) => {
        const segment = [...context.topology.segments.values()].find(
          (one) => one.source.statement === reason?.origin?.statement,
        );
        if (!segment) return [];
        const title = "Switch the check off for the nodes' interfaces";
        const isChecked = (one: Interface): boolean => one.segment === segment.name && one.sourceCheck;
        return attachedFix(title, probe.cluster, isChecked, "source-check off");
      },
    ),
};
