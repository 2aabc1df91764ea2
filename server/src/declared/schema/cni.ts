/** The CNI plugins and their settings. A new mode needs a value of `cni`, its rows here, and a file in server/src/cni. */
import { cloudContexts, cloudPlugins, cloudSettings } from "./clouds.ts";
import { mtu, port, value, withSettings, yesNo } from "./cni-parts.ts";
import { keyBackends, keyContexts, keySettings } from "./flannel-keys.ts";
import { overlayContexts, overlayPlugins, overlaySettings } from "./overlays.ts";
import { stackedContexts, stackedPlugins, stackedSettings } from "./stacked.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

const plugins: readonly EnumValue[] = [
  { value: "none", summary: "No plugin: pods have no network beyond their node" },
  { value: "docker", summary: "Docker only: `docker0` with the same range on every node" },
  {
    value: "bridge",
    summary: "The reference bridge plugin with host-local; routes between the nodes are configured manually",
  },
  { value: "flannel", summary: "flannel with one of its backends" },
  {
    value: "calico",
    summary: "Calico: BGP, IPIP, or VXLAN between routed nodes, with address blocks claimed by nodes",
  },
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

const externalExample = withSettings(`cni flannel {
    backend wireguard
    external-ip true
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
    routes true
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
    documentation: `Determines the devices, routes, neighbor and FDB entries, and netfilter rules of each node, and the interface of each
pod. The block contains the plugin's settings; a node can override some of them in its own \`cni\` block.`,
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
    summary: "CNI settings of this node, which override the cluster's settings",
    documentation: `The settings in this block apply to this node; all other settings are the cluster's. A node with a different plugin
than the cluster is not part of the other nodes' pod network.`,
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
        summary: "One prefix per address family",
        default: "the cluster's pod CIDR",
      },
    ],
    repeat: "once",
    default: "the cluster's pod CIDR",
    summary: "flannel's pod network (net-conf.json Network, IPv6Network)",
    documentation: `Must contain every node's pod CIDR; otherwise, with the kube subnet manager, flanneld exits with "subnet … specified
in the flannel net config doesn't contain … PodCIDR of the … node". Masquerading and the forward rules use this range.
The shipped manifest contains 10.244.0.0/16, regardless of the cluster's pod CIDR (pkg/subnet/config.go).`,
    example: flannelExample,
  },
  {
    keyword: "subnet-len",
    in: ["cni flannel"],
    args: value(
      { kind: "prefix-length" },
      "Prefix length of a node's subnet",
      "/24; for a network of /23 or longer, its prefix length plus 2",
    ),
    repeat: "once",
    default: "/24",
    summary: "Prefix length of each node's subnet (SubnetLen); etcd subnet manager only",
    documentation: `At most /30, and the network must contain at least four subnets. With \`subnet-manager kube\`, flannel ignores it:
kube-controller-manager assigns the node pod CIDRs (\`pods … per-node\`).`,
    example: etcdExample,
  },
  {
    keyword: "subnet-min",
    in: ["cni flannel"],
    args: value({ kind: "address" }, "First address of the first subnet", "the network's second subnet"),
    repeat: "once",
    default: "the network's second subnet",
    summary: "First subnet to lease (SubnetMin); etcd subnet manager only",
    documentation: `Must be on a \`subnet-len\` boundary in the network. By default, flannel skips the first subnet, so 10.244.0.0/16 has
255 /24 leases instead of 256.`,
    example: etcdExample,
  },
  {
    keyword: "subnet-max",
    in: ["cni flannel"],
    args: value({ kind: "address" }, "First address of the last subnet", "the network's last subnet"),
    repeat: "once",
    default: "the network's last subnet",
    summary: "Last subnet to lease (SubnetMax); etcd subnet manager only",
    documentation: `Must be on a \`subnet-len\` boundary in the network. flannel does not detect a \`subnet-max\` below \`subnet-min\`; knet does.`,
    example: etcdExample,
  },
  {
    keyword: "subnet-manager",
    in: ["cni flannel"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "kube", summary: "kube-controller-manager assigns each node's podCIDR" },
          { value: "etcd", summary: "flanneld leases subnets from etcd" },
        ],
      },
      "Which component assigns subnets",
      "kube",
    ),
    repeat: "once",
    default: "kube",
    summary: "Which component assigns each node's subnet (--kube-subnet-mgr)",
    documentation: `The shipped manifest runs flanneld with \`--kube-subnet-mgr\`. With \`etcd\`, each flanneld leases a random free subnet
from the first hundred; knet leases them in order, starting at \`subnet-min\`, so that the result is reproducible.`,
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
            { value: "vxlan", summary: "VXLAN in the kernel, device `flannel.1`, UDP port 8472, 50 bytes overhead" },
            {
              value: "host-gw",
              summary: "Routes via the nodes' own addresses; requires all nodes on one segment; no overhead",
            },
            {
              value: "udp",
              summary: "UDP in user space, device `flannel0`, port 8285, 28 bytes overhead; for debugging",
            },
            { value: "ipip", summary: "IP-in-IP, device `flannel.ipip`, protocol 4, 20 bytes overhead; IPv4 only" },
            ...keyBackends,
          ],
        },
        summary: "How packets travel between nodes",
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
    documentation: `The shipped manifest sets \`vxlan\`. If net-conf.json sets no backend, flanneld uses **udp**, although its documentation
names vxlan as the default (pkg/subnet/config.go); knet does the same. Nodes with different backends ignore each
other: neither has a route to the other's pods.`,
    example: vxlanExample,
  },
  {
    keyword: "vni",
    in: ["backend vxlan"],
    args: value({ kind: "number", min: 1, max: 16777215 }, "VXLAN network identifier", "1"),
    repeat: "once",
    default: "1",
    summary: "VXLAN network identifier (VNI)",
    documentation: `Determines the device name (\`flannel.1\` for 1) and must be the same on all nodes. On Windows, it must be 4096 or
higher.`,
    example: vxlanExample,
  },
  {
    keyword: "port",
    in: ["backend vxlan"],
    args: value(port, "UDP destination port", "8472"),
    repeat: "once",
    default: "8472",
    summary: "UDP port of the VXLAN packets (Port)",
    documentation: `If unset, flannel uses the kernel's default, 8472; the port assigned by IANA is 4789, which Windows requires. It must
be the same on all nodes, and firewalls between them must allow it.`,
    example: vxlanExample,
  },
  {
    keyword: "gbp",
    in: ["backend vxlan"],
    args: value(yesNo, "Group-based policy", "false"),
    repeat: "once",
    default: "false",
    summary: "VXLAN group-based policy extension (GBP)",
    documentation:
      "Carries the packet mark in the VXLAN header. It has no effect on paths; it must be the same on all nodes.",
    example: vxlanExample,
  },
  {
    keyword: "learning",
    in: ["backend vxlan"],
    args: value(yesNo, "MAC learning", "false"),
    repeat: "once",
    default: "false",
    summary: "MAC address learning on the VXLAN device (Learning)",
    documentation: `Off by default: flanneld adds a permanent neighbor entry (ARP/NDP) and a permanent FDB (forwarding database) entry for
each node. An address without these entries is unreachable.`,
    example: vxlanExample,
  },
  {
    keyword: "direct-routing",
    in: ["backend vxlan", "backend ipip"],
    args: value(yesNo, "Routes directly where possible", "false"),
    repeat: "once",
    default: "false",
    summary: "Routes without a tunnel to nodes on the same segment (DirectRouting)",
    documentation: `A node has a route via the peer's address, as with host-gw, to every peer that \`ip route get\` reaches without a
gateway; all other peers use the tunnel. The pods' MTU is still the tunnel's MTU.`,
    example: vxlanExample,
  },
  {
    keyword: "mtu",
    in: ["backend vxlan"],
    args: value(mtu, "MTU before the 50 bytes are subtracted", "MTU of the outgoing interface"),
    repeat: "once",
    default: "MTU of the outgoing interface",
    summary: "MTU from which flannel subtracts 50 bytes (MTU)",
    documentation: `The device and the pods use this value minus 50. If it exceeds the interface's MTU, the kernel silently reduces the
MTU of the device when it creates it; the pods' MTU is not reduced.`,
    example: vxlanExample,
  },
  {
    keyword: "port",
    in: ["backend udp"],
    args: value(port, "UDP port", "8285"),
    repeat: "once",
    default: "8285",
    summary: "UDP port between the flannel daemons (Port)",
    documentation: `flanneld reads packets from the TUN device \`flannel0\` and sends them to the peer's daemon on this port
(pkg/backend/udp).`,
    example: withSettings("cni flannel { backend udp { port 8285 } }"),
  },
  {
    keyword: "ip-masq",
    in: flannel,
    args: value(yesNo, "Masquerade", "true (manifest default)"),
    repeat: "once",
    default: "true",
    summary: "Masquerades packets that leave the pod network (--ip-masq)",
    documentation: `flanneld's own default is false, but the shipped manifest passes \`--ip-masq\`. Without it, the bridge plugin
masquerades instead, **including packets between pods on different nodes**, which violates the rule that a pod sees
the other pod's own address (pkg/trafficmngr).`,
    example: flannelExample,
  },
  {
    keyword: "iptables-forward-rules",
    in: flannel,
    args: value(yesNo, "Accept in FORWARD", "true"),
    repeat: "once",
    default: "true",
    summary: "Accepts forwarded pod packets (--iptables-forward-rules)",
    documentation: `Adds rules for packets from and to the network to the chain \`FLANNEL-FWD\`. Needed if another program (Docker since
1.13) sets the FORWARD policy to DROP.`,
    example: flannelExample,
  },
  {
    keyword: "nftables",
    in: flannel,
    args: value(yesNo, "nftables instead of iptables", "false"),
    repeat: "once",
    default: "false",
    summary: "Writes nftables instead of iptables rules (EnableNFTables)",
    documentation: `Uses the tables \`flannel-ipv4\` and \`flannel-ipv6\`. One rule differs: packets from external sources to a pod on another
node are not masqueraded (pkg/trafficmngr/nftables).`,
    example: flannelExample,
  },
  {
    keyword: "external-ip",
    in: ["cni flannel"],
    args: value(yesNo, "Use the nodes' `external-ip`", "false"),
    repeat: "once",
    default: "false",
    summary: "Announces the nodes' external addresses to other nodes (k3s --flannel-external-ip)",
    documentation: `k3s sets the annotation \`flannel.alpha.coreos.com/public-ip-overwrite\` of each node with an \`external-ip\` to this address.
Other nodes send tunnel packets to it. \`public-ip\` in the block of a node takes precedence. Only \`wireguard\` works if the
address is behind NAT (docs.k3s.io, Distributed hybrid or multicloud cluster).`,
    example: externalExample,
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
    summary: "Interface used to reach the other nodes (--iface)",
    documentation: `Its address is the node's public address, and the pods' MTU is derived from its MTU. The default is wrong if the
default route uses another network, as on Vagrant machines, where the first interface always has 10.0.2.15.`,
    example: nodeExample,
  },
  {
    keyword: "public-ip",
    in: ["node cni flannel"],
    args: value({ kind: "address" }, "Address that other nodes use for this node", "the interface's address"),
    repeat: "once",
    default: "the interface's address",
    summary: "Address that other nodes send to (--public-ip)",
    documentation:
      "For nodes behind NAT. Must be different on each node. host-gw rejects an address that is not the interface's own.",
    example: nodeExample,
  },
  {
    keyword: "bridge",
    in: ["cni bridge"],
    args: value({ kind: "device", creates: true }, "Name of the bridge", "cni0"),
    repeat: "once",
    default: "cni0",
    summary: "Name of the bridge device",
    documentation:
      "Created by the bridge plugin for the first pod on a node (containernetworking/plugins, plugins/main/bridge).",
    example: bridgeExample,
  },
  {
    keyword: "gateway",
    in: ["cni bridge"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "first", summary: "The first host address of the node's pod CIDR" },
          { value: "last", summary: "The last host address of the node's pod CIDR" },
        ],
      },
      "Host address of the bridge",
      "first",
    ),
    repeat: "once",
    default: "first",
    summary: "Address of the bridge in the node's pod CIDR; the pods' default gateway",
    documentation: `host-local defaults to the first host address as the gateway; \`last\` sets its \`gateway\` to the last one. Pods are
assigned the remaining addresses in order.`,
    example: bridgeExample,
  },
  {
    keyword: "routes",
    in: ["cni bridge"],
    args: value(yesNo, "Routes between the nodes", "true"),
    repeat: "once",
    default: "true",
    summary: "Host routes to the other nodes' pods, as an administrator would add them",
    documentation: `\`ip route add <pod CIDR> via <node address>\` for each other node. The kernel rejects the route if the node is not on
the same segment. The bridge plugin itself adds no routes. With \`false\`, knet adds no routes to the nodes; routers can have them instead.`,
    example: bridgeExample,
  },
  {
    keyword: "ip-masq",
    in: ["cni bridge"],
    args: value(yesNo, "Masquerade", "false"),
    repeat: "once",
    default: "false",
    summary: "Masquerades packets that leave the node's own pod CIDR (ipMasq)",
    documentation: `The plugin's \`ipMasq\`, false by default. If true, it applies to all destinations outside the node's own pod CIDR,
including pods on other nodes.`,
    example: bridgeExample,
  },
  {
    keyword: "hairpin-mode",
    in: ["cni bridge"],
    args: value(yesNo, "Hairpin mode", "false"),
    repeat: "once",
    default: "false",
    summary: "Bridge hairpin mode: sends frames back through the port they arrived on (hairpinMode)",
    documentation: `The plugin's \`hairpinMode\`, false by default: a pod does not reach itself through a service if it is selected as the
endpoint. If true, the plugin enables hairpin mode on the bridge port of each pod.`,
    example: bridgeExample,
  },
  {
    keyword: "mtu",
    in: ["cni bridge"],
    args: value(mtu, "MTU of the bridge and the pods", "1500"),
    repeat: "once",
    default: "1500",
    summary: "MTU of the bridge and the pods' interfaces",
    documentation: "If unset, the kernel creates veth pairs with MTU 1500.",
    example: bridgeExample,
  },
  {
    keyword: "mtu",
    in: ["cni docker"],
    args: value(mtu, "MTU of `docker0` and the containers", "1500"),
    repeat: "once",
    default: "1500",
    summary: "MTU of `docker0` and the containers' interfaces",
    documentation: `dockerd's \`--mtu\`; 1500 by default, regardless of the host interface.`,
    example: dockerExample,
  },
  {
    keyword: "ip-masq",
    in: ["cni docker"],
    args: value(yesNo, "Masquerade", "true"),
    repeat: "once",
    default: "true",
    summary: "Masquerades packets from the `docker0` range to other networks",
    documentation: `dockerd's \`--ip-masq\`, true by default: containers can reach external networks, but external machines never see their
addresses.`,
    example: dockerExample,
  },
  {
    keyword: "forward-policy",
    in: ["cni docker"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "drop", summary: "FORWARD policy DROP (Docker 1.13 and later)" },
          { value: "accept", summary: "FORWARD policy ACCEPT (before Docker 1.13, or set by an administrator)" },
        ],
      },
      "Policy of the FORWARD chain",
      "drop",
    ),
    repeat: "once",
    default: "drop",
    summary: "Action on forwarded packets that no rule accepts",
    documentation: `Docker's own rules accept packets from \`docker0\` to other interfaces, packets between containers on \`docker0\`, and
replies. With the policy DROP, all other packets are dropped, such as packets to other pods.`,
    example: dockerExample,
  },
  ...keySettings,
  ...cloudSettings,
  ...stackedSettings,
  ...overlaySettings,
];
