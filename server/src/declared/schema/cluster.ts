/** Statements in a cluster, except its CNI settings and workloads. */
import type { KeywordSpec } from "./types.ts";

/** Upper limit of a node pool. Kubernetes is tested with up to 5,000 nodes per cluster. */
const maxNodes = 100_000;

const small = `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  max-pods 110
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
}
`;

export const cluster: readonly KeywordSpec[] = [
  {
    keyword: "pods",
    in: ["cluster"],
    args: [
      { name: "prefix", type: { kind: "prefix" }, summary: "The cluster's pod CIDR" },
      {
        name: "per-node",
        type: { kind: "prefix-length" },
        after: "per-node",
        optional: true,
        summary: "Prefix length of each node's pod CIDR",
        default: "/24; for IPv6, /64",
      },
    ],
    repeat: "many",
    summary: "Pod CIDR; one statement per address family",
    documentation: `kube-controller-manager's \`--cluster-cidr\` and \`--node-cidr-mask-size\` (24 for IPv4, 64 for IPv6). It splits the range
into blocks of that length and assigns each node the next one in order of registration (in knet, declaration order).
Blocks that overlap the service CIDR or a \`pod-cidr\` are skipped. Nodes without a free block stay NotReady. For dual
stack, write the statement twice, once per family (pkg/controller/nodeipam/ipam/cidrset).`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  pods fd00:10:244::/56
  nodes w 1..3 { attach lan }
}
`,
  },
  {
    keyword: "services",
    in: ["cluster"],
    args: [{ name: "prefix", type: { kind: "prefix" }, summary: "Service CIDR" }],
    repeat: "many",
    summary: "Service CIDR; one statement per address family",
    documentation: `kube-apiserver's \`--service-cluster-ip-range\`. It must not overlap the pod CIDR or the nodes' addresses: a packet to
an address in both ranges is redirected to a service endpoint (DNAT) before routing. kubeadm's default is
10.96.0.0/12; without this statement, knet assumes no service CIDR.`,
    example: small,
  },
  {
    keyword: "version",
    in: ["cluster"],
    args: [
      {
        name: "release",
        type: {
          kind: "enum",
          values: [
            { value: "1.33", summary: "nftables mode is stable; its filter chains run before DNAT" },
            { value: "1.34", summary: "nftables mode filters after DNAT, like iptables mode" },
            { value: "1.35", summary: "ipvs mode is deprecated" },
            { value: "1.36", summary: "nftables mode selects an endpoint and rewrites the packet in one rule" },
            { value: "1.37", summary: "Newest release whose rules were compared with kube-proxy itself" },
          ],
        },
        summary: "Kubernetes release, without the patch version",
        default: "1.37",
      },
    ],
    repeat: "once",
    default: "1.37",
    summary: "Kubernetes release of the cluster",
    documentation: `Selects the rules that kube-proxy installs. The releases differ in nftables mode:

- 1.33: \`filter-input\`, \`filter-forward\`, and \`filter-output\` have priority -110, before DNAT, so a node without an
  endpoint drops its own packets to a load balancer IP with \`external-traffic-policy local\`.
- 1.34: these chains have priority 0, after DNAT; \`filter-prerouting-pre-dnat\` and \`filter-output-pre-dnat\` check
  \`load-balancer-source-ranges\` before DNAT (kubernetes/kubernetes PR 132456). In all modes, the source range 0.0.0.0/0 or ::/0
  allows every source.
- 1.36: \`services\` marks packets to ClusterIPs for masquerading, the chain of a service contains the DNAT rule, and the set
  \`hairpin-connections\` replaces the endpoint chains.

For an older release, use 1.33.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  version 1.33
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  kube-proxy nftables
  node n1 { attach lan 192.168.10.11 }
}
`,
  },
  {
    keyword: "max-pods",
    in: ["cluster"],
    args: [
      {
        name: "value",
        type: { kind: "number", min: 1, max: 100_000, unit: "pods" },
        summary: "Pods per node",
        default: "110",
      },
    ],
    repeat: "once",
    default: "110",
    summary: "Maximum number of pods per node (kubelet)",
    documentation: `kubelet's \`maxPods\`, 110 by default, including host-network pods. The node pod CIDR should contain twice as many
addresses because host-local reuses an address only after all others (KubeletConfiguration v1beta1).`,
    example: small,
  },
  {
    keyword: "docker-bridge",
    in: ["cluster", "node", "nodes"],
    args: [
      {
        name: "address",
        type: { kind: "interface-address", lengthRequired: true },
        summary: "Address and prefix length of `docker0`",
        default: "172.17.0.1/16 with `cni docker`, otherwise none",
      },
    ],
    repeat: "once",
    summary: "Address of `docker0` on the nodes",
    documentation: `Docker's \`bip\`. \`docker0\` exists on every machine that runs dockerd, even if Kubernetes does not use it. Its connected
route takes precedence over other routes to the same range: pods, services, and company networks in 172.17.0.0/16 are
unreachable from that machine. In a cluster, it applies to all nodes; in a node, to that node.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  docker-bridge 172.17.0.1/16
  node n1 { attach lan }
  node n2 {
    attach lan
    docker-bridge 172.26.0.1/16
  }
}
`,
  },
  {
    keyword: "node",
    in: ["cluster"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the node" }],
    defines: "node",
    block: "node",
    repeat: "many",
    summary: "A node of the cluster",
    documentation: `Its path is the cluster name and the node name: \`prod/n1\`. Order matters: node pod CIDRs, allocated addresses, and
pods without \`on\` are assigned to nodes in declaration order.`,
    example: small,
  },
  {
    keyword: "nodes",
    in: ["cluster"],
    args: [
      { name: "name", type: { kind: "name" }, summary: "Name prefix" },
      {
        name: "range",
        type: { kind: "index-range", max: maxNodes },
        summary: "Numbers of the first and last node: 1..50, 001..050",
      },
    ],
    defines: "node",
    block: "nodes",
    repeat: "many",
    summary: "A pool of identical nodes",
    documentation: `\`nodes w 1..50\` declares w1 to w50; \`nodes w- 01..50\` declares w-01 to w-50. The block applies to every node of the
pool. An address after \`attach\` or \`loopback\` belongs to the first node, the next address to the second node, and so on. A pool can
have at most 100,000 nodes; Kubernetes is tested with up to 5,000 nodes per cluster (kubernetes.io, Considerations for
large clusters).`,
    example: `segment lan { cidr 10.168.0.0/16 }
cluster prod {
  pods 10.0.0.0/11
  nodes w 1..50 { attach lan 10.168.1.1 }
  nodes gpu- 01..08 {
    attach lan
    labels accelerator=yes
  }
}
`,
  },
  {
    keyword: "external-ip",
    in: ["node", "nodes"],
    args: [
      {
        name: "addresses",
        type: { kind: "address" },
        many: true,
        summary: "Addresses outside of the node's network, at most one per family",
      },
    ],
    repeat: "many",
    summary: "External address of the node (ExternalIP), for which its router does NAT",
    documentation: `The ExternalIP in \`kubectl get nodes -o wide\`: the public address of a cloud machine. The node does not have this address
itself: the default gateway of the node translates it one to one (DNAT for received packets, SNAT for packets that leave through the
gateway's default route), and replies to ARP for it there. If an interface or \`loopback\` of the node has the address, there is no NAT.

Only some programs use it: flannel with \`external-ip true\` announces it to other nodes (k3s \`--flannel-external-ip\`), and node ports
are reachable at it after the NAT. kube-proxy, Calico, and kubelet use the node's InternalIP. In a pool, the address belongs
to the first node, the next address to the second node, and so on.`,
    example: `segment site-a { cidr 10.0.0.0/24 }
segment site-b { cidr 10.1.0.0/24 }
segment internet { cidr 203.0.113.0/24 }
router a {
  attach site-a 10.0.0.1
  attach internet 203.0.113.1
  route default via 203.0.113.2
}
router b {
  attach site-b 10.1.0.1
  attach internet 203.0.113.2
  route default via 203.0.113.1
}
cluster edge {
  pods 10.42.0.0/16
  cni flannel {
    backend wireguard
    external-ip true
  }
  node server {
    attach site-a
    external-ip 203.0.113.10
  }
  node agent {
    attach site-b
    external-ip 203.0.113.20
  }
  pod web on server { listen 80/tcp }
  pod api on agent { listen 80/tcp }
}
expect web -> api:80 reachable
expect api -> web:80 reachable
`,
  },
  {
    keyword: "defaults",
    in: ["cluster"],
    args: [],
    block: "nodes",
    blockRequired: true,
    repeat: "once",
    summary: "Statements for all nodes of the cluster",
    documentation: `Each node and pool has these statements in addition to its own. A statement of the node takes precedence: its
\`attach\` statements replace all interfaces of the defaults, a \`route\` replaces the default for the same destination, a \`sysctl\` or a
label replaces the default value, and its \`allow\` and \`deny\` rules are evaluated before the default rules. An \`attach\` in the defaults
has no addresses: each node is assigned the next free one.`,
    example: `segment lan { cidr 10.0.0.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel
  defaults {
    attach lan
    sysctl net.ipv4.conf.all.rp_filter 2
    daemon kubelet { listen 10250/tcp }
    deny tcp port 22
  }
  node cp {
    attach lan 10.0.0.10
    labels role=control-plane
    allow tcp port 22 from 10.0.0.0/28
  }
  nodes w 1..20
}
expect cp -> w1:10250 reachable
expect cp -> w1:22 blocked
expect w1 -> cp reachable
`,
  },
  {
    keyword: "pod-cidr",
    in: ["node"],
    args: [
      {
        name: "prefixes",
        type: { kind: "prefix" },
        many: true,
        summary: "One prefix per address family",
        default: "the next free block of the cluster's pod CIDR",
      },
    ],
    repeat: "once",
    summary: "Pod CIDR of the node, instead of an allocated one",
    documentation: `\`node.spec.podCIDRs\`, as set manually or by a cloud controller. It never changes during the lifetime of a node. The
prefixes are excluded from the allocation for other nodes. For an address family that is not listed, the node is
allocated a block as usual.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 {
    attach lan
    pod-cidr 10.244.7.0/24
  }
  node n2 { attach lan }
}
`,
  },
  {
    keyword: "labels",
    in: ["node", "nodes", "namespace", "pod", "workload"],
    args: [{ name: "labels", type: { kind: "label" }, many: true, summary: "Labels as key=value" }],
    repeat: "many",
    summary: "Kubernetes labels",
    documentation: `Matched by the selectors of services and policies. A later value for a key replaces an earlier value. The labels of a
deployment apply to its pods.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 {
    attach lan
    labels zone=a disk=ssd
  }
  namespace shop {
    labels team=shop
    pod web { labels app=web tier=front }
  }
}
`,
  },
  {
    keyword: "namespace",
    in: ["cluster"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the namespace" }],
    defines: "namespace",
    block: "namespace",
    repeat: "many",
    summary: "A Kubernetes namespace with its workloads",
    documentation: `Pods in the namespace are referred to as \`shop/web\`, in full \`prod/shop/web\`. Pods declared directly in the cluster
are in the namespace \`default\`, which needs no statement. Several \`namespace\` blocks with the same name declare one
namespace.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 { attach lan }
  namespace shop {
    pod web
    deployment api replicas 3
  }
}
expect shop/web -> shop/api reachable
`,
  },
];
