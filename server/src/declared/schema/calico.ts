/** Calico's settings: the resources IPPool, BGPConfiguration, BGPPeer, IPAMConfig, and FelixConfiguration, and node settings. */
import type { ArgSpec, ArgType, EnumValue, KeywordSpec } from "./types.ts";

function value(type: ArgType, summary: string, otherwise?: string): readonly ArgSpec[] {
  return [{ name: "value", type, summary, ...(otherwise === undefined ? {} : { default: otherwise }) }];
}
const yesNo: ArgType = { kind: "boolean" };
const asNumber: ArgType = { kind: "number", min: 1, max: 4294967295 };

const calico = ["cni calico"];
const pool = ["calico pool"];
const peer = ["calico peer"];
const node = ["node cni calico"];

const encapsulation: readonly EnumValue[] = [
  { value: "always", summary: "Between all nodes" },
  { value: "cross-subnet", summary: "Only to nodes outside this node's own prefix" },
  { value: "never", summary: "Never" },
];

const labels = (summary: string): readonly ArgSpec[] => [
  { name: "labels", type: { kind: "label" }, many: true, summary, default: "all()" },
];

const example = (settings: string, nodes = ""): string => `segment lan {
  cidr 192.168.10.0/24
  gateway router
}
router router { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  ${settings}
  node n1 {
    attach lan 192.168.10.11
    labels rack=a${nodes}
  }
  node n2 {
    attach lan 192.168.10.12
    labels rack=a
  }
  pod a on n1
  pod b on n2
}
expect a -> b reachable
`;

const poolExample = example(`cni calico {
    pool default-ipv4-ippool 10.244.0.0/16 {
      block-size /26
      ipip never
      vxlan cross-subnet
      nat-outgoing true
      node-selector rack=a
      disabled false
      disable-bgp-export false
    }
  }`);

const ipamExample = example(`cni calico {
    strict-affinity true
    auto-allocate-blocks true
    max-blocks-per-host 4
  }`);

const bgpExample = example(`cni calico {
    backend bird
    as-number 64512
    node-to-node-mesh true
    program-routes felix
  }`);

const felixExample = example(`cni calico {
    mtu 1440
    nat-outgoing-exclusions ip-pools-only
    default-endpoint-to-host-action accept
  }`);

const METHODS = ["first-found", "kubernetes-internal-ip", "interface", "skip-interface", "can-reach", "cidr"];

const autodetectionExample = `segment lan { cidr 192.168.10.0/24 }
router gw { attach lan 192.168.10.1 }
segment fabric {
  cidr 10.20.0.0/24
  cidr fd00:20::/64
}
cluster prod {
  pods 10.244.0.0/16
  cni calico {
    autodetection cidr 10.20.0.0/16
    autodetection-v6 first-found
    vxlan-port 8472
    vxlan-vni 5000
    pool main 10.244.0.0/16 { vxlan always }
  }
  nodes n 1..2 {
    attach lan
    attach fabric
  }
  pod a on n1
  pod b on n2
}
expect a -> b reachable
`;

const peerExample = `segment lan {
  cidr 192.168.10.0/24
  gateway tor
}
router tor {
  attach lan 192.168.10.1
  bgp as 64513 {
    peer prod/n1 as 64512 as-override
    peer prod/n2 as 64512 as-override
  }
}
cluster prod {
  pods 10.244.0.0/16
  cni calico {
    node-to-node-mesh false
    pool default { ipip never }
    peer rack-a {
      node-selector rack=a
      peer-ip 192.168.10.1
      as-number 64513
    }
  }
  node n1 {
    attach lan 192.168.10.11
    labels rack=a
  }
  node n2 {
    attach lan 192.168.10.12
    labels rack=a
  }
}
`;

const reflectorExample = `segment lan {
  cidr 192.168.10.0/24
  gateway router
}
router router { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  cni calico {
    node-to-node-mesh false
    peer route-reflectors { peer-selector route-reflector=true }
    peer of-one-node {
      node n2
      peer-ip 192.168.10.11
      as-number 64512
    }
  }
  node n1 {
    attach lan 192.168.10.11
    labels route-reflector=true
    cni calico {
      route-reflector-cluster-id 244.0.0.1
      as-number 64512
      bgp-address 192.168.10.11
      block 10.244.7.0/26
    }
  }
  node n2 { attach lan 192.168.10.12 }
}
`;

