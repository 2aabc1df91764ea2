/** The CNI plugins and their settings. A new mode is a value of `cni`, its rows here, and a file under cni/. */
import { cloudContexts, cloudPlugins, cloudSettings } from "./clouds.ts";
import { mtu, port, value, withSettings, yesNo } from "./cni-parts.ts";
import { keyBackends, keyContexts, keySettings } from "./flannel-keys.ts";
import { overlayContexts, overlayPlugins, overlaySettings } from "./overlays.ts";
import { stackedContexts, stackedPlugins, stackedSettings } from "./stacked.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

const plugins: readonly EnumValue[] = [
  { value: "none", summary: "No plugin: pods have no network beyond their node" },
  { value: "docker", summary: "Docker alone: docker0 with the same range on every node" },
  {
    value: "bridge",
    summary: "The reference bridge plugin with host-local, and routes between the nodes made by hand",
  },
  { value: "flannel", summary: "flannel with one of its backends" },
  { value: "calico", summary: "Calico: BGP, IPIP or VXLAN between routed nodes, with blocks of addresses" },
  ...cloudPlugins,
  ...stackedPlugins,
  ...overlayPlugins,
];

const vxlanExample = withSettings(`cni flannel {
    backend vxlan {
      vni 1
      port 8472
      direct-routing true
      gbp false
      learning false
      mtu 1500
    }
  }`);

const flannelExample = withSettings(`cni flannel {
    network 10.244.0.0/16
    subnet-manager kube
    backend host-gw
    ip-masq true
    iptables-forward-rules true
    nftables false
    iface eth0
  }`);

const etcdExample = withSettings(`cni flannel {
    subnet-manager etcd
    subnet-len /24
    subnet-min 10.244.16.0
    subnet-max 10.244.31.0
    backend vxlan
  }`);

const nodeExample = `segment lan { cidr 192.168.10.0/24 }
segment wan { cidr 203.0.113.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  node n1 {
    attach wan
    attach lan
    cni flannel { iface eth1 }
  }
  node n2 {
    attach lan
    cni flannel { public-ip 203.0.113.80 }
  }
}
`;

const bridgeExample = withSettings(`cni bridge {
    bridge cni0
    gateway first
    routes on
    ip-masq false
    hairpin-mode true
    mtu 1500
  }`);

const dockerExample = `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  docker-bridge 172.17.0.1/16
  cni docker {
    ip-masq true
    forward-policy drop
    mtu 1500
  }
  node n1 { attach lan }
  pod a
}
`;

const flannel = ["cni flannel", "node cni flannel"];

