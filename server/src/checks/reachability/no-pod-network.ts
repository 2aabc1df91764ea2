import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { t } from "../../text/l10n.ts";

const cluster = (cni: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12${cni}
  node n1 { attach lan 192.168.10.11 }
  pod web on n1
}
`;

export const noPodNetwork: Check<"KN213"> = {
  code: "KN213",
  name: "no-pod-network",
  family: "reachability",
  severity: "info",
  summary: "A cluster with pods has no CNI plugin.",
  documentation: `## What happens

Kubernetes itself does not connect pods; a CNI plugin does. Without one, nodes remain NotReady (*cni plugin not
initialized*), and pods have only a loopback interface.

## How to fix it

Declare the cluster's plugin, for example \`cni flannel { backend vxlan }\`. If the cluster has no plugin on purpose, declare
\`cni none\`.`,
  example: { bad: cluster(""), good: cluster("\n  cni flannel { backend vxlan }") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, cni, workloads, source } of topology.clusters) {
      if (cni.decl !== undefined || cni.plugin !== "none") continue;
      if (workloads.every(({ hostNetwork }) => hostNetwork)) continue;
      yield finding(
        noPodNetwork,
        source,
        t`cluster \`${name}\` has no CNI plugin, so its pods have no network; add a plugin, or \`cni none\` if this is intended`,
        {
          fixes: [
            {
              title: t`Add \`cni flannel { backend vxlan }\``,
              edits: [{ kind: "append", source, text: "cni flannel { backend vxlan }" }],
            },
          ],
        },
      );
    }
  },
};
