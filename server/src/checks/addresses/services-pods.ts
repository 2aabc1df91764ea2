import type { Check } from "../check.ts";
import { overlapFindings } from "./overlaps.ts";

export const servicesPods: Check = {
  code: "KN113",
  name: "service-foreign-pod-overlap",
  family: "addresses",
  severity: "warning",
  summary: "A cluster's services overlap the pods of another cluster that it can meet.",
  documentation: `On the nodes of the first cluster kube-proxy intercepts what goes to those addresses: pods of the other cluster
cannot be reached from there wherever a service happens to have the same address. It matters as soon as the clusters are to be
meshed, peered or routed; neither range can be changed later without building the cluster again.`,
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
      consequence: ({ a, b }) => `from cluster ${a.cluster}, pods of ${b.cluster} there are hidden behind services`,
    }),
};