export const cni: readonly KeywordSpec[] = [
  {
    keyword: "cni",
    in: ["cluster"],
    args: [{ name: "plugin", type: { kind: "enum", values: plugins }, summary: "The plugin", default: "none" }],
    block: {
      by: "plugin",
      contexts: {
        docker: "cni docker",
        bridge: "cni bridge",
        flannel: "cni flannel",
        calico: "cni calico",
        ...cloudContexts,
        ...stackedContexts,
        ...overlayContexts,
      },
    },
    repeat: "once",
    default: "none",
    summary: "The CNI plugin that connects the pods",
    documentation: `Decides which devices, routes, neighbour and forwarding entries and netfilter rules each node has, and what a pod's interface
looks like. Settings stand in its block. A node may override some of them with a \`cni\` block of its own.`,
    example: vxlanExample,
  },
  {
    keyword: "cni",
    in: ["node", "nodes"],
    args: [
      { name: "plugin", type: { kind: "enum", values: plugins }, summary: "The plugin", default: "the cluster's" },
    ],
    block: {
      by: "plugin",
      contexts: {
        docker: "cni docker",
        bridge: "cni bridge",
        flannel: "node cni flannel",
        calico: "node cni calico",
        ...cloudContexts,
        ...stackedContexts,
        ...overlayContexts,
      },
    },
    repeat: "once",
    default: "the cluster's settings",
    summary: "Settings of this node, over the cluster's",
    documentation: `What is stated here holds on this node; everything else is as the cluster says. A plugin other than the cluster's makes a node
that takes no part in the others' pod network.`,
    example: nodeExample,
  },
  {
    keyword: "network",
    in: ["cni flannel"],
    args: [
      {
        name: "value",
        type: { kind: "prefix" },
        many: true,
        summary: "One prefix a family",
        default: "the cluster's pods range",
      },
    ],
    repeat: "once",
    default: "the cluster's pods range",
    summary: "flannel's whole pod network (net-conf.json Network, IPv6Network)",
    documentation: `Must contain every node's pod CIDR: with the kube subnet manager flanneld ends with "subnet … specified in the flannel net config
doesn't contain … PodCIDR of the … node" otherwise. Masquerading and the forward rules are written for this range.
The shipped manifest has 10.244.0.0/16, whatever the cluster's range is (pkg/subnet/config.go).`,
    example: flannelExample,
  },
  {
    keyword: "subnet-len",
    in: ["cni flannel"],
    args: value({ kind: "prefix-length" }, "Length of a node's subnet", "/24; two more than the network's from /23 on"),
    repeat: "once",
    default: "/24",
    summary: "Length of each node's subnet (SubnetLen); etcd subnet manager only",
    documentation: `At most /30, and the network must hold at least four subnets. With \`subnet-manager kube\` flannel ignores it: the nodes' blocks
come from kube-controller-manager (\`pods … per-node\`).`,
    example: etcdExample,
  },
  {
    keyword: "subnet-min",
    in: ["cni flannel"],
    args: value({ kind: "address" }, "First address of the first subnet", "the network's second subnet"),
    repeat: "once",
    default: "the network's second subnet",
    summary: "First subnet that is leased (SubnetMin); etcd subnet manager only",
    documentation: `Lies on a \`subnet-len\` boundary inside the network. By default the first subnet is skipped, so that 10.244.0.0/16 has 255
leases of /24, not 256.`,
    example: etcdExample,
  },
  {
    keyword: "subnet-max",
    in: ["cni flannel"],
    args: value({ kind: "address" }, "First address of the last subnet", "the network's last subnet"),
    repeat: "once",
    default: "the network's last subnet",
    summary: "Last subnet that is leased (SubnetMax); etcd subnet manager only",
    documentation: `Lies on a \`subnet-len\` boundary inside the network. flannel does not notice a subnet-max below subnet-min; knet does.`,
    example: etcdExample,
  },
  {
    keyword: "subnet-manager",
    in: ["cni flannel"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "kube", summary: "Nodes' subnets are their podCIDRs, given by kube-controller-manager" },
          { value: "etcd", summary: "flanneld leases subnets itself, in etcd" },
        ],
      },
      "Who gives out subnets",
      "kube",
    ),
    repeat: "once",
    default: "kube",
    summary: "Who gives each node its subnet (--kube-subnet-mgr)",
    documentation: `The shipped manifest runs flanneld with \`--kube-subnet-mgr\`. With etcd each flanneld takes a free subnet at random among the first
hundred; knet gives them in order, from \`subnet-min\` on, so that a file always means the same.`,
    example: etcdExample,
  },
  {
    keyword: "backend",
    in: flannel,
    args: [
      {
        name: "type",
        type: {
          kind: "enum",
          values: [
            { value: "vxlan", summary: "VXLAN in the kernel, device flannel.1, UDP port 8472, 50 bytes" },
            { value: "host-gw", summary: "Routes by the nodes' own addresses; all nodes in one segment; no overhead" },
            { value: "udp", summary: "UDP in user space, device flannel0, port 8285, 28 bytes; for debugging" },
            { value: "ipip", summary: "IP in IP, device flannel.ipip, protocol 4, 20 bytes; IPv4 only" },
            ...keyBackends,
          ],
        },
        summary: "How packets get from node to node",
        default: "udp",
      },
    ],
    block: {
      by: "type",
      contexts: { vxlan: "backend vxlan", udp: "backend udp", ipip: "backend ipip", ...keyContexts },
    },
    repeat: "once",
    default: "udp",
    summary: "How flannel carries packets between nodes (Backend.Type)",
    documentation: `The shipped manifest says vxlan. Where net-conf.json names none, flanneld takes **udp**, although its documentation says
vxlan (pkg/subnet/config.go); so does knet. Nodes with different backends ignore each other: neither has a route to the other's pods.`,
    example: vxlanExample,
  },
  {
    keyword: "vni",
    in: ["backend vxlan"],
    args: value({ kind: "number", min: 1, max: 16777215 }, "VXLAN network identifier", "1"),
    repeat: "once",
    default: "1",
    summary: "VXLAN network identifier (VNI)",
    documentation: `Names the device, flannel.1 for 1, and must be the same on all nodes. On Windows it must be 4096 or more.`,
    example: vxlanExample,
  },
  {
    keyword: "port",
    in: ["backend vxlan"],
    args: value(port, "UDP destination port", "8472"),
    repeat: "once",
    default: "8472",
    summary: "UDP port of the VXLAN packets (Port)",
    documentation: `flannel leaves it to the kernel, whose default is 8472; the port that IANA assigned is 4789, and Windows needs that one. All nodes must
agree, and firewalls between them must let it pass.`,
    example: vxlanExample,
  },
  {
    keyword: "gbp",
    in: ["backend vxlan"],
    args: value(yesNo, "Group based policy", "false"),
    repeat: "once",
    default: "false",
    summary: "VXLAN group based policy extension (GBP)",
    documentation: `Carries the packet's mark in the VXLAN header. Changes no path; both ends must agree.`,
    example: vxlanExample,
  },
  {
    keyword: "learning",
    in: ["backend vxlan"],
    args: value(yesNo, "MAC learning", "false"),
    repeat: "once",
    default: "false",
    summary: "MAC address learning on the VXLAN device (Learning)",
    documentation: `Off by default: flanneld writes a permanent neighbour and a permanent forwarding entry for each node, and an address that has none is
unreachable.`,
    example: vxlanExample,
  },
  {
    keyword: "direct-routing",
    in: ["backend vxlan", "backend ipip"],
    args: value(yesNo, "Route directly where possible", "false"),
    repeat: "once",
    default: "false",
    summary: "Routes without a tunnel to nodes on the same segment (DirectRouting)",
    documentation: `For a peer that \`ip route get\` reaches without a gateway the node has a route by the peer's address, as host-gw has; all others stay in the
tunnel. The pods' MTU stays that of the tunnel.`,
    example: vxlanExample,
  },
  {
    keyword: "mtu",
    in: ["backend vxlan"],
    args: value(mtu, "MTU before the 50 bytes are taken off", "MTU of the outgoing interface"),
    repeat: "once",
    default: "MTU of the outgoing interface",
    summary: "MTU from which flannel takes its 50 bytes (MTU)",
    documentation: `The device and the pods get 50 less. A value above the interface's own is silently cut by the kernel when it makes the device,
but not for the pods.`,
    example: vxlanExample,
  },
  {
    keyword: "port",
    in: ["backend udp"],
    args: value(port, "UDP port", "8285"),
    repeat: "once",
    default: "8285",
    summary: "UDP port between the flannel daemons (Port)",
    documentation: `flanneld reads packets from the TUN device flannel0 and sends them to the peer's daemon at this port (pkg/backend/udp).`,
    example: withSettings("cni flannel { backend udp { port 8285 } }"),
  },
  {
    keyword: "ip-masq",
    in: flannel,
    args: value(yesNo, "Masquerade", "true, as the shipped manifest has it"),
    repeat: "once",
    default: "true",
    summary: "Packets that leave the pod network get the node's address (--ip-masq)",
    documentation: `flanneld's own default is false, but the shipped manifest passes \`--ip-masq\`. Without it the bridge plugin masquerades instead,
**also between pods of different nodes**, which breaks the rule that a pod sees the other's own address (pkg/trafficmngr).`,
    example: flannelExample,
  },
  {
    keyword: "iptables-forward-rules",
    in: flannel,
    args: value(yesNo, "Accept in FORWARD", "true"),
    repeat: "once",
    default: "true",
    summary: "Accepts forwarded pod packets (--iptables-forward-rules)",
    documentation: `Rules from and to the network in chain FLANNEL-FWD. Needed where something else, Docker since 1.13, sets the policy of FORWARD to DROP.`,
    example: flannelExample,
  },
  {
    keyword: "nftables",
    in: flannel,
    args: value(yesNo, "nftables instead of iptables", "false"),
    repeat: "once",
    default: "false",
    summary: "Writes nftables instead of iptables rules (EnableNFTables)",
    documentation: `Tables flannel-ipv4 and flannel-ipv6. One rule differs: packets from outside to a pod on another node are not masqueraded
(pkg/trafficmngr/nftables).`,
    example: flannelExample,
  },
  {
    keyword: "iface",
    in: flannel,
    args: value(
      { kind: "device", orAddress: true },
      "Device or one of its addresses",
      "the device of the default route",
    ),
    repeat: "once",
    default: "the device of the default route",
    summary: "Interface by which flannel reaches the other nodes (--iface)",
    documentation: `Its address becomes the node's public address, its MTU the base of the pods'. The default is wrong where the default route leaves by another
network, as on Vagrant machines, whose first interface always has 10.0.2.15.`,
    example: nodeExample,
  },
  {
    keyword: "public-ip",
    in: ["node cni flannel"],
    args: value({ kind: "address" }, "Address under which others reach this node", "the interface's address"),
    repeat: "once",
    default: "the address of the interface",
    summary: "Address that the other nodes send to (--public-ip)",
    documentation: `For nodes behind NAT. Must be different on each node. host-gw refuses one that is not the interface's own address.`,
    example: nodeExample,
  },
  {
    keyword: "bridge",
    in: ["cni bridge"],
    args: value({ kind: "device" }, "Name of the bridge", "cni0"),
    repeat: "once",
    default: "cni0",
    summary: "Name of the bridge device",
    documentation: `The bridge plugin creates it with the first pod of a node (containernetworking/plugins, plugins/main/bridge).`,
    example: bridgeExample,
  },
  {
    keyword: "gateway",
    in: ["cni bridge"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "first", summary: "The first host address of the node's range" },
          { value: "last", summary: "The last host address of the node's range" },
        ],
      },
      "Which host address the bridge has",
      "first",
    ),
    repeat: "once",
    default: "first",
    summary: "The bridge's own address in the node's range, the pods' gateway",
    documentation: `host-local's default gateway is the first host address; \`last\` sets its \`gateway\` to the last one. Pods get the others in order.`,
    example: bridgeExample,
  },
  {
    keyword: "routes",
    in: ["cni bridge"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "on", summary: "Every node has a route to each other node's pods by that node's address" },
          { value: "off", summary: "No routes; routers may have them instead" },
        ],
      },
      "Routes between the nodes",
      "on",
    ),
    repeat: "once",
    default: "on",
    summary: "Host routes to the other nodes' pods, as an administrator adds them",
    documentation: `\`ip route add <pod CIDR> via <node address>\` for each other node. The kernel refuses those whose node is not on the same segment. The bridge plugin
itself adds none.`,
    example: bridgeExample,
  },
  {
    keyword: "ip-masq",
    in: ["cni bridge"],
    args: value(yesNo, "Masquerade", "false"),
    repeat: "once",
    default: "false",
    summary: "Packets that leave the node's own range get the node's address (ipMasq)",
    documentation: `The plugin's \`ipMasq\`, by default false. With true it applies to everything outside the node's own pod range, packets to pods on other nodes
included.`,
    example: bridgeExample,
  },
  {
    keyword: "hairpin-mode",
    in: ["cni bridge"],
    args: value(yesNo, "Hairpin mode", "false"),
    repeat: "once",
    default: "false",
    summary: "The bridge sends a frame back by the port by which it came (hairpinMode)",
    documentation: `The plugin's \`hairpinMode\`, by default false: a pod that is given itself as endpoint of a service does not reach itself. The plugin turns it on at the
bridge's port of each pod.`,
    example: bridgeExample,
  },
  {
    keyword: "mtu",
    in: ["cni bridge"],
    args: value(mtu, "MTU of bridge and pods", "1500"),
    repeat: "once",
    default: "1500",
    summary: "MTU of the bridge and of the pods' interfaces",
    documentation: `The plugin leaves it to the kernel, which makes veth pairs with 1500.`,
    example: bridgeExample,
  },
  {
    keyword: "mtu",
    in: ["cni docker"],
    args: value(mtu, "MTU of docker0 and the containers", "1500"),
    repeat: "once",
    default: "1500",
    summary: "MTU of docker0 and of the containers' interfaces",
    documentation: `dockerd's \`--mtu\`, by default 1500 whatever the machine's interface has.`,
    example: dockerExample,
  },
  {
    keyword: "ip-masq",
    in: ["cni docker"],
    args: value(yesNo, "Masquerade", "true"),
    repeat: "once",
    default: "true",
    summary: "Packets from docker0's range to elsewhere get the node's address",
    documentation: `dockerd's \`--ip-masq\`, by default true: containers reach the outside world, and nobody outside sees their address.`,
    example: dockerExample,
  },
  {
    keyword: "forward-policy",
    in: ["cni docker"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "drop", summary: "FORWARD has the policy DROP, as since Docker 1.13" },
          { value: "accept", summary: "FORWARD has the policy ACCEPT, as before, or as an administrator resets it" },
        ],
      },
      "Policy of the chain FORWARD",
      "drop",
    ),
    repeat: "once",
    default: "drop",
    summary: "What happens to forwarded packets that no rule accepts",
    documentation: `Docker's own rules accept what goes from docker0 outwards, between containers of docker0, and replies. Everything else, such as packets for other pods,
is dropped under DROP.`,
    example: dockerExample,
  },
  ...keySettings,
  ...cloudSettings,
  ...stackedSettings,
  ...overlaySettings,
];
