/** Pods and what makes them. */
import type { ArgSpec, KeywordSpec } from "./types.ts";

const places = ["cluster", "namespace"];

const name: ArgSpec = { name: "name", type: { kind: "name" }, summary: "Name of the workload" };
const replicas: ArgSpec = {
  name: "replicas",
  type: { kind: "number", min: 0, max: 1_000_000, unit: "pods" },
  after: "replicas",
  summary: "Number of pods",
};
const on: ArgSpec = {
  name: "on",
  type: { kind: "ref", to: ["node"] },
  after: "on",
  optional: true,
  summary: "The node on which they run",
  default: "round robin over the nodes, in order of declaration",
};

const listened: readonly ArgSpec[] = [
  {
    name: "ports",
    type: { kind: "ports", protocol: true, range: true },
    many: true,
    summary: "Ports with their protocol: 8080/tcp, 53/udp; tcp where none is written",
  },
  {
    name: "as",
    type: { kind: "port-name" },
    after: "as",
    optional: true,
    summary: "Their name, by which policies and services refer to them",
  },
];
const answered = `A packet to any other port of that address is answered with a TCP reset or ICMP port unreachable. In a pod or host the statement
stands for a process of that name. Protocols: tcp (default), udp, sctp.`;

const placement = `Without \`on\` pods are spread: the first one goes to the first node, the next one to the second and so on, continuing
from workload to workload. This is a simplification of kube-scheduler that gives the same result each time.`;

const shop = `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 { attach lan }
  node n2 { attach lan }
  namespace shop {
    pod web on n1 {
      labels app=web
      container nginx { listen 8080/tcp }
      container metrics { listen 9090/tcp }
    }
    deployment api replicas 3 {
      container api { listen 9090/tcp }
    }
    statefulset db replicas 2 on n2 { listen 5432/tcp }
    daemonset logs {
      host-network
      listen 24224/tcp
    }
  }
}
`;

export const workload: readonly KeywordSpec[] = [
  {
    keyword: "pod",
    in: places,
    args: [{ ...name, summary: "Name of the pod" }, on],
    defines: "pod",
    block: "pod",
    repeat: "many",
    summary: "One pod",
    documentation: `A network namespace of its own, which its containers share, with one address a family from its node's range (or the node's
namespace, with \`host-network\`). ${placement}`,
    example: shop,
  },
  {
    keyword: "deployment",
    in: places,
    args: [name, replicas, on],
    defines: "workload",
    block: "workload",
    repeat: "many",
    summary: "A number of equal pods",
    documentation: `The pods are called name-0, name-1 …, so that they can be referred to; real names end in random letters. ${placement}`,
    example: shop,
  },
  {
    keyword: "statefulset",
    in: places,
    args: [name, replicas, on],
    defines: "workload",
    block: "workload",
    repeat: "many",
    summary: "A number of equal pods with fixed names",
    documentation: `The pods are called name-0, name-1 … as in Kubernetes. ${placement}`,
    example: shop,
  },
  {
    keyword: "daemonset",
    in: places,
    args: [name],
    defines: "workload",
    block: "workload",
    repeat: "many",
    summary: "One pod on every node",
    documentation: `The pods are called after their nodes: \`logs-n1\`. They take a place in the order in which a node gives out addresses
where the statement stands.`,
    example: shop,
  },
  {
    keyword: "address",
    in: ["pod"],
    args: [
      {
        name: "addresses",
        type: { kind: "address" },
        many: true,
        summary: "One address a family",
        default: "the next free address of the node's range",
      },
    ],
    repeat: "once",
    summary: "The pod's own address, instead of an allocated one",
    documentation: `For a pod whose address is known: taken from a running cluster, or fixed with host-local's \`ips\` argument. Other pods never get
it. Without \`on\` the pod runs on the node to whose range the address belongs.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 { attach lan }
  pod dns on n1 { address 10.244.0.53 }
}
`,
  },
  {
    keyword: "host-network",
    in: ["pod", "workload"],
    args: [],
    repeat: "once",
    summary: "Runs in the node's network namespace",
    documentation: `\`hostNetwork: true\`: no interface and no address of its own; ports are the node's. Such pods are outside every pod network rule and
NetworkPolicy, and take no address of the node's range.`,
    example: shop,
  },
  {
    keyword: "container",
    in: ["pod", "workload"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the container" }],
    defines: "container",
    block: "container",
    repeat: "many",
    summary: "A container of the pod",
    documentation: `The containers of a pod share its address and reach each other by 127.0.0.1, so two of them cannot listen on the same port.
The path is the pod's with the container's name behind it: \`shop/web/nginx\`.`,
    example: shop,
  },
  {
    keyword: "listen",
    in: ["container", "pod", "workload"],
    args: [
      ...listened,
      {
        name: "host-port",
        type: { kind: "number", min: 1, max: 65535 },
        after: "host-port",
        optional: true,
        summary: "Port of the node that leads here",
      },
    ],
    repeat: "many",
    summary: "Ports on which the process listens, on all addresses",
    documentation: `${answered}

\`host-port 80\` is Kubernetes' \`hostPort\`: the portmap plugin translates packets to that port of the node's own addresses.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach lan 192.168.10.11 }
  pod web on n1 {
    container nginx { listen 8080/tcp as http host-port 80 }
    container metrics { listen 9090/tcp }
  }
}
`,
  },
  {
    keyword: "listen",
    in: ["daemon", "host"],
    args: listened,
    repeat: "many",
    summary: "Ports on which the process listens, on all addresses",
    documentation: answered,
    example: `segment lan { cidr 192.168.10.0/24 }
host dns {
  attach lan 192.168.10.53
  listen 53/udp 53/tcp
}
`,
  },
];
