import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";

const cluster = (cni: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12${cni}
  node n1 { attach lan 192.168.10.11 }
  pod web on n1
}
`;

export const noPodNetwork: Check = {
  code: "KN213",
  name: "no-pod-network",
  family: "reachability",
  severity: "info",
  summary: "A cluster has pods, but no CNI plugin.",
  documentation: `Kubernetes itself connects no pods; a CNI plugin does. Without one nodes stay NotReady (*cni plugin not initialized*), and pods have
a loopback interface and nothing else. Say which one the cluster has: \`cni flannel { backend vxlan }\`; or say \`cni none\` where that is meant.`,
  example: { bad: cluster(""), good: cluster("\n  cni flannel { backend vxlan }") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, cni, workloads, source } of topology.clusters) {
      if (cni.decl !== undefined || cni.plugin !== "none") continue;
      if (workloads.every(({ hostNetwork }) => hostNetwork)) continue;
      yield finding(
        noPodNetwork,
        source,
        `cluster ${name} has no CNI plugin, so its pods have no network; add one, such as cni flannel { backend vxlan }`,
        {
          fixes: [
            {
              title: "Use flannel with vxlan",
              edits: [{ kind: "append", source, text: "cni flannel { backend vxlan }" }],
            },
          ],
        },
      );
    }
  },
};
