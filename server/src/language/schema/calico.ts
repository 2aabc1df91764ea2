/** The settings of Calico: its IPPool, BGPConfiguration, BGPPeer, IPAMConfig and FelixConfiguration resources, and those of a node. */
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
  { value: "cross-subnet", summary: "To nodes outside this node's own prefix only" },
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
        summary: "Its range",
        default: "the cluster's IPv4 pods range",
      },
    ],
    block: "calico pool",
    repeat: "many",
    default:
      "one for each pods range of the cluster, as calico.yaml makes them: IPv4 with IPIP always and NAT, IPv6 plain",
    summary: "A range of pod addresses with its encapsulation (IPPool)",
    documentation: `Nodes claim blocks of it as their pods need them; the pods' addresses come from the blocks of their node. Pools are looked
at in the order in which they stand; the first with a free block serves. Where there is no \`pool\`, knet makes the default pools that
calico-node makes at its first start (node/pkg/lifecycle/startup), with the settings of the manifest \`calico.yaml\`: IPIP \`always\` and NAT for
IPv4, neither for IPv6. A pool that is written has the API's defaults: no encapsulation, no NAT. The operator's usual pool is \`vxlan cross-subnet\`
with \`nat-outgoing true\`.`,
    example: poolExample,
  },
  {
    keyword: "block-size",
    in: pool,
    args: value({ kind: "prefix-length" }, "Length of a block", "/26, for IPv6 /122"),
    repeat: "once",
    default: "/26, for IPv6 /122",
    summary: "Length of the blocks that nodes claim (blockSize)",
    documentation: `64 addresses each by default, all of them usable. /20 to /32 for IPv4, /116 to /128 for IPv6, not shorter than the pool's own. A
range holds 2^(block size − pool) blocks; a node without one borrows single addresses from others, or with \`strict-affinity\` starts no pods.`,
    example: poolExample,
  },
  {
    keyword: "ipip",
    in: pool,
    args: value({ kind: "enum", values: encapsulation }, "When packets are put into IP packets", "never"),
    repeat: "once",
    default: "never",
    summary: "IP in IP through tunl0 (ipipMode)",
    documentation: `Protocol 4, 20 bytes, IPv4 only; not together with \`vxlan\`. Azure drops protocol 4, and cloud security groups need a rule of its own
for it. \`cross-subnet\` asks whether the other node's address lies in this node's *own prefix*, not whether it is on the same link.`,
    example: example("cni calico { pool default { ipip cross-subnet } }"),
  },
  {
    keyword: "vxlan",
    in: pool,
    args: value({ kind: "enum", values: encapsulation }, "When packets are put into VXLAN", "never"),
    repeat: "once",
    default: "never",
    summary: "VXLAN through vxlan.calico (vxlanMode)",
    documentation: `VNI 4096, UDP port 4789, 50 bytes (70 over IPv6); not together with \`ipip\`. Needs no BGP. \`cross-subnet\` asks as that of \`ipip\` does.`,
    example: poolExample,
  },
  {
    keyword: "nat-outgoing",
    in: pool,
    args: value(yesNo, "Masquerade", "false"),
    repeat: "once",
    default: "false",
    summary: "Packets from the pool to outside all pools get the node's address (natOutgoing)",
    documentation: `The chain \`cali-nat-outgoing\`. Addresses of nodes are outside the pools: a pod that talks to another node is seen as its own node.
False in the API; calico-node's default pool has true for IPv4, false for IPv6.`,
    example: poolExample,
  },
  {
    keyword: "node-selector",
    in: pool,
    args: labels("Labels that a node must have"),
    repeat: "once",
    default: "all()",
    summary: "Which nodes claim blocks of the pool (nodeSelector)",
    documentation: `All labels must be there. Other nodes get their blocks from other pools.`,
    example: poolExample,
  },
  {
    keyword: "disabled",
    in: pool,
    args: value(yesNo, "Disabled", "false"),
    repeat: "once",
    default: "false",
    summary: "No new addresses are given out of the pool (disabled)",
    documentation: `It still counts as a pool for NAT: packets to it keep the pods' addresses.`,
    example: poolExample,
  },
  {
    keyword: "disable-bgp-export",
    in: pool,
    args: value(yesNo, "Not announced", "false"),
    repeat: "once",
    default: "false",
    summary: "Blocks of the pool are not announced by BGP (disableBGPExport)",
    documentation: `To nobody, other nodes included: where BIRD makes the routes, nodes then have none to each other's blocks.`,
    example: poolExample,
  },
  {
    keyword: "strict-affinity",
    in: calico,
    args: value(yesNo, "Strict", "false"),
    repeat: "once",
    default: "false",
    summary: "No borrowing of single addresses from other nodes' blocks (IPAMConfig strictAffinity)",
    documentation: `Without it a node for which no block is left takes single addresses out of the blocks of others; each is announced as a route of
its own. With it such a node starts no pods: "No more free affine blocks and strict affinity enabled". Windows nodes need it.`,
    example: ipamExample,
  },
  {
    keyword: "auto-allocate-blocks",
    in: calico,
    args: value(yesNo, "Claim blocks", "true"),
    repeat: "once",
    default: "true",
    summary: "Nodes claim blocks by themselves (IPAMConfig autoAllocateBlocks)",
    documentation: `False needs \`strict-affinity true\`: nodes then have only those blocks that somebody gives them (\`block\`).`,
    example: ipamExample,
  },
  {
    keyword: "max-blocks-per-host",
    in: calico,
    args: value({ kind: "number", min: 0, max: 1024 }, "Blocks a node; 0 is the built-in limit of 20", "20"),
    repeat: "once",
    default: "20",
    summary: "How many blocks one node may claim (IPAMConfig maxBlocksPerHost)",
    documentation: `20 blocks of /26 are 1,280 addresses. Any other value than 0 needs \`strict-affinity true\`.`,
    example: ipamExample,
  },
  {
    keyword: "backend",
    in: calico,
    args: value(
      {
        kind: "enum",
        values: [
          { value: "bird", summary: "BIRD speaks BGP (calico_backend: bird)" },
          { value: "vxlan", summary: "No BGP; for VXLAN alone" },
          { value: "none", summary: "No BGP and no routes between nodes but those of Felix" },
        ],
      },
      "Who distributes the routes",
      "bird",
    ),
    repeat: "once",
    default: "bird",
    summary: "Does BGP run (calico_backend)",
    documentation: `Without BIRD nodes have no routes to blocks of pools without encapsulation.`,
    example: bgpExample,
  },
  {
    keyword: "as-number",
    in: [...calico, ...node],
    args: value(asNumber, "AS number", "64512"),
    repeat: "once",
    default: "64512",
    summary: "The nodes' AS number (BGPConfiguration asNumber, Node spec.bgp.asNumber)",
    documentation: `Nodes with equal numbers speak iBGP. On a node it holds for that one; the others' mesh sessions follow it.`,
    example: bgpExample,
  },
  {
    keyword: "node-to-node-mesh",
    in: calico,
    args: value(yesNo, "Full mesh", "true"),
    repeat: "once",
    default: "true",
    summary: "Every node peers with every other (BGPConfiguration nodeToNodeMeshEnabled)",
    documentation: `N·(N−1)/2 sessions: good up to about 100 nodes. Above that switch it off and have route reflectors, or peer with the routers. Nodes
with a \`route-reflector-cluster-id\` are not in the mesh.`,
    example: bgpExample,
  },
  {
    keyword: "program-routes",
    in: calico,
    args: value(
      {
        kind: "enum",
        values: [
          { value: "felix", summary: "Felix, from v3.33 on: `proto 80`, without BGP" },
          { value: "bird", summary: "BIRD, up to v3.32: `proto bird`, from BGP" },
        ],
      },
      "Who makes the routes of IPIP pools",
      "felix",
    ),
    repeat: "once",
    default: "felix",
    summary: "Who makes the routes of IPIP pools (FelixConfiguration programClusterRoutes)",
    documentation: `Up to v3.32 BIRD does, from v3.33 on Felix (\`EnabledIPIPOnly\`). Those of VXLAN pools are always Felix's, those without encapsulation
BIRD's (felix/calc/l3_route_resolver.go, confd bird_ipam.cfg).`,
    example: bgpExample,
  },
  {
    keyword: "mtu",
    in: calico,
    args: value(
      { kind: "number", min: 68, max: 65535, unit: "bytes" },
      "MTU of pods and tunnels",
      "that of the smallest interface less the largest overhead",
    ),
    repeat: "once",
    default: "that of the smallest interface less the largest overhead of an enabled encapsulation",
    summary: "MTU of the pods' interfaces and the tunnel devices (veth_mtu)",
    documentation: `By default IPIP takes 20 bytes off, VXLAN 50 (70 over IPv6), even where no packet is ever encapsulated (felix/dataplane/linux/int_dataplane.go).`,
    example: felixExample,
  },
  {
    keyword: "nat-outgoing-exclusions",
    in: calico,
    args: value(
      {
        kind: "enum",
        values: [
          { value: "ip-pools-only", summary: "Packets to pools" },
          { value: "ip-pools-and-host-ips", summary: "Packets to pools and to nodes" },
        ],
      },
      "What nat-outgoing leaves alone",
      "ip-pools-only",
    ),
    repeat: "once",
    default: "ip-pools-only",
    summary: "What `nat-outgoing` leaves alone (FelixConfiguration natOutgoingExclusions)",
    documentation: `By default packets from pods to other nodes' own addresses are masqueraded.`,
    example: felixExample,
  },
  {
    keyword: "default-endpoint-to-host-action",
    in: calico,
    args: value(
      {
        kind: "enum",
        values: [
          { value: "accept", summary: "Let through, as the manifests have it" },
          { value: "return", summary: "Let the other rules of INPUT decide" },
          { value: "drop", summary: "Drop, Felix' own default" },
        ],
      },
      "What happens to it",
      "accept",
    ),
    repeat: "once",
    default: "accept",
    summary: "What happens to packets from a pod to its own node (FelixConfiguration defaultEndpointToHostAction)",
    documentation: `Felix' own default is \`drop\`; the manifest and the operator set \`accept\`.`,
    example: felixExample,
  },
  {
    keyword: "peer",
    in: calico,
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the BGPPeer" }],
    block: "calico peer",
    blockRequired: true,
    repeat: "many",
    summary: "BGP sessions beside the mesh (BGPPeer)",
    documentation: `Of the nodes that \`node\` or \`node-selector\` names, without either of all nodes, with the address in \`peer-ip\` or the nodes that
\`peer-selector\` selects. Between nodes of the cluster both ends are configured by it; a router needs a \`bgp\` block with a \`peer\` of its own.`,
    example: peerExample,
  },
  {
    keyword: "node",
    in: peer,
    args: [{ name: "name", type: { kind: "ref", to: ["node"] }, summary: "The node" }],
    repeat: "once",
    default: "all nodes",
    summary: "The session is this node's (BGPPeer node)",
    documentation: `Its name, or its path with the cluster in front; not together with \`node-selector\`.`,
    example: reflectorExample,
  },
  {
    keyword: "node-selector",
    in: peer,
    args: labels("Labels that a node must have"),
    repeat: "once",
    default: "all()",
    summary: "The session is that of all nodes with these labels (BGPPeer nodeSelector)",
    documentation: `All labels must be there; not together with \`node\`.`,
    example: peerExample,
  },
  {
    keyword: "peer-ip",
    in: peer,
    args: value({ kind: "address" }, "Address of the peer"),
    repeat: "once",
    summary: "Address of the peer (BGPPeer peerIP)",
    documentation: `Of a router, a node or somebody outside this file. Needs \`as-number\`; not together with \`peer-selector\`.`,
    example: peerExample,
  },
  {
    keyword: "peer-selector",
    in: peer,
    args: [{ name: "labels", type: { kind: "label" }, many: true, summary: "Labels of the nodes to peer with" }],
    repeat: "once",
    summary: "The peers are the nodes with these labels (BGPPeer peerSelector)",
    documentation: `As for route reflectors. AS numbers are those of the nodes: \`as-number\` may not be given.`,
    example: reflectorExample,
  },
  {
    keyword: "as-number",
    in: peer,
    args: value(asNumber, "AS number of the peer", "the cluster's"),
    repeat: "once",
    default: "the cluster's",
    summary: "AS number of the peer (BGPPeer asNumber)",
    documentation: `Must be the one that the peer has; otherwise the session does not come up ("Bad peer AS", RFC 4271 section 6.2).`,
    example: peerExample,
  },
  {
    keyword: "num-allowed-local-as-numbers",
    in: peer,
    args: value({ kind: "number", min: 0, max: 10 }, "How often", "0"),
    repeat: "once",
    default: "0",
    summary: "How often the node's own AS number may be in a path (BGPPeer numAllowedLocalASNumbers)",
    documentation: `BIRD's \`allow local as\`. Nodes of one AS behind different routers discard each other's routes without it, unless the routers write their own
number over it (\`as-override\`).`,
    example: `${peerExample.replace("      as-number 64513\n", "      as-number 64513\n      num-allowed-local-as-numbers 1\n")}`,
  },
  {
    keyword: "route-reflector-cluster-id",
    in: node,
    args: value({ kind: "address" }, "Cluster ID, written as an IPv4 address"),
    repeat: "once",
    summary: "The node is a route reflector with this cluster ID (Node spec.bgp.routeReflectorClusterID)",
    documentation: `It leaves the mesh and passes on what it learns from one iBGP peer to the others (RFC 4456). Its clients are its peers of the same AS with
another cluster ID or none.`,
    example: reflectorExample,
  },
  {
    keyword: "bgp-address",
    in: node,
    args: value({ kind: "address" }, "One of the node's own addresses", "the first one of its first interface"),
    repeat: "once",
    default: "the first one of its first interface",
    summary: "The node's address for the other nodes (Node spec.bgp.ipv4Address, ipv6Address)",
    documentation: `Sessions, next hops and tunnels use it; its prefix decides \`cross-subnet\`.`,
    example: reflectorExample,
  },
  {
    keyword: "block",
    in: node,
    args: [{ name: "prefixes", type: { kind: "prefix" }, many: true, summary: "Blocks of the pools' block size" }],
    repeat: "once",
    default: "the next free one",
    summary: "Blocks that the node has, instead of claimed ones",
    documentation: `As an IPAMBlock with affinity to the node. In a pool of nodes it is that of the first one; the others count up from it.`,
    example: reflectorExample,
  },
];
