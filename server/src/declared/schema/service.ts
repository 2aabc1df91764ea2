/** Services, and kube-proxy, which implements them on every node. */
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
      { value: "cluster", summary: "All endpoints of the service" },
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
    summary: "A single address in front of several pods",
    documentation: `A virtual IP (ClusterIP) that exists only in the rules that kube-proxy installs on every node: a packet to the
ClusterIP and a service port is forwarded to one of the endpoints. No interface owns the address, so it does not reply
to ping (except with IPVS, where a dummy device owns it). Its path is like a pod's: \`shop/api\`. If a service and a pod
or workload have the same name, the name refers to the service as a trace destination and to the pod as a trace
source.`,
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
            { value: "cluster-ip", summary: "Reachable from the cluster's nodes and pods only" },
            { value: "node-port", summary: "Like `cluster-ip`, and reachable on one port of every node" },
            { value: "load-balancer", summary: "Like `node-port`, and reachable through an external load balancer IP" },
            { value: "external-name", summary: "A DNS alias (CNAME); no address or rules" },
            { value: "headless", summary: "No address: DNS returns the endpoints (clusterIP: None)" },
          ],
        },
        summary: "Service type",
      },
    ],
    repeat: "once",
    default:
      "`cluster-ip`; `external-name`, `load-balancer`, or `node-port` if `external-name`, `load-balancer-ip`, or a node port is set",
    summary: "Service type",
    documentation: `Each type includes the previous one: a \`load-balancer\` has a node port, and a \`node-port\` has a ClusterIP. \`headless\`
is a type in knet; in Kubernetes, it is the property \`clusterIP: None\`.`,
    example: withService("    type node-port\n"),
  },
  {
    keyword: "select",
    in: ["service"],
    args: [
      { name: "labels", type: { kind: "label" }, many: true, summary: "Labels that a pod must have (all of them)" },
    ],
    repeat: "once",
    summary: "Pods of the namespace that are endpoints of the service",
    documentation: `Selects pods of the same namespace that have all of the labels. Without a selector, the endpoints are declared with
\`endpoint\`, like a manually created EndpointSlice.`,
    example: shop,
  },
  {
    keyword: "port",
    in: ["service"],
    args: [
      {
        name: "port",
        type: { kind: "ports", protocol: true, range: false },
        summary: "Service port: 80, 53/udp; tcp by default",
      },
      {
        name: "target",
        type: { kind: "ports", protocol: true, range: false, named: true },
        after: "->",
        optional: true,
        summary: "Target port: a number, or the name of a container port",
        default: "same as the service port",
      },
      {
        name: "name",
        type: { kind: "name" },
        after: "name",
        optional: true,
        summary: "Port name; required if the service has several ports",
      },
      {
        name: "node-port",
        type: { kind: "number", min: 1, max: 65535 },
        after: "node-port",
        optional: true,
        summary: "Node port",
        default: "the next free one in the node port range (upper band first), for types that have node ports",
      },
    ],
    repeat: "many",
    summary: "A service port and its target port",
    documentation: `\`port 80 -> 9090/tcp\` is \`port: 80, targetPort: 9090\`. The protocol can be set on either port. A target name is
resolved in each pod: pods without a port of that name are not endpoints of this port.`,
    example: shop,
  },
  {
    keyword: "node-port",
    in: ["service"],
    args: [{ name: "port", type: { kind: "number", min: 1, max: 65535 }, summary: "Node port" }],
    repeat: "once",
    summary: "Node port of a single-port service",
    documentation: `Same as \`node-port\` after the first \`port\`. Makes the service a \`node-port\` service if no type is set.`,
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
        summary: "One address per family",
        default: "the next free address of the service CIDR, upper band first",
      },
    ],
    repeat: "once",
    summary: "ClusterIP, instead of an allocated one",
    documentation: `It must be in the cluster's service CIDR (\`services\`) and free. Kubernetes allocates from the upper part of the range
first; the lower min(max(16, size/16), 256) addresses are intended for explicitly set ones
(pkg/registry/core/service/ipallocator). The first address of the range belongs to the \`kubernetes\` service (the API server). knet allocates the next free address; Kubernetes allocates a random one.`,
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
        summary: "ipv4, ipv6, or both (the first is the primary family)",
        default: "the family of the cluster's first service CIDR",
      },
    ],
    repeat: "once",
    summary: "Address families of the service",
    documentation: "`ipFamilies`; two families are dual stack (`ipFamilyPolicy: RequireDualStack`).",
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
    args: [
      { name: "addresses", type: { kind: "address" }, many: true, summary: "External IPs that are routed to nodes" },
    ],
    repeat: "many",
    summary: "Additional IPs that nodes accept for the service (externalIPs)",
    documentation: `Every node that receives a packet to such an address rewrites it to an endpoint (kube-proxy); external routes must
deliver the packets to a node. Anyone who can set \`externalIPs\` can take over addresses (CVE-2020-8554).`,
    example: withService("    external-ip 203.0.113.7\n"),
  },
  {
    keyword: "load-balancer-ip",
    in: ["service"],
    args: [{ name: "addresses", type: { kind: "address" }, many: true, summary: "One address per family" }],
    repeat: "once",
    summary: "Load balancer IP",
    documentation: `\`status.loadBalancer.ingress\`. The cluster's \`load-balancer\` setting defines how packets to it reach the nodes.`,
    example: withService(
      "    load-balancer-ip 192.168.10.200\n    load-balancer-source-ranges 203.0.113.0/24\n",
      "  load-balancer l2\n",
    ),
  },
  {
    keyword: "load-balancer-source-ranges",
    in: ["service"],
    args: [{ name: "prefixes", type: { kind: "prefix" }, many: true, summary: "Prefixes of the clients" }],
    repeat: "once",
    summary: "Clients that can use the load balancer IP",
    documentation: `\`loadBalancerSourceRanges\`: kube-proxy drops packets from other sources to the load balancer IP (KUBE-FW chains). Node
ports are not affected.`,
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
        "Endpoints that external packets go to",
        "endpoints on the receiving node only; preserves the client address",
      ),
    ],
    repeat: "once",
    default: "cluster",
    summary: "Whether external packets stay on the receiving node",
    documentation: `\`externalTrafficPolicy\`. With \`cluster\`, every node forwards packets to any endpoint, with its own address as the
source, so that replies return through that node: the client address is lost. With \`local\`, a node uses only its own
endpoints and preserves the source; a node without an endpoint drops the packet (IPVS forwards it to another node, and
the client drops the reply). Packets from pods of the cluster always go to all endpoints.`,
    example: withService("    type node-port\n    external-traffic-policy local\n"),
  },
  {
    keyword: "internal-traffic-policy",
    in: ["service"],
    args: [traffic("Endpoints that packets to the ClusterIP go to", "endpoints on the sender's node only")],
    repeat: "once",
    default: "cluster",
    summary: "Whether packets to the ClusterIP stay on the sender's node",
    documentation: `\`internalTrafficPolicy\`. With \`local\`, a node without an endpoint drops packets to the ClusterIP.`,
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
            { value: "none", summary: "Each connection can go to a different endpoint" },
            { value: "client-ip", summary: "Connections from the same source go to the same endpoint" },
          ],
        },
        summary: "Session affinity key",
      },
      {
        name: "timeout",
        type: { kind: "number", min: 1, max: 86_400, unit: "seconds" },
        after: "timeout",
        optional: true,
        summary: "Affinity timeout after the last connection",
        default: "10800",
      },
    ],
    repeat: "once",
    default: "none",
    summary: "Whether a client stays on its endpoint (sessionAffinity)",
    documentation: `\`sessionAffinity: ClientIP\`. Each node keeps its own affinity table, by the source address that the node sees. A trace
shows the first connection, for which any endpoint can be selected.`,
    example: withService("    session-affinity client-ip timeout 3600\n"),
  },
  {
    keyword: "publish-not-ready",
    in: ["service"],
    args: [],
    repeat: "once",
    summary: "Includes pods that are not ready",
    documentation: `\`publishNotReadyAddresses\`; used with headless services of StatefulSets whose members must find each other during
startup.`,
    example: withService("    publish-not-ready\n"),
  },
  {
    keyword: "health-check-node-port",
    in: ["service"],
    args: [{ name: "port", type: { kind: "number", min: 1, max: 65535 }, summary: "Port on every node" }],
    repeat: "once",
    default: "the next free port in the node port range",
    summary: "Port that a load balancer uses to check whether a node has endpoints",
    documentation: `\`healthCheckNodePort\`, for type \`load-balancer\` with \`external-traffic-policy local\`: kube-proxy responds on this port
with 200 on nodes that have a ready endpoint, and with 503 on all other nodes.`,
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
        summary: "Address, optionally with a port that differs from the target port: 10.0.0.5:8080",
      },
    ],
    repeat: "many",
    summary: "An endpoint declared explicitly",
    documentation:
      "An EndpointSlice for a service without a selector, such as an external database or a migrated server; with a selector, an endpoint in addition to its pods.",
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
    summary: "DNS name that the service resolves to",
    documentation: `\`externalName\`: the cluster's DNS returns a CNAME. The service has no address and no rules, and its ports are not
used. In knet, the name refers to a host with that name, or to a service by its DNS name.`,
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
            { value: "prefer-same-zone", summary: "Endpoints in the node's zone, if any" },
            { value: "prefer-close", summary: "Older name of `prefer-same-zone`" },
            { value: "prefer-same-node", summary: "Endpoints on the node, then in its zone" },
          ],
        },
        summary: "Preferred endpoints",
      },
    ],
    repeat: "once",
    summary: "Whether nearby endpoints are preferred",
    documentation: `\`trafficDistribution\` (KEP-4444, KEP-3015). The zone is the node's label \`topology.kubernetes.io/zone\`. If there are
no preferred endpoints, all endpoints are used.`,
    example: withService("    traffic-distribution prefer-same-zone\n"),
  },
  {
    keyword: "not-ready",
    in: ["pod", "workload"],
    args: [],
    repeat: "once",
    summary: "The readiness probe fails",
    documentation:
      "The pod runs and replies but is not an endpoint of services, except those with `publish-not-ready`.",
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
    summary: "Ports of the nodes available to services",
    documentation: `kube-apiserver's \`--service-node-port-range\`. It should not overlap the range of source ports that hosts use for their
own connections (net.ipv4.ip_local_port_range, 32768 to 60999). The first 86 ports of the default range are allocated
only after all others, so that they remain available for explicitly set ports.`,
    example: withService("    type node-port\n", "  node-port-range 30000-30999\n"),
  },
  {
    keyword: "dns-domain",
    in: ["cluster"],
    args: [{ name: "domain", type: { kind: "name" }, summary: "DNS domain of the cluster", default: "cluster.local" }],
    repeat: "once",
    summary: "Suffix of service DNS names",
    documentation: "kubelet's `clusterDomain`: service names end with it, as in `api.shop.svc.cluster.local`.",
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
            { value: "iptables", summary: "Netfilter chains; the default on Linux" },
            { value: "nftables", summary: "An nftables table with maps; stable since Kubernetes 1.33" },
            { value: "ipvs", summary: "The kernel's load balancer (IPVS); deprecated since Kubernetes 1.35" },
            { value: "none", summary: "No kube-proxy: services do not work unless the CNI plugin implements them" },
          ],
        },
        summary: "How services are implemented on the nodes",
      },
    ],
    block: "kube-proxy",
    repeat: "once",
    default: "iptables",
    summary: "Mode and settings of kube-proxy",
    documentation: `kube-proxy runs on every node and translates services into kernel rules; packets never pass through the process.
\`iptables\` is its default on Linux (cmd/kube-proxy/app/server_linux.go).`,
    example: shop,
  },
  {
    keyword: "cluster-cidr",
    in: ["kube-proxy"],
    args: [{ name: "prefixes", type: { kind: "prefix" }, many: true, summary: "One prefix per address family" }],
    repeat: "once",
    default: "the cluster's pod CIDRs",
    summary: "Sources that are treated as pods",
    documentation: `\`--cluster-cidr\`: packets to a ClusterIP from any other source are masqueraded with the node's address, so that
replies return through the same node. If it is too wide, packets from nodes are not masqueraded; if it is too narrow,
packets from pods are.`,
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
            { value: "cluster-cidr", summary: "By `cluster-cidr`" },
            { value: "node-cidr", summary: "By the node's own pod CIDR" },
            { value: "bridge-interface", summary: "By the bridge that packets arrive through" },
            { value: "interface-name-prefix", summary: "By the name prefix of the device that packets arrive through" },
          ],
        },
        summary: "How local pod traffic is detected",
      },
      {
        name: "interface",
        type: { kind: "device" },
        optional: true,
        summary: "The bridge, or the device name prefix",
      },
    ],
    repeat: "once",
    default: "cluster-cidr",
    summary: "How kube-proxy detects traffic from pods on its node",
    documentation: "`detectLocalMode` with `bridgeInterface` or `interfaceNamePrefix`.",
    example: withService("", "  kube-proxy iptables { detect-local bridge-interface cni0 }\n"),
  },
  {
    keyword: "masquerade-all",
    in: ["kube-proxy"],
    args: [{ name: "value", type: { kind: "boolean" }, optional: true, summary: "Masquerade", default: "true" }],
    repeat: "once",
    default: "false",
    summary: "Masquerades all packets to ClusterIPs",
    documentation: "`masqueradeAll`: packets from pods also have the node's address as the source.",
    example: withService("", "  kube-proxy iptables { masquerade-all }\n"),
  },
  {
    keyword: "masquerade-bit",
    in: ["kube-proxy"],
    args: [{ name: "bit", type: { kind: "number", min: 0, max: 31 }, summary: "Bit number", default: "14" }],
    repeat: "once",
    default: "14",
    summary: "Bit of the packet mark that requests masquerading",
    documentation:
      "`iptables.masqueradeBit`: 14 gives mark 0x4000, which other components recognize (flannel's rules return on it).",
    example: withService("", "  kube-proxy iptables { masquerade-bit 15 }\n"),
  },
  {
    keyword: "localhost-node-ports",
    in: ["kube-proxy"],
    args: [{ name: "value", type: { kind: "boolean" }, summary: "Reachable on 127.0.0.1", default: "true" }],
    repeat: "once",
    default: "true",
    summary: "Node ports are reachable on 127.0.0.1 of the nodes",
    documentation:
      "`iptables.localhostNodePorts`, IPv4 and iptables mode only. If true, kube-proxy sets `route_localnet`.",
    example: withService("", "  kube-proxy iptables { localhost-node-ports false }\n"),
  },
  {
    keyword: "node-port-addresses",
    in: ["kube-proxy"],
    args: [
      {
        name: "primary",
        flag: true,
        summary: "The node's first address per family (the default in nftables mode)",
      },
      { name: "prefixes", type: { kind: "prefix" }, many: true, optional: true, summary: "Prefixes of node addresses" },
    ],
    atLeastOneOf: ["primary", "prefixes"],
    repeat: "once",
    default: "all addresses of the node; in nftables mode, the primary ones",
    summary: "Node addresses that accept node port traffic",
    documentation: "`nodePortAddresses`: node addresses outside these prefixes do not accept node port traffic.",
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
            { value: "rr", summary: "Round robin" },
            { value: "wrr", summary: "Weighted round robin; all weights are 1" },
            { value: "lc", summary: "Least connections" },
            { value: "wlc", summary: "Weighted least connections" },
            { value: "sh", summary: "Source hash: always the same endpoint" },
            { value: "dh", summary: "Destination hash" },
            { value: "mh", summary: "Maglev hash" },
            { value: "sed", summary: "Shortest expected delay" },
            { value: "nq", summary: "Never queue" },
          ],
        },
        summary: "Scheduler name in the kernel",
        default: "rr",
      },
    ],
    repeat: "once",
    default: "rr",
    summary: "IPVS scheduler",
    documentation: "`ipvs.scheduler`, ipvs mode only. A trace shows all endpoints that can be selected.",
    example: withService("", "  kube-proxy ipvs { scheduler lc }\n"),
  },
  {
    keyword: "strict-arp",
    in: ["kube-proxy"],
    args: [{ name: "value", type: { kind: "boolean" }, optional: true, summary: "Strict ARP", default: "true" }],
    repeat: "once",
    default: "false",
    summary: "Nodes do not reply to ARP for addresses on `kube-ipvs0`",
    documentation: `\`ipvs.strictARP\`: sets arp_ignore=1 and arp_announce=2. Without it, every node replies to ARP for every load balancer
IP; MetalLB's layer 2 mode requires it.`,
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
            { value: "l2", summary: "One node replies to ARP for the address (MetalLB layer 2, kube-vip)" },
            { value: "bgp", summary: "A router has a route through every node that serves it (MetalLB BGP)" },
            {
              value: "proxy",
              summary: "A proxy with this address forwards packets to the nodes' node ports, with its own source",
            },
            {
              value: "pass-through",
              summary: "A proxy forwards packets to the nodes unchanged; replies go directly (DSR)",
            },
          ],
        },
        summary: "How packets reach the nodes",
      },
      {
        name: "by",
        type: { kind: "ref", to: ["router"] },
        after: "by",
        optional: true,
        summary: "Router that performs the load balancing; for `bgp`, `proxy`, and `pass-through`",
      },
    ],
    repeat: "once",
    default: "none: load balancer IPs are not reachable",
    summary: "How packets to load balancer IPs reach the nodes",
    documentation: `Nodes are health-checked: with \`external-traffic-policy local\`, only nodes with a ready endpoint are used.

- \`l2\`: the address is on a segment of the nodes; the first healthy node on that segment replies to ARP for it. This
  is failover, not load balancing.
- \`bgp\`: the router has a route to the address through each healthy node (ECMP).
- \`proxy\`: the router owns the address and rewrites packets to a healthy node's address and node port, with its own
  source address: the cluster never sees the client address.
- \`pass-through\`: the router forwards packets unchanged to a healthy node, where kube-proxy's rules match the address.`,
    example: withService("    load-balancer-ip 192.168.10.200\n", "  load-balancer l2\n"),
  },
];
