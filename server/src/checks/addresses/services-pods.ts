import type { Check } from "../../findings/check.ts";
import { overlapFindings } from "../../findings/overlaps.ts";
import { t } from "../../text/l10n.ts";

export const servicesPods: Check<"KN113"> = {
  code: "KN113",
  name: "service-foreign-pod-overlap",
  family: "addresses",
  severity: "warning",
  summary: "A service CIDR overlaps the pod CIDR of a connected cluster.",
  documentation: `## What happens

On the nodes of the first cluster, kube-proxy intercepts packets to addresses in both ranges. From there, a pod of the
other cluster is unreachable if a service has the same address. The overlap matters as soon as the clusters are meshed,
peered, or connected by routes, and neither range can be changed later without rebuilding the cluster.

## How to fix it

Use disjoint ranges for the services and pods of all connected clusters.`,
  example: {
    bad: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster blue {
  pods 10.42.0.0/16 per-node /24
  services 10.43.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11 }
}
cluster green {
  pods 10.43.0.0/16 per-node /24
  services 10.44.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.21 }
}
`,
    good: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster blue {
  pods 10.42.0.0/16 per-node /24
  services 10.43.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11 }
}
cluster green {
  pods 10.44.0.0/16 per-node /24
  services 10.45.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.21 }
}
`,
  },
  run: (context) =>
    overlapFindings(servicesPods, context, {
      kind: "services-pods",
      blame: "a",
      consequence: ({ a, b }) =>
        t`from cluster \`${a.cluster}\`, services hide the pods of cluster \`${b.cluster}\` in the shared range`,
    }),
};
