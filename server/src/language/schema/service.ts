/** Services and the program that makes them work on every node. */
import type { ArgSpec, KeywordSpec } from "./types.ts";

const shop = `segment lan { cidr 192.168.10.0/24; gateway tor }
router tor { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  kube-proxy iptables
  node n1 { attach lan }
  node n2 { attach lan }
  namespace shop {
    pod web
    deployment api replicas 3 {
      labels app=api
      container api { listen 9090/tcp as http }
    }
    service api {
      select app=api
      port 80 -> 9090/tcp name http
    }
  }
}
`;

const withService = (lines: string, cluster = ""): string => `segment lan { cidr 192.168.10.0/24; gateway tor }
router tor { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
${cluster}  node n1 { attach lan }
  node n2 { attach lan }
  deployment api replicas 3 {
    labels app=api
    listen 9090/tcp
  }
  service api {
    select app=api
    port 80 -> 9090/tcp
${lines}  }
}
`;

const traffic = (name: string, summary: string): ArgSpec => ({
  name: "policy",
  type: {
    kind: "enum",
    values: [
      { value: "cluster", summary: "all endpoints of the service" },
      { value: "local", summary },
    ],
  },
  summary: name,
  default: "cluster",
});

export const service: readonly KeywordSpec[] = [
  {
    keyword: "service",
    in: ["cluster", "namespace"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the service" }],
    defines: "service",
    block: "service",
    repeat: "many",
    summary: "One address in front of several pods",
    documentation: `A virtual address (ClusterIP) that exists only in the rules that kube-proxy makes on every node: a packet to it and to one of the
service's ports is sent on to one of its endpoints. No interface owns it, so that it answers no ping (with IPVS a dummy device does).
Its path is that of a pod: \`shop/api\`. As the end of a trace a name means the service before a pod or workload that is
called the same; a sender is always a pod.`,
    example: shop,
  },
  {
    keyword: "type",
    in: ["service"],
    args: [
      {
        name: "type",
        type: {
          kind: "enum",
          values: [
            { value: "cluster-ip", summary: "reachable from the nodes and pods of the cluster" },
            { value: "node-port", summary: "and on one port of every node" },
            { value: "load-balancer", summary: "and at an address of a load balancer outside" },
            { value: "external-name", summary: "a DNS alias (CNAME); no address and no rules" },
            { value: "headless", summary: "no address: DNS gives the endpoints (clusterIP: None)" },
          ],
        },
        summary: "How it is reached",
      },
    ],
    repeat: "once",
    default:
      "cluster-ip; external-name, load-balancer or node-port where `external-name`, `load-balancer-ip` or a node port is given",
    summary: "How the service is reached",
    documentation: `Each type has what the one before it has: a \`load-balancer\` has a node port, a \`node-port\` a ClusterIP. \`headless\` is Kubernetes'
\`clusterIP: None\`, which is a property there and a type here.`,
    example: withService("    type node-port\n"),
  },
  {
    keyword: "select",
    in: ["service"],
    args: [{ name: "labels", type: { kind: "label" }, many: true, summary: "Labels that a pod must all have" }],
    repeat: "once",
    summary: "Which pods of the namespace are its endpoints",
    documentation: `Pods of the same namespace with all these labels. Without a selector the endpoints are those that \`endpoint\` names, as with an
EndpointSlice written by hand.`,
    example: shop,
  },
  {
    keyword: "port",
    in: ["service"],
    args: [
      {
        name: "port",
        type: { kind: "ports", protocol: true, range: false },
        summary: "The service's own port: 80, 53/udp; tcp where none is written",
      },
      {
        name: "target",
        type: { kind: "ports", protocol: true, range: false, named: true },
        after: "->",
        optional: true,
        summary: "The pods' port: a number, or the name of a port of their containers",
        default: "the same number",
      },
      {
        name: "name",
        type: { kind: "name" },
        after: "name",
        optional: true,
        summary: "The port's name; needed where there are several",
      },
      {
        name: "node-port",
        type: { kind: "number", min: 1, max: 65535 },
        after: "node-port",
        optional: true,
        summary: "The port on every node",
        default: "the next free one of the range, upper band first, for types that have one",
      },
    ],
    repeat: "many",
    summary: "A port of the service and where it leads",
    documentation: `\`port 80 -> 9090/tcp\` is \`port: 80, targetPort: 9090\`. The protocol may stand at either end. A name as target is looked up in each pod:
pods without a port of that name are no endpoints of this port.`,
    example: shop,
  },
  {
    keyword: "node-port",
    in: ["service"],
    args: [{ name: "port", type: { kind: "number", min: 1, max: 65535 }, summary: "The port on every node" }],
    repeat: "once",
    summary: "The node port of a service with one port",
    documentation: `The same as \`node-port\` behind the first \`port\`. It makes the service a \`node-port\` one where no type is given.`,
    example: withService("    node-port 30080\n"),
  },
  {
    keyword: "cluster-ip",
    in: ["service"],
    args: [
      {
        name: "addresses",
        type: { kind: "address" },
        many: true,
        summary: "One address a family",
        default: "the next free one, upper band of the range first",
      },
    ],
    repeat: "once",
    summary: "The service's own address, instead of an allocated one",
    documentation: `It must lie in the cluster's \`services\` range and be free. Kubernetes allocates from the upper part of the range first; the
lower min(max(16, size/16), 256) addresses are meant for stated ones (pkg/registry/core/service/ipallocator). The first address of the
range is that of the API server's own service \`kubernetes\`. knet takes the next free address where Kubernetes takes a random one.`,
    example: withService("    cluster-ip 10.96.0.20\n"),
  },
  {
    keyword: "families",
    in: ["service"],
    args: [
      {
        name: "families",
        type: {
          kind: "enum",
          values: [
            { value: "ipv4", summary: "IPv4" },
            { value: "ipv6", summary: "IPv6" },
          ],
        },
        many: true,
        summary: "ipv4, ipv6 or both, the first one first",
        default: "the family of the cluster's first services range",
      },
    ],
    repeat: "once",
    summary: "The address families of the service",
    documentation: "`ipFamilies`; both of them are dual stack (`ipFamilyPolicy: RequireDualStack`).",
    example: `segment lan { cidr 192.168.10.0/24; cidr fd00:10::/64 }
cluster prod {
  pods 10.244.0.0/16
  pods fd00:10:244::/56
  services 10.96.0.0/12
  services fd00:10:96::/112
  cni flannel { backend vxlan }
  node n1 { attach lan }
  pod api { labels app=api; listen 9090 }
  service api {
    select app=api
    families ipv4 ipv6
    port 80 -> 9090
  }
}
`,
  },
  {
    keyword: "external-ip",
    in: ["service"],
    args: [{ name: "addresses", type: { kind: "address" }, many: true, summary: "Addresses that lead to nodes" }],
    repeat: "many",
    summary: "Further addresses at which nodes accept the service's packets",
    documentation: `\`externalIPs\`. kube-proxy translates packets to them on every node that they come to; that they come there is a matter of
routes outside. Whoever may write them can take over addresses (CVE-2020-8554).`,
    example: withService("    external-ip 203.0.113.7\n"),
  },
  {
    keyword: "load-balancer-ip",
    in: ["service"],
    args: [{ name: "addresses", type: { kind: "address" }, many: true, summary: "One address a family" }],
    repeat: "once",
    summary: "The address of the load balancer",
    documentation: `\`status.loadBalancer.ingress\`: what the load balancer gave the service. Who takes packets to it is said by the cluster's \`load-balancer\`.`,
    example: withService(
      "    load-balancer-ip 192.168.10.200\n    load-balancer-source-ranges 203.0.113.0/24\n",
      "  load-balancer l2\n",
    ),
  },
  {
    keyword: "load-balancer-source-ranges",
    in: ["service"],
    args: [{ name: "prefixes", type: { kind: "prefix" }, many: true, summary: "Prefixes of clients" }],
    repeat: "once",
    summary: "Clients that may use the load balancer's address",
    documentation: `\`loadBalancerSourceRanges\`: kube-proxy drops other sources at the load balancer's address (KUBE-FW chains). Node ports stay open to all.`,
    example: withService(
      "    load-balancer-ip 192.168.10.200\n    load-balancer-source-ranges 203.0.113.0/24\n",
      "  load-balancer l2\n",
    ),
  },
  {
    keyword: "external-traffic-policy",
    in: ["service"],
    args: [
      traffic(
        "Which endpoints packets from outside go to",
        "those of the receiving node only, the client's address is kept",
      ),
    ],
    repeat: "once",
    default: "cluster",
    summary: "Whether packets from outside stay on the node that receives them",
    documentation: `\`externalTrafficPolicy\`. With \`cluster\` every node passes packets on to any endpoint, with its own address as source, so that the
answer comes back by it: the client's address is lost. With \`local\` a node serves with its own endpoints only and keeps the source; a node
without one drops the packet (IPVS sends it to another node, whose answer the client discards). Pods of the cluster are served by all
endpoints in any case.`,
    example: withService("    type node-port\n    external-traffic-policy local\n"),
  },
  {
    keyword: "internal-traffic-policy",
    in: ["service"],
    args: [traffic("Which endpoints packets to the ClusterIP go to", "those of the sender's node only")],
    repeat: "once",
    default: "cluster",
    summary: "Whether packets to the ClusterIP stay on the sender's node",
    documentation: `\`internalTrafficPolicy\`. With \`local\` a node without an endpoint drops packets to the ClusterIP.`,
    example: withService("    internal-traffic-policy local\n"),
  },
  {
    keyword: "session-affinity",
    in: ["service"],
    args: [
      {
        name: "affinity",
        type: {
          kind: "enum",
          values: [
            { value: "none", summary: "each connection may go to another endpoint" },
            { value: "client-ip", summary: "connections of one source go to the same endpoint" },
          ],
        },
        summary: "By what connections belong together",
      },
      {
        name: "timeout",
        type: { kind: "number", min: 1, max: 86_400, unit: "seconds" },
        after: "timeout",
        optional: true,
        summary: "For how long after the last connection",
        default: "10800",
      },
    ],
    repeat: "once",
    default: "none",
    summary: "Whether a client keeps its endpoint",
    documentation: `\`sessionAffinity: ClientIP\`. Each node remembers for itself, by the source that it sees. A trace is of the first connection, for which any
endpoint may be chosen.`,
    example: withService("    session-affinity client-ip timeout 3600\n"),
  },
  {
    keyword: "publish-not-ready",
    in: ["service"],
    args: [],
    repeat: "once",
    summary: "Pods that are not ready are endpoints too",
    documentation:
      "`publishNotReadyAddresses`, used with headless services of stateful sets that must find each other while they start.",
    example: withService("    publish-not-ready\n"),
  },
  {
    keyword: "health-check-node-port",
    in: ["service"],
    args: [{ name: "port", type: { kind: "number", min: 1, max: 65535 }, summary: "A port of every node" }],
    repeat: "once",
    default: "the next free one of the node port range",
    summary: "Where a load balancer asks whether a node has endpoints",
    documentation: `\`healthCheckNodePort\`, for type \`load-balancer\` with \`external-traffic-policy local\`: kube-proxy answers there with 200 on nodes that have a ready
endpoint, with 503 on the others.`,
    example: withService(
      "    load-balancer-ip 192.168.10.200\n    external-traffic-policy local\n    health-check-node-port 30999\n",
      "  load-balancer l2\n",
    ),
  },
  {
    keyword: "endpoint",
    in: ["service"],
    args: [
      {
        name: "addresses",
        type: { kind: "endpoint", port: true, addressOnly: true },
        many: true,
        summary: "An address, with a port where it is not the target of the service's port: 10.0.0.5:8080",
      },
    ],
    repeat: "many",
    summary: "An endpoint written by hand",
    documentation: `An EndpointSlice for a service without a selector: a database outside, a server that has moved.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach lan }
  service db {
    port 5432
    endpoint 192.168.10.90:5432
  }
}
host db { attach lan 192.168.10.90; listen 5432 }
`,
  },
  {
    keyword: "external-name",
    in: ["service"],
    args: [{ name: "name", type: { kind: "name", alias: true }, summary: "A DNS name" }],
    repeat: "once",
    summary: "The name that DNS answers with",
    documentation: `\`externalName\`: the cluster's DNS answers with a CNAME; no address, no rule, and the service's ports are not used. In knet the name means a
host that is called so, or a service by its DNS name.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  node n1 { attach lan }
  service db { external-name db.example.com }
}
host db.example.com { attach lan 192.168.10.90; listen 5432 }
`,
  },
  {
    keyword: "traffic-distribution",
    in: ["service"],
    args: [
      {
        name: "preference",
        type: {
          kind: "enum",
          values: [
            { value: "prefer-same-zone", summary: "endpoints in the node's zone, where there are any" },
            { value: "prefer-close", summary: "the older name of prefer-same-zone" },
            { value: "prefer-same-node", summary: "endpoints on the node itself, then in its zone" },
          ],
        },
        summary: "Which endpoints are preferred",
      },
    ],
    repeat: "once",
    summary: "Whether near endpoints are preferred",
    documentation: `\`trafficDistribution\` (KEP-4444, KEP-3015). The zone is the node's label \`topology.kubernetes.io/zone\`. All endpoints are used where the preferred
ones are none.`,
    example: withService("    traffic-distribution prefer-same-zone\n"),
  },
  {
    keyword: "not-ready",
    in: ["pod", "workload"],
    args: [],
    repeat: "once",
    summary: "Its readiness probe fails",
    documentation: "Such pods run and answer, but are no endpoints of services, unless these `publish-not-ready`.",
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 { attach lan }
  pod api {
    not-ready
    labels app=api
  }
}
`,
  },
  {
    keyword: "node-port-range",
    in: ["cluster"],
    args: [
      {
        name: "ports",
        type: { kind: "ports", protocol: false, range: true },
        summary: "First and last port",
        default: "30000-32767",
      },
    ],
    repeat: "once",
    summary: "The ports of the nodes that services may have",
    documentation: `kube-apiserver's \`--service-node-port-range\`. It should not meet the range from which hosts take the source ports of their own
connections (net.ipv4.ip_local_port_range, 32768 to 60999). Of the range the first 86 are left to stated ports while others are free.`,
    example: withService("    type node-port\n", "  node-port-range 30000-30999\n"),
  },
  {
    keyword: "dns-domain",
    in: ["cluster"],
    args: [{ name: "domain", type: { kind: "name" }, summary: "The cluster's domain", default: "cluster.local" }],
    repeat: "once",
    summary: "What the names of services end with",
    documentation: "kubelet's `clusterDomain`: a service is called `api.shop.svc.cluster.local`.",
    example: withService("", "  dns-domain prod.example\n"),
  },
  {
    keyword: "kube-proxy",
    in: ["cluster"],
    args: [
      {
        name: "mode",
        type: {
          kind: "enum",
          values: [
            { value: "iptables", summary: "chains of netfilter rules; the default on Linux" },
            { value: "nftables", summary: "a table of nftables with maps; since Kubernetes 1.33 stable" },
            { value: "ipvs", summary: "the kernel's load balancer; deprecated since Kubernetes 1.35" },
            { value: "none", summary: "no kube-proxy: services do not work unless the CNI plugin does it" },
          ],
        },
        summary: "How services are made to work on the nodes",
      },
    ],
    block: "kube-proxy",
    repeat: "once",
    default: "iptables",
    summary: "The mode of kube-proxy and its settings",
    documentation: `kube-proxy runs on every node and turns services into rules of the kernel; packets never pass through it. \`iptables\` is what it takes on
Linux without a setting (cmd/kube-proxy/app/server_linux.go).`,
    example: shop,
  },
  {
    keyword: "cluster-cidr",
    in: ["kube-proxy"],
    args: [{ name: "prefixes", type: { kind: "prefix" }, many: true, summary: "One prefix a family" }],
    repeat: "once",
    default: "the cluster's pods ranges",
    summary: "Which sources are pods",
    documentation: `\`--cluster-cidr\`: packets to a ClusterIP from any other source get the node's address as source, so that the answer comes back by the same
node. Too wide, packets of nodes are not translated; too narrow, packets of pods are.`,
    example: withService("", "  kube-proxy iptables { cluster-cidr 10.244.0.0/16 }\n"),
  },
  {
    keyword: "detect-local",
    in: ["kube-proxy"],
    args: [
      {
        name: "mode",
        type: {
          kind: "enum",
          values: [
            { value: "cluster-cidr", summary: "by `cluster-cidr`" },
            { value: "node-cidr", summary: "by the node's own pod CIDR" },
            { value: "bridge-interface", summary: "by the bridge by which they come in" },
            { value: "interface-name-prefix", summary: "by how the name of the device begins by which they come in" },
          ],
        },
        summary: "By what pods are told from others",
      },
      {
        name: "interface",
        type: { kind: "device" },
        optional: true,
        summary: "The bridge, or how the names begin",
      },
    ],
    repeat: "once",
    default: "cluster-cidr",
    summary: "How kube-proxy tells the packets of its node's pods from others",
    documentation: "`detectLocalMode` with `bridgeInterface` or `interfaceNamePrefix`.",
    example: withService("", "  kube-proxy iptables { detect-local bridge-interface cni0 }\n"),
  },
  {
    keyword: "masquerade-all",
    in: ["kube-proxy"],
    args: [{ name: "value", type: { kind: "boolean" }, optional: true, summary: "true or false", default: "true" }],
    repeat: "once",
    default: "false",
    summary: "Translates the source of every packet to a ClusterIP",
    documentation: "`masqueradeAll`: pods too are seen with their node's address.",
    example: withService("", "  kube-proxy iptables { masquerade-all }\n"),
  },
  {
    keyword: "masquerade-bit",
    in: ["kube-proxy"],
    args: [{ name: "bit", type: { kind: "number", min: 0, max: 31 }, summary: "Number of the bit", default: "14" }],
    repeat: "once",
    default: "14",
    summary: "The bit of the packet's mark that says: to be masqueraded",
    documentation:
      "`iptables.masqueradeBit`: 14 makes the mark 0x4000, which other programs know (flannel returns on it).",
    example: withService("", "  kube-proxy iptables { masquerade-bit 15 }\n"),
  },
  {
    keyword: "localhost-node-ports",
    in: ["kube-proxy"],
    args: [{ name: "value", type: { kind: "boolean" }, summary: "true or false", default: "true" }],
    repeat: "once",
    default: "true",
    summary: "Node ports answer on 127.0.0.1 of the nodes, too",
    documentation: "`iptables.localhostNodePorts`, IPv4 and iptables mode only; kube-proxy then sets route_localnet.",
    example: withService("", "  kube-proxy iptables { localhost-node-ports false }\n"),
  },
  {
    keyword: "node-port-addresses",
    in: ["kube-proxy"],
    args: [
      {
        name: "primary",
        flag: true,
        summary: "The node's own first address a family: what nftables mode does by itself",
      },
      { name: "prefixes", type: { kind: "prefix" }, many: true, optional: true, summary: "Ranges of node addresses" },
    ],
    atLeastOneOf: ["primary", "prefixes"],
    repeat: "once",
    default: "all addresses of the node; in nftables mode primary",
    summary: "At which of a node's addresses node ports answer",
    documentation: "`nodePortAddresses`: node addresses outside these ranges do not answer on node ports.",
    example: withService("", "  kube-proxy iptables { node-port-addresses 192.168.10.0/24 }\n"),
  },
  {
    keyword: "scheduler",
    in: ["kube-proxy"],
    args: [
      {
        name: "scheduler",
        type: {
          kind: "enum",
          values: [
            { value: "rr", summary: "round robin" },
            { value: "wrr", summary: "weighted round robin; all weights are 1" },
            { value: "lc", summary: "fewest connections" },
            { value: "wlc", summary: "weighted fewest connections" },
            { value: "sh", summary: "by the source's hash: always the same endpoint" },
            { value: "dh", summary: "by the destination's hash" },
            { value: "mh", summary: "Maglev hash" },
            { value: "sed", summary: "shortest expected delay" },
            { value: "nq", summary: "never queue" },
          ],
        },
        summary: "Name of the kernel's scheduler",
        default: "rr",
      },
    ],
    repeat: "once",
    default: "rr",
    summary: "How IPVS chooses an endpoint",
    documentation: "`ipvs.scheduler`, ipvs mode only. A trace shows every endpoint that may be chosen.",
    example: withService("", "  kube-proxy ipvs { scheduler lc }\n"),
  },
  {
    keyword: "strict-arp",
    in: ["kube-proxy"],
    args: [{ name: "value", type: { kind: "boolean" }, optional: true, summary: "true or false", default: "true" }],
    repeat: "once",
    default: "false",
    summary: "Nodes do not answer ARP for the addresses on kube-ipvs0",
    documentation: `\`ipvs.strictARP\`: sets arp_ignore=1 and arp_announce=2. Without it every node answers for every load balancer's address; MetalLB's layer-2
mode needs it.`,
    example: withService("", "  kube-proxy ipvs { strict-arp }\n"),
  },
  {
    keyword: "load-balancer",
    in: ["cluster"],
    args: [
      {
        name: "kind",
        type: {
          kind: "enum",
          values: [
            { value: "l2", summary: "one node answers ARP for the address (MetalLB layer 2, kube-vip)" },
            { value: "bgp", summary: "a router has a route by every node that serves it (MetalLB BGP)" },
            {
              value: "proxy",
              summary: "a station with the address sends packets to the nodes' node ports, with its own source",
            },
            {
              value: "pass-through",
              summary: "a station sends packets on to the nodes unchanged; answers go directly (DSR)",
            },
          ],
        },
        summary: "How packets come to the nodes",
      },
      {
        name: "by",
        type: { kind: "ref", to: ["router"] },
        after: "by",
        optional: true,
        summary: "The router that does it; for bgp, proxy and pass-through",
      },
    ],
    repeat: "once",
    default: "nobody: load balancers' addresses lead nowhere",
    summary: "Who takes packets to the load balancers' addresses",
    documentation: `Nodes are asked whether they are healthy: with \`external-traffic-policy local\` only those with a ready endpoint are used.

- \`l2\`: the address lies in a segment of the nodes; the first healthy node there answers for it. Failover, not balancing.
- \`bgp\`: the router has a route to the address by each healthy node (ECMP).
- \`proxy\`: the router owns the address and translates to a healthy node's address and node port and its own source: the cluster never sees
  the client's address.
- \`pass-through\`: the router sends the packet to a healthy node as it is; the node knows the address by kube-proxy's rules.`,
    example: withService("    load-balancer-ip 192.168.10.200\n", "  load-balancer l2\n"),
  },
];
