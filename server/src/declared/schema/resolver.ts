/** The name servers of pods. */
import type { KeywordSpec } from "./types.ts";

const example = `segment lan {
  cidr 10.0.0.0/24
  gateway gw
}
router gw { attach lan 10.0.0.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  kube-proxy ipvs
  cluster-dns 169.254.20.10
  node-local-dns 169.254.20.10
  nodes n 1..2 { attach lan }
  namespace kube-system {
    deployment coredns replicas 2 {
      labels k8s-app=kube-dns
      listen 53/udp 53/tcp
    }
    service kube-dns {
      select k8s-app=kube-dns
      cluster-ip 10.96.0.10
      port 53/udp name dns
      port 53/tcp name dns-tcp
    }
  }
  pod client on n1
  pod web on n2 {
    labels app=web
    listen 80
  }
  service web {
    select app=web
    port 80
  }
}
expect client -> web.default.svc.cluster.local:80 reachable
`;

export const resolverRows: readonly KeywordSpec[] = [
  {
    keyword: "cluster-dns",
    in: ["cluster"],
    args: [{ name: "addresses", type: { kind: "address" }, many: true, summary: "Name servers of the pods" }],
    repeat: "once",
    default: "the ClusterIP of service kube-system/kube-dns",
    summary: "Name servers in the pods' resolv.conf (kubelet --cluster-dns)",
    documentation: `Traces and expectations with a DNS name send the query to the first address of the pod's family. The default is
the ClusterIP of \`kube-dns\` in \`kube-system\`; if the file does not declare this service, no query is simulated. With
\`node-local-dns\` and kube-proxy in ipvs mode, kubelet must use the local address.`,
    example,
  },
  {
    keyword: "node-local-dns",
    in: ["cluster"],
    args: [
      {
        name: "addresses",
        type: { kind: "address" },
        many: true,
        optional: true,
        summary: "Local addresses of node-cache",
        default: "169.254.20.10",
      },
    ],
    repeat: "once",
    summary: "NodeLocal DNSCache: a DNS cache on each node",
    documentation: `node-cache creates the device \`nodelocaldns\` with the addresses, listens on port 53, and adds NOTRACK and ACCEPT rules
for them. Unless kube-proxy runs in ipvs mode, it also has the ClusterIP of \`kube-dns\`: queries of pods end on their node instead of
reaching a CoreDNS pod, and a network policy must allow the egress to the address (kubernetes.io, *Using NodeLocal DNSCache*;
kubernetes/dns, cmd/node-cache). knet does not simulate the queries of the cache itself to CoreDNS.`,
    example,
  },
];
