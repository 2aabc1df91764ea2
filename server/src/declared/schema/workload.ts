/** Pods and the workloads that create them. */
import type { ArgSpec, KeywordSpec } from "./types.ts";

const places = ["cluster", "namespace"];

const name: ArgSpec = { name: "name", type: { kind: "name" }, summary: "Name of the workload" };
const replicas: ArgSpec = {
  name: "replicas",
  type: { kind: "number", min: 0, max: 2_147_483_647, unit: "pods" },
  after: "replicas",
  summary: "Number of pods",
};
const on: ArgSpec = {
  name: "on",
  type: { kind: "ref", to: ["node"] },
  after: "on",
  optional: true,
  summary: "Node that runs the pods",
  default: "round robin over the nodes, in declaration order",
};

const listened: readonly ArgSpec[] = [
  {
    name: "ports",
    type: { kind: "ports", protocol: true, range: true },
    many: true,
    summary: "Ports with protocol: 8080/tcp, 53/udp; tcp by default",
  },
  {
    name: "as",
    type: { kind: "port-name" },
    after: "as",
    optional: true,
    summary: "Port name that policies and services can refer to",
  },
];
const answered = `A packet to any other port of the address is rejected with a TCP reset or ICMP port unreachable. In a pod or host, the
process is named after the pod or host. Protocols: tcp (default), udp, sctp.`;

const placement = `Without \`on\`, pods are distributed round robin: the first pod runs on the first node, the second on the second, and so
on, continuing from workload to workload. This is a simplified, deterministic form of what kube-scheduler does.`;

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
    args: [
      { ...name, summary: "Name of the pod" },
      { ...on, summary: "Node that runs the pod" },
    ],
    defines: "pod",
    block: "pod",
    repeat: "many",
    summary: "One pod",
    documentation: `The containers of a pod share one network namespace. The pod has one address per family from its node's pod CIDR; with
\`host-network\`, it uses the node's network namespace instead.

${placement}`,
    example: shop,
  },
  {
    keyword: "deployment",
    in: places,
    args: [name, replicas, on],
    defines: "workload",
    block: "workload",
    repeat: "many",
    summary: "A set of identical pods",
    documentation: `The pods are named name-0, name-1, … so that you can refer to them; real names end in random characters.

${placement}`,
    example: shop,
  },
  {
    keyword: "statefulset",
    in: places,
    args: [name, replicas, on],
    defines: "workload",
    block: "workload",
    repeat: "many",
    summary: "A set of identical pods with stable names",
    documentation: `The pods are named name-0, name-1, … as in Kubernetes.

${placement}`,
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
    documentation: `The pods are named after their nodes: \`logs-n1\`. Their addresses are allocated in declaration order, at the position
of this statement.`,
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
        summary: "One address per family",
        default: "the next free address in the node's pod CIDR",
      },
    ],
    repeat: "once",
    summary: "The pod's address, instead of an allocated one",
    documentation: `Use it if the address is known: copied from a running cluster, or set with host-local's \`ips\` argument. The address is
not allocated to other pods. Without \`on\`, the pod runs on the node whose pod CIDR contains the address.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 { attach lan }
  pod dns on n1 { address 10.244.0.53 }
}
`,
  },
  {
    keyword: "owner",
    in: ["pod"],
    args: [
      {
        name: "kind",
        type: {
          kind: "enum",
          values: [
            { value: "deployment", summary: "A Deployment, or another workload with interchangeable pods" },
            { value: "statefulset", summary: "A StatefulSet" },
            { value: "daemonset", summary: "A DaemonSet" },
          ],
        },
        summary: "Kind of the workload",
      },
      { name: "workload", type: { kind: "name" }, summary: "Name of the workload" },
    ],
    repeat: "once",
    summary: "The workload that created the pod",
    documentation: `Pods of a running cluster have their own names, addresses, and nodes (\`metadata.ownerReferences\`). The pods with one owner
are one endpoint of \`knet matrix\` and \`knet diff\`, and the workload's name refers to the first of them. The workload is not declared
separately; a \`deployment\` statement of the same name adds further pods.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 { attach lan }
  namespace shop {
    pod web-7d9f8-x2x7k on n1 {
      owner deployment web
      address 10.244.0.17
      listen 8080/tcp
    }
  }
}
`,
  },
  {
    keyword: "host-network",
    in: ["pod", "workload"],
    args: [],
    repeat: "once",
    summary: "Uses the node's network namespace",
    documentation: `\`hostNetwork: true\`: the pod has no interface or address, and its ports are ports of the node. Pod network rules and
NetworkPolicy do not apply to it, and it does not use an address of the node pod CIDR.`,
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
    documentation: `The containers of a pod share its address and reach each other at 127.0.0.1, so no two of them can listen on the same
port. The path is the pod's path plus the container name: \`shop/web/nginx\`.`,
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
        summary: "Port of the node that is forwarded to this port (hostPort)",
      },
    ],
    repeat: "many",
    summary: "Ports that the process listens on, on all addresses",
    documentation: `${answered}

\`host-port 80\` is Kubernetes' \`hostPort\`: the portmap plugin redirects packets for that port of the node's addresses
to the pod (DNAT).`,
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
    summary: "Ports that the process listens on, on all addresses",
    documentation: answered,
    example: `segment lan { cidr 192.168.10.0/24 }
host dns {
  attach lan 192.168.10.53
  listen 53/udp 53/tcp
}
`,
  },
];
