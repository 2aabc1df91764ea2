import type { Check } from "../../findings/check.ts";
import { overlapFindings } from "../../findings/overlaps.ts";
import { t } from "../../text/l10n.ts";

export const dockerCluster: Check<"KN104"> = {
  code: "KN104",
  name: "docker-cluster-overlap",
  family: "addresses",
  severity: "error",
  summary: "A node's Docker bridge overlaps the pod CIDR or the service CIDR.",
  documentation: `## What happens

The node has a connected route for the bridge (\`172.17.0.0/16 dev docker0 proto kernel scope link\`). If this route is at
least as specific as a pod route, packets to those pods go to \`docker0\`, where no machine replies. If the pod route is
more specific, Docker's own containers are unreachable.

Only nodes with Docker are affected; the other nodes work.

## How to fix it

Set a different range for the bridge (\`bip\` in \`/etc/docker/daemon.json\`) or for the cluster.`,
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
        b.kind === "services"
          ? t`services or Docker containers in the shared range are unreachable`
          : t`pods or Docker containers in the shared range are unreachable`,
    }),
};
