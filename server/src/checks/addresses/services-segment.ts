import type { Check } from "../../findings/check.ts";
import { nodesInside, overlapFindings } from "../../findings/overlaps.ts";
import { t } from "../../text/l10n.ts";

export const servicesSegment: Check<"KN103"> = {
  code: "KN103",
  name: "service-segment-overlap",
  family: "addresses",
  severity: "error",
  summary: "The service CIDR overlaps a segment or the address of a node, router, or host.",
  documentation: `## What happens

A service can be assigned an address that a machine has. On every node of the cluster, kube-proxy intercepts packets to
it, so the machine is unreachable from there on the service's ports. With IPVS, the address is local to each node, and
the machine is unreachable from the whole cluster on every port. If the machine is a node, a DNS server, or a gateway,
the whole cluster is affected.

## How to fix it

Choose a service CIDR that no segment uses. kubeadm's default 10.96.0.0/12 extends to 10.111.255.255.`,
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
          ? t`a service can be assigned a machine's address and make the machine unreachable from the cluster`
          : t`services in the shared range can make ${nodes} unreachable from the cluster`;
      },
    }),
};
