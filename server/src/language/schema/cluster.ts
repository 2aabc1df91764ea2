/** What stands in a cluster, except its CNI settings and its workloads. */
import type { KeywordSpec } from "./types.ts";

/** No pool is larger; Kubernetes itself is tested to 5,000 nodes. */
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
        summary: "Length of a node's block",
        default: "/24, for IPv6 /64",
      },
    ],
    repeat: "many",
    summary: "The range of the pods' addresses; one statement a family",
    documentation: `kube-controller-manager's \`--cluster-cidr\` and \`--node-cidr-mask-size\` (24 for IPv4, 64 for IPv6). It cuts the range into
blocks of that length and gives each node the next one in order of registration, here of declaration. Blocks that overlap
the service range or a \`pod-cidr\` are left out. Nodes that find no block stay NotReady. For dual stack the statement is
written twice, once for each family (pkg/controller/nodeipam/ipam/cidrset).`,
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
    args: [{ name: "prefix", type: { kind: "prefix" }, summary: "The range of the ClusterIPs" }],
    repeat: "many",
    summary: "The range of the services' virtual addresses; one statement a family",
    documentation: `kube-apiserver's \`--service-cluster-ip-range\`. It must be disjoint from pods and nodes: an address in both is translated to
some service before it is routed. kubeadm's default is 10.96.0.0/12; without the statement knet assumes none.`,
    example: small,
  },
  {
    keyword: "max-pods",
    in: ["cluster"],
    args: [
      {
        name: "value",
        type: { kind: "number", min: 1, max: 100_000, unit: "pods" },
        summary: "Pods a node",
        default: "110",
      },
    ],
    repeat: "once",
    default: "110",
    summary: "How many pods kubelet starts on a node",
    documentation: `kubelet's \`maxPods\`, by default 110, host network pods included. A node's block should hold twice as many addresses, since host-local
gives an address out again only after all others (KubeletConfiguration v1beta1).`,
    example: small,
  },
  {
    keyword: "docker-bridge",
    in: ["cluster", "node", "nodes"],
    args: [
      {
        name: "address",
        type: { kind: "interface-address", lengthRequired: true },
        summary: "Address and length of docker0",
        default: "172.17.0.1/16 with cni docker, otherwise no bridge",
      },
    ],
    repeat: "once",
    summary: "The nodes have docker0 with this address",
    documentation: `Docker's \`bip\`. docker0 exists on every machine on which dockerd runs, also where Kubernetes does not use it, and its connected
route takes its range away from everything else: pods, services and company networks inside 172.17.0.0/16 are unreachable from
there. In a cluster it holds for all nodes, in a node for that one.`,
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
    summary: "One machine of the cluster",
    documentation: `Its path is the cluster's name and its own: \`prod/n1\`. Order matters: pod CIDRs, allocated addresses and pods without \`on\`
go to the nodes in the order in which they are declared.`,
    example: small,
  },
  {
    keyword: "nodes",
    in: ["cluster"],
    args: [
      { name: "name", type: { kind: "name" }, summary: "What the names begin with" },
      {
        name: "range",
        type: { kind: "index-range", max: maxNodes },
        summary: "Numbers of the first and the last one: 1..50, 001..050",
      },
    ],
    defines: "node",
    block: "nodes",
    repeat: "many",
    summary: "A pool of equal machines",
    documentation: `\`nodes w 1..50\` declares w1 to w50, \`nodes w- 01..50\` w-01 to w-50. Everything in the block holds for each of them; an address
after \`attach\` is that of the first, the others count up from it. A pool has at most 100,000 nodes; Kubernetes is tested to 5,000 in a
cluster (kubernetes.io, Considerations for large clusters).`,
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
    keyword: "pod-cidr",
    in: ["node"],
    args: [
      {
        name: "prefixes",
        type: { kind: "prefix" },
        many: true,
        summary: "One prefix a family",
        default: "the next free block of the cluster's pods range",
      },
    ],
    repeat: "once",
    summary: "The node's own pod range, instead of an allocated one",
    documentation: `\`node.spec.podCIDRs\`, as it would be set by hand or by a cloud's controller. It never changes while a node lives. The
allocation for the other nodes leaves it out. For a family that it does not name the node gets a block as usual.`,
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
    documentation: `What selectors of services and policies look at. A later value of the same key replaces an earlier one. Labels of a
deployment are those of its pods.`,
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
    documentation: `Pods inside are called \`shop/web\`, in full \`prod/shop/web\`. Pods that stand in the cluster itself are in the namespace
\`default\`, which needs no statement. A namespace may be continued in a second block.`,
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
