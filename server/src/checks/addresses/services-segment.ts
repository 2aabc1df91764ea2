import type { Check } from "../check.ts";
import { nodesInside, overlapFindings } from "./overlaps.ts";

export const servicesSegment: Check = {
  code: "KN103",
  name: "service-segment-overlap",
  family: "addresses",
  severity: "error",
  summary: "A cluster's service range contains addresses of a segment, a node, a router or a host.",
  documentation: `A service gets an address that a real station has. On every node of the cluster kube-proxy intercepts packets to
it, so that the station cannot be reached from there at the service's ports; with IPVS the address is local to each node and the
station vanishes for the whole cluster. If the station is a node, a DNS server or a gateway, the cluster goes with it.

Choose a service range that no segment uses. kubeadm's 10.96.0.0/12 reaches up to 10.111.255.255.`,
  example: {
    bad: `segment dc { cidr 10.100.10.0/24; gateway 10.100.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach dc 10.100.10.11 }
}
`,
    good: `segment dc { cidr 10.100.10.0/24; gateway 10.100.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach dc 10.100.10.11 }
}
`,
  },
  run: (context) =>
    overlapFindings(servicesSegment, context, {
      kind: "services-segment",
      blame: "a",
      consequence: (conflict) => {
        const nodes = nodesInside(context.topology, conflict.a.cluster, conflict);
        return nodes === undefined
          ? "a service can take the address of a station there and hide it from the cluster"
          : `a service can take the address of ${nodes} and hide it from the cluster`;
      },
    }),
};
