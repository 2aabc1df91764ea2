import type { Check } from "../check.ts";
import { overlapFindings } from "./overlaps.ts";

export const dockerCluster: Check = {
  code: "KN104",
  name: "docker-cluster-overlap",
  family: "addresses",
  severity: "error",
  summary: "The docker bridge of a node overlaps the cluster's pods or services.",
  documentation: `The bridge's connected route (\`172.17.0.0/16 dev docker0 proto kernel scope link\`) stands on the node like any
other. Where it is as specific as a pod route or more, packets to those pods go to docker0, where nobody answers; where a pod
route is more specific, Docker's own containers cannot be reached. It is the node with Docker that fails, the others do not
notice.

Give the bridge another range (\`bip\` in \`/etc/docker/daemon.json\`), or the cluster.`,
  example: {
    bad: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 172.16.0.0/14 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11; docker-bridge 172.17.0.1/16 }
}
`,
    good: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11; docker-bridge 172.17.0.1/16 }
}
`,
  },
  run: (context) =>
    overlapFindings(dockerCluster, context, {
      kind: "docker-cluster",
      blame: "a",
      consequence: ({ b }) =>
        `packets to such ${b.kind === "services" ? "services" : "pods"} end on docker0, or those to containers elsewhere`,
    }),
};