export const calicoRows: readonly KeywordSpec[] = [
  {
    keyword: "pool",
    in: calico,
    args: [
      { name: "name", type: { kind: "name" }, summary: "Name of the IPPool" },
      {
        name: "cidr",
        type: { kind: "prefix" },
        optional: true,
        summary: "Prefix of the pool",
        default: "the cluster's IPv4 pod CIDR",
      },
    ],
    block: "calico pool",
    repeat: "many",
    default:
      "one per pod CIDR of the cluster, as in calico.yaml: IPv4 with `ipip always` and `nat-outgoing true`, IPv6 with neither",
    summary: "A range of pod addresses with its encapsulation (IPPool)",
    documentation: `Nodes claim blocks of the pool as their pods need addresses; a pod's address is allocated from a block of its node.
Pools are tried in declaration order: the first one with a free block is used. Without a \`pool\`, knet creates the
default pools that calico-node creates at its first start (node/pkg/lifecycle/startup), with the settings of the
manifest \`calico.yaml\`: IPIP \`always\` and NAT for IPv4, neither for IPv6. A declared pool has the API's defaults: no
encapsulation, no NAT. The operator's usual pool is \`vxlan cross-subnet\` with \`nat-outgoing true\`.`,
    example: poolExample,
  },
  {
    keyword: "block-size",
    in: pool,
    args: value({ kind: "prefix-length" }, "Prefix length of a block", "/26; for IPv6, /122"),
    repeat: "once",
    default: "/26; for IPv6, /122",
    summary: "Prefix length of the blocks that nodes claim (blockSize)",
    documentation: `By default, a block has 64 addresses, all of them usable. The allowed range is /20 to /32 for IPv4 and /116 to /128
for IPv6, and a block cannot be larger than the pool. A pool contains 2^(block size − pool length) blocks. A node
without a block borrows single addresses from other nodes' blocks; with \`strict-affinity\`, it starts no pods.`,
    example: poolExample,
  },
  {
    keyword: "ipip",
    in: pool,
    args: value({ kind: "enum", values: encapsulation }, "When packets are encapsulated in IPIP", "never"),
    repeat: "once",
    default: "never",
    summary: "IP-in-IP encapsulation through `tunl0` (ipipMode)",
    documentation: `Protocol 4, 20 bytes overhead, IPv4 only. Cannot be combined with \`vxlan\`. Azure drops protocol 4, and cloud security
groups require a separate rule for it. \`cross-subnet\` checks whether the other node's address is in this node's *own
prefix*, not whether it is on the same link.`,
    example: example("cni calico { pool default { ipip cross-subnet } }"),
  },
  {
    keyword: "vxlan",
    in: pool,
    args: value({ kind: "enum", values: encapsulation }, "When packets are encapsulated in VXLAN", "never"),
    repeat: "once",
    default: "never",
    summary: "VXLAN encapsulation through `vxlan.calico` (vxlanMode)",
    documentation: `VNI 4096, UDP port 4789, 50 bytes overhead (70 over IPv6). Cannot be combined with \`ipip\`. Does not need BGP.
\`cross-subnet\` works as for \`ipip\`.`,
    example: poolExample,
  },
  {
    keyword: "nat-outgoing",
    in: pool,
    args: value(yesNo, "Masquerade", "false"),
    repeat: "once",
    default: "false",
    summary: "Masquerades packets from the pool to destinations outside all pools (natOutgoing)",
    documentation: `Adds rules to the chain \`cali-nat-outgoing\`. Node addresses are outside the pools, so another node sees the address of
the pod's node instead of the pod's address. The API default is false; in calico-node's default pools, it is true for
IPv4 and false for IPv6.`,
    example: poolExample,
  },
  {
    keyword: "node-selector",
    in: pool,
    args: labels("Labels that a node must have"),
    repeat: "once",
    default: "all()",
    summary: "Nodes that can claim blocks of the pool (nodeSelector)",
    documentation: "A node must have all of the labels. Other nodes claim blocks from other pools.",
    example: poolExample,
  },
  {
    keyword: "disabled",
    in: pool,
    args: value(yesNo, "Disabled", "false"),
    repeat: "once",
    default: "false",
    summary: "Does not allocate new addresses from the pool (disabled)",
    documentation: "The pool is still considered for NAT: packets to it keep the pods' addresses.",
    example: poolExample,
  },
  {
    keyword: "disable-bgp-export",
    in: pool,
    args: value(yesNo, "Not advertised", "false"),
    repeat: "once",
    default: "false",
    summary: "Does not advertise the pool's blocks over BGP (disableBGPExport)",
    documentation:
      "The blocks are not advertised to other nodes either. If BIRD programs the routes, nodes have no routes to each other's blocks.",
    example: poolExample,
  },
  {
    keyword: "strict-affinity",
    in: calico,
    args: value(yesNo, "Strict", "false"),
    repeat: "once",
    default: "false",
    summary: "Nodes do not borrow single addresses from other nodes' blocks (IPAMConfig strictAffinity)",
    documentation: `With false, a node borrows single addresses from the blocks of other nodes if no block is free; each address is
advertised as a separate route. With true, pods on such a node fail to start ("No more free affine blocks and strict
affinity enabled"). Windows nodes require true.`,
    example: ipamExample,
  },
  {
    keyword: "auto-allocate-blocks",
    in: calico,
    args: value(yesNo, "Claim blocks", "true"),
    repeat: "once",
    default: "true",
    summary: "Nodes claim blocks automatically (IPAMConfig autoAllocateBlocks)",
    documentation: `\`false\` requires \`strict-affinity true\`: a node then has only the blocks assigned with \`block\`.`,
    example: ipamExample,
  },
  {
    keyword: "max-blocks-per-host",
    in: calico,
    args: value({ kind: "number", min: 0, max: 1024 }, "Blocks per node; 0 means the built-in limit of 20", "20"),
    repeat: "once",
    default: "20",
    summary: "Maximum number of blocks per node (IPAMConfig maxBlocksPerHost)",
    documentation: `20 /26 blocks are 1,280 addresses. Values other than 0 require \`strict-affinity true\`.`,
    example: ipamExample,
  },
  {
    keyword: "backend",
    in: calico,
    args: value(
      {
        kind: "enum",
        values: [
          { value: "bird", summary: "BIRD runs BGP (calico_backend: bird)" },
          { value: "vxlan", summary: "No BGP; for VXLAN only" },
          { value: "none", summary: "No BGP; only Felix programs routes between nodes" },
        ],
      },
      "Which component distributes routes",
      "bird",
    ),
    repeat: "once",
    default: "bird",
    summary: "Whether BGP runs (calico_backend)",
    documentation: "Without BIRD, nodes have no routes to the blocks of pools without encapsulation.",
    example: bgpExample,
  },
  {
    keyword: "as-number",
    in: [...calico, ...node],
    args: value(asNumber, "AS number", "64512"),
    repeat: "once",
    default: "64512",
    summary: "AS number of the nodes (BGPConfiguration asNumber, Node spec.bgp.asNumber)",
    documentation: `Nodes with the same number use iBGP. A node's own value applies to that node; the mesh sessions of the other nodes use
this value for the node.`,
    example: bgpExample,
  },
  {
    keyword: "node-to-node-mesh",
    in: calico,
    args: value(yesNo, "Full mesh", "true"),
    repeat: "once",
    default: "true",
    summary: "Every node peers with every other node (BGPConfiguration nodeToNodeMeshEnabled)",
    documentation: `N·(N−1)/2 sessions: suitable for up to about 100 nodes. For larger clusters, set it to false and use route reflectors,
or peer with the routers. Nodes with a \`route-reflector-cluster-id\` are not part of the mesh.`,
    example: bgpExample,
  },
  {
    keyword: "program-routes",
    in: calico,
    args: value(
      {
        kind: "enum",
        values: [
          { value: "felix", summary: "Felix, v3.33 and later: `proto 80`, without BGP" },
          { value: "bird", summary: "BIRD, v3.32 and earlier: `proto bird`, from BGP" },
        ],
      },
      "Which component programs the routes of IPIP pools",
      "felix",
    ),
    repeat: "once",
    default: "felix",
    summary: "Which component programs the routes of IPIP pools (FelixConfiguration programClusterRoutes)",
    documentation: `BIRD programs them in v3.32 and earlier, Felix in v3.33 and later (\`EnabledIPIPOnly\`). The routes of VXLAN pools are
always programmed by Felix, the routes of pools without encapsulation by BIRD (felix/calc/l3_route_resolver.go, confd
bird_ipam.cfg).`,
    example: bgpExample,
  },
  {
    keyword: "mtu",
    in: calico,
    args: value(
      { kind: "number", min: 68, max: 65535, unit: "bytes" },
      "MTU of pods and tunnels",
      "the smallest interface MTU minus the largest overhead",
    ),
    repeat: "once",
    default: "the smallest interface MTU minus the largest overhead of an enabled encapsulation",
    summary: "MTU of the pods' interfaces and the tunnel devices (veth_mtu)",
    documentation: `By default, 20 bytes are subtracted for IPIP and 50 for VXLAN (70 over IPv6), even if no packet is encapsulated
(felix/dataplane/linux/int_dataplane.go).`,
    example: felixExample,
  },
  ...(["autodetection", "autodetection-v6"] as const).map(
    (keyword): KeywordSpec => ({
      keyword,
      in: calico,
      args: [
        { name: "first-found", flag: true, summary: "The first interface with an address" },
        { name: "kubernetes-internal-ip", flag: true, summary: "The InternalIP of the Node object" },
        {
          name: "interface",
          type: { kind: "device" },
          after: "interface",
          many: true,
          optional: true,
          summary: "Regular expressions of interface names: `eth1`, `ens.*`",
        },
        {
          name: "skip-interface",
          type: { kind: "device" },
          after: "skip-interface",
          many: true,
          optional: true,
          summary: "Regular expressions of interfaces to skip",
        },
        {
          name: "can-reach",
          type: { kind: "address" },
          after: "can-reach",
          optional: true,
          summary: "The address that the node uses to reach this destination",
        },
        {
          name: "cidr",
          type: { kind: "prefix" },
          after: "cidr",
          many: true,
          optional: true,
          summary: "The first address in one of these prefixes",
        },
      ],
      atLeastOneOf: METHODS,
      atMostOneOf: METHODS,
      repeat: "once",
      default: "first-found",
      summary:
        keyword === "autodetection"
          ? "How calico-node finds its IPv4 address (IP_AUTODETECTION_METHOD)"
          : "How calico-node finds its IPv6 address (IP6_AUTODETECTION_METHOD)",
      documentation: `The address is the source and destination of tunnels and BGP sessions, and its prefix decides \`cross-subnet\`. In
the environment of calico-node, the method is \`interface=eth1\`; in the operator's Installation, it is \`nodeAddressAutodetectionV4\`. Regular
expressions are not anchored: \`eth1\` also matches eth10. \`bgp-address\` of a node takes precedence. If no address matches, calico-node exits.`,
      example: autodetectionExample,
    }),
  ),
  {
    keyword: "vxlan-port",
    in: calico,
    args: value({ kind: "number", min: 1, max: 65535 }, "UDP port", "4789"),
    repeat: "once",
    default: "4789",
    summary: "UDP port of VXLAN packets (FelixConfiguration vxlanPort)",
    documentation: `Another port avoids a conflict with a VXLAN network of the hypervisor or of Docker Swarm, which also use 4789.
Felix disables connection tracking for this port, and drops such packets from pods.`,
    example: autodetectionExample,
  },
  {
    keyword: "vxlan-vni",
    in: calico,
    args: value({ kind: "number", min: 1, max: 16777215 }, "VXLAN network identifier", "4096"),
    repeat: "once",
    default: "4096",
    summary: "VXLAN network identifier (FelixConfiguration vxlanVNI)",
    documentation: "All nodes use the same VNI. Windows requires at least 4096.",
    example: autodetectionExample,
  },
  {
    keyword: "nat-outgoing-exclusions",
    in: calico,
    args: value(
      {
        kind: "enum",
        values: [
          { value: "ip-pools-only", summary: "Destinations in IP pools" },
          { value: "ip-pools-and-host-ips", summary: "Destinations in IP pools, and nodes" },
        ],
      },
      "Destinations that `nat-outgoing` excludes",
      "ip-pools-only",
    ),
    repeat: "once",
    default: "ip-pools-only",
    summary: "Destinations that `nat-outgoing` excludes (FelixConfiguration natOutgoingExclusions)",
    documentation: "By default, packets from pods to other nodes' addresses are masqueraded.",
    example: felixExample,
  },
  {
    keyword: "default-endpoint-to-host-action",
    in: calico,
    args: value(
      {
        kind: "enum",
        values: [
          { value: "accept", summary: "Accept (manifest default)" },
          { value: "return", summary: "Evaluate the remaining INPUT rules" },
          { value: "drop", summary: "Drop (Felix default)" },
        ],
      },
      "Action on packets from a pod to its own node",
      "accept",
    ),
    repeat: "once",
    default: "accept",
    summary: "Action on packets from a pod to its own node (FelixConfiguration defaultEndpointToHostAction)",
    documentation: `Felix defaults to \`drop\`; the manifest and the operator set \`accept\`.`,
    example: felixExample,
  },
  {
    keyword: "peer",
    in: calico,
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the BGPPeer" }],
    block: "calico peer",
    blockRequired: true,
    repeat: "many",
    summary: "Additional BGP sessions (BGPPeer)",
    documentation: `Configures the nodes selected by \`node\` or \`node-selector\` (by default, all nodes) to peer with the address in
\`peer-ip\` or with the nodes selected by \`peer-selector\`. If the peer is a node of the cluster, both peers are
configured; a router requires its own \`bgp\` block with a \`peer\`.`,
    example: peerExample,
  },
  {
    keyword: "node",
    in: peer,
    args: [{ name: "name", type: { kind: "ref", to: ["node"] }, summary: "The node" }],
    repeat: "once",
    default: "all nodes",
    summary: "Applies to this node only (BGPPeer node)",
    documentation: `The node's name, or its path including the cluster. Cannot be combined with \`node-selector\`.`,
    example: reflectorExample,
  },
  {
    keyword: "node-selector",
    in: peer,
    args: labels("Labels that a node must have"),
    repeat: "once",
    default: "all()",
    summary: "Applies to all nodes with these labels (BGPPeer nodeSelector)",
    documentation: `A node must have all of the labels. Cannot be combined with \`node\`.`,
    example: peerExample,
  },
  {
    keyword: "peer-ip",
    in: peer,
    args: value({ kind: "address" }, "Address of the peer"),
    repeat: "once",
    summary: "Address of the peer (BGPPeer peerIP)",
    documentation: `Address of a router, a node, or a machine outside this file. Requires \`as-number\`; cannot be combined with
\`peer-selector\`.`,
    example: peerExample,
  },
  {
    keyword: "peer-selector",
    in: peer,
    args: [{ name: "labels", type: { kind: "label" }, many: true, summary: "Labels of the nodes to peer with" }],
    repeat: "once",
    summary: "Peers with all nodes that have these labels (BGPPeer peerSelector)",
    documentation: `Used to peer with route reflectors, for example. The nodes' AS numbers are used, so \`as-number\` is not allowed.`,
    example: reflectorExample,
  },
  {
    keyword: "as-number",
    in: peer,
    args: value(asNumber, "AS number of the peer", "the cluster's AS number"),
    repeat: "once",
    default: "the cluster's AS number",
    summary: "AS number of the peer (BGPPeer asNumber)",
    documentation: `Must match the AS number configured on the peer; otherwise, the session does not come up ("Bad Peer AS", RFC 4271
section 6.2).`,
    example: peerExample,
  },
  {
    keyword: "num-allowed-local-as-numbers",
    in: peer,
    args: value({ kind: "number", min: 0, max: 10 }, "Number of occurrences", "0"),
    repeat: "once",
    default: "0",
    summary: "How often the node's own AS number can occur in a path (BGPPeer numAllowedLocalASNumbers)",
    documentation: `BIRD's \`allow local as\`. Without it, nodes with the same AS number that are connected to different routers reject each
other's routes, unless the routers replace the AS number with their own (\`as-override\`).`,
    example: `${peerExample.replace("      as-number 64513\n", "      as-number 64513\n      num-allowed-local-as-numbers 1\n")}`,
  },
  {
    keyword: "route-reflector-cluster-id",
    in: node,
    args: value({ kind: "address" }, "Cluster ID, written as an IPv4 address"),
    repeat: "once",
    summary: "Makes the node a route reflector with this cluster ID (Node spec.bgp.routeReflectorClusterID)",
    documentation: `The node leaves the mesh and forwards the routes learned from one iBGP peer to the others (RFC 4456). Its clients are
its peers in the same AS that have no cluster ID or a different one.`,
    example: reflectorExample,
  },
  {
    keyword: "bgp-address",
    in: node,
    args: value({ kind: "address" }, "One of the node's addresses", "first address of its first interface"),
    repeat: "once",
    default: "first address of its first interface",
    summary: "Address that other nodes use for this node (Node spec.bgp.ipv4Address, ipv6Address)",
    documentation: `Used for sessions, next hops, and tunnels; its prefix determines which nodes \`cross-subnet\` applies to.`,
    example: reflectorExample,
  },
  {
    keyword: "block",
    in: node,
    args: [
      { name: "prefixes", type: { kind: "prefix" }, many: true, summary: "Prefixes with the block size of the pool" },
    ],
    repeat: "once",
    default: "the next free block",
    summary: "Blocks assigned to the node, instead of claimed ones",
    documentation: `An IPAMBlock with affinity to the node. In a node pool, this is the block of the first node; the next block belongs to
the second node, and so on.`,
    example: reflectorExample,
  },
];
