/** Plugins that rely on the surrounding network between nodes: kubenet, kindnet, and the plugins of the cloud providers. */
import { mtu, value, withSettings, yesNo } from "./cni-parts.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

export const cloudPlugins: readonly EnumValue[] = [
  { value: "kubenet", summary: "kubenet: `cbr0` on each node, connected by the cloud route table" },
  {
    value: "kindnet",
    summary: "kindnet, the default network of kind: veth pairs without a bridge, routes between the nodes",
  },
  { value: "aws-vpc", summary: "Amazon VPC CNI: pods have VPC addresses on the nodes' own network interfaces (ENIs)" },
  { value: "azure", summary: "Azure CNI: pod addresses from the subnet, or an overlay carried by the VNet" },
  { value: "gke", summary: "GKE, VPC-native: each node's pod CIDR is an alias range of its interface" },
];

export const cloudContexts: Readonly<Record<string, string>> = {
  kubenet: "cni kubenet",
  kindnet: "cni kindnet",
  "aws-vpc": "cni aws-vpc",
  azure: "cni azure",
  gke: "cni gke",
};

const kubenetExample = `segment subnet { cidr 10.240.0.0/24; cloud azure; gateway vpc }
router vpc { attach subnet 10.240.0.1 }
cluster prod {
  pods 10.244.0.0/16
  cni kubenet {
    cloud-routes true
    route-limit 400
    non-masquerade 10.0.0.0/8
    mtu 1500
  }
  node n1 { attach subnet 10.240.0.4 { source-check false } }
  node n2 { attach subnet 10.240.0.5 { source-check false } }
  pod a on n1
  pod b on n2
}
expect a -> b reachable
`;

const awsExample = `segment subnet-a {
  cidr 10.0.0.0/20
  cloud aws
  gateway vpc
}
router vpc { attach subnet-a 10.0.0.1 }
cluster prod {
  services 172.20.0.0/16
  cni aws-vpc {
    instance m5.large
    ip-family ipv4
    vpc 10.0.0.0/16
    external-snat false
    exclude-snat 192.168.0.0/16
    mtu 9001
  }
  nodes w 1..2 { attach subnet-a }
  pod a
  pod b
}
expect a -> b reachable
`;

const awsPrefixExample = awsExample
  .replace("instance m5.large", "prefix-delegation true\n    enis 3\n    ips-per-eni 10")
  .replace("services 172.20.0.0/16", "services 172.20.0.0/16\n  max-pods 110");

const azureExample = `segment nodes {
  cidr 10.224.0.0/16
  cloud azure
  gateway vnet
}
router vnet { attach nodes 10.224.0.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.0.0.0/16
  cni azure {
    mode overlay
    non-masquerade 10.244.0.0/16
  }
  nodes w 1..2 { attach nodes }
  pod a
  pod b
}
expect a -> b reachable
`;

const gkeExample = `segment subnet {
  cidr 10.128.0.0/20
  cloud gcp
  gateway vpc
}
router vpc { attach subnet 10.128.0.1 }
cluster prod {
  pods 10.4.0.0/14
  services 34.118.224.0/20
  max-pods 110
  cni gke {
    ip-masq true
    non-masquerade 10.0.0.0/8
  }
  nodes w 1..2 { attach subnet }
  pod a
  pod b
}
expect a -> b reachable
`;

const kindnetExample = withSettings("cni kindnet { mtu 1500 }");

export const cloudSettings: readonly KeywordSpec[] = [
  {
    keyword: "cloud-routes",
    in: ["cni kubenet"],
    args: value(yesNo, "Routes in the cloud route table", "true"),
    repeat: "once",
    default: "true",
    summary: "The cloud route table routes each node's pod CIDR to the node (--configure-cloud-routes)",
    documentation: `The route controller of the cloud controller manager writes \`podCIDR → instance\` into the route table of the nodes'
network. In knet, the routers attached to the nodes' segments have these routes. With \`false\`, they do not, and pods on
different nodes cannot reach each other unless the routers have their own routes.`,
    example: kubenetExample,
  },
  {
    keyword: "route-limit",
    in: ["cni kubenet"],
    args: value({ kind: "number", min: 1, max: 100000 }, "Routes per route table", "the cloud's quota"),
    repeat: "once",
    default: "the cloud's quota: 50 on AWS, 400 on Azure",
    summary: "Route quota of the cloud route table, if it was raised",
    documentation: `Each node uses one route per address family. Beyond the quota, the route controller adds no more routes: a node
without a route keeps the condition NetworkUnavailable, and its pods are unreachable. A route table on AWS has 50
routes by default and at most 1,000, on Azure 400; the default is the quota of the segment's \`cloud\`.`,
    example: kubenetExample,
  },
  {
    keyword: "non-masquerade",
    in: ["cni kubenet"],
    args: value({ kind: "prefix" }, "Destinations that see the pod's own address", "10.0.0.0/8"),
    repeat: "once",
    default: "10.0.0.0/8",
    summary: "Destinations that are not masqueraded (kubelet's --non-masquerade-cidr)",
    documentation: `Packets to all other destinations are masqueraded, including packets between pods: a pod CIDR outside 10.0.0.0/8
requires this setting. 0.0.0.0/0 disables masquerading (pkg/kubelet/dockershim/network/kubenet).`,
    example: kubenetExample,
  },
  {
    keyword: "mtu",
    in: ["cni kubenet", "cni kindnet"],
    args: value(mtu, "MTU of the pods' interfaces", "the node interface's MTU"),
    repeat: "once",
    default: "the node interface's MTU",
    summary: "MTU of the pods' interfaces",
    documentation:
      "kubenet uses the smallest MTU of the node's interfaces, kindnet the MTU of the interface with the default route.",
    example: kindnetExample,
  },
  {
    keyword: "instance",
    in: ["cni aws-vpc"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "t3.nano", summary: "2 interfaces with 2 IPv4 addresses each: 4 pods" },
          { value: "t3.micro", summary: "2 interfaces with 2 IPv4 addresses each: 4 pods" },
          { value: "t3.small", summary: "3 interfaces with 4 IPv4 addresses each: 11 pods" },
          { value: "t3.medium", summary: "3 interfaces with 6 IPv4 addresses each: 17 pods" },
          { value: "t3.large", summary: "3 interfaces with 12 IPv4 addresses each: 35 pods" },
          { value: "t3.xlarge", summary: "4 interfaces with 15 IPv4 addresses each: 58 pods" },
          { value: "t4g.medium", summary: "3 interfaces with 6 IPv4 addresses each: 17 pods" },
          { value: "c5.large", summary: "3 interfaces with 10 IPv4 addresses each: 29 pods" },
          { value: "c5.xlarge", summary: "4 interfaces with 15 IPv4 addresses each: 58 pods" },
          { value: "m5.large", summary: "3 interfaces with 10 IPv4 addresses each: 29 pods" },
          { value: "m5.xlarge", summary: "4 interfaces with 15 IPv4 addresses each: 58 pods" },
          { value: "m5.2xlarge", summary: "4 interfaces with 15 IPv4 addresses each: 58 pods" },
          { value: "m5.4xlarge", summary: "8 interfaces with 30 IPv4 addresses each: 234 pods" },
          { value: "m6i.large", summary: "3 interfaces with 10 IPv4 addresses each: 29 pods" },
          { value: "m6i.xlarge", summary: "4 interfaces with 15 IPv4 addresses each: 58 pods" },
          { value: "m7g.medium", summary: "2 interfaces with 4 IPv4 addresses each: 8 pods" },
          { value: "m7g.large", summary: "3 interfaces with 10 IPv4 addresses each: 29 pods" },
          { value: "m7i.large", summary: "3 interfaces with 10 IPv4 addresses each: 29 pods" },
          { value: "r5.large", summary: "3 interfaces with 10 IPv4 addresses each: 29 pods" },
        ],
      },
      "Instance type of the node",
      "m5.large",
    ),
    repeat: "once",
    default: "m5.large",
    summary: "Maximum number of network interfaces (ENIs) and of addresses per interface",
    documentation: `Each interface keeps its first address; the others are for pods. kubelet's \`max-pods\` should be ENIs × (addresses −
1), plus two host-network pods (misc/eni-max-pods.txt). For other instance types, use \`enis\` and \`ips-per-eni\`.`,
    example: awsExample,
  },
  {
    keyword: "enis",
    in: ["cni aws-vpc"],
    args: value({ kind: "number", min: 1, max: 15 }, "Network interfaces", "the instance type's limit"),
    repeat: "once",
    default: "the instance type's limit",
    summary: "Maximum number of network interfaces",
    documentation: `For instance types that \`instance\` does not list; see AWS's table of network interfaces.`,
    example: awsPrefixExample,
  },
  {
    keyword: "ips-per-eni",
    in: ["cni aws-vpc"],
    args: value({ kind: "number", min: 2, max: 64 }, "IPv4 addresses", "the instance type's limit"),
    repeat: "once",
    default: "the instance type's limit",
    summary: "Maximum number of IPv4 addresses per network interface",
    documentation: `For instance types that \`instance\` does not list; see AWS's table of network interfaces.`,
    example: awsPrefixExample,
  },
  {
    keyword: "prefix-delegation",
    in: ["cni aws-vpc"],
    args: value(yesNo, "Prefixes instead of addresses", "false"),
    repeat: "once",
    default: "false",
    summary: "Each address slot of an interface is a /28 prefix (ENABLE_PREFIX_DELEGATION)",
    documentation:
      "Allows 16 times as many pods; AWS recommends at most 110. The subnet must contain free, aligned /28 blocks.",
    example: awsPrefixExample,
  },
  {
    keyword: "ip-family",
    in: ["cni aws-vpc"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "ipv4", summary: "Pods have IPv4 addresses" },
          { value: "ipv6", summary: "Pods have IPv6 addresses from a /80 per node" },
        ],
      },
      "Address family of the pods",
      "ipv4",
    ),
    repeat: "once",
    default: "ipv4",
    summary: "Address family of the pods; a cluster has one",
    documentation: "With IPv6, each node has a /80 of its subnet on its first interface. Nothing is masqueraded.",
    example: awsExample,
  },
  {
    keyword: "vpc",
    in: ["cni aws-vpc"],
    args: [
      {
        name: "value",
        type: { kind: "prefix" },
        many: true,
        summary: "CIDRs of the VPC",
        default: "the prefixes of all segments with `cloud aws`",
      },
    ],
    repeat: "once",
    default: "the prefixes of all segments with `cloud aws`",
    summary: "CIDRs of the VPC: destinations outside them see the node's address",
    documentation: "ipamd reads them from the instance metadata. Packets to them keep the pod's address.",
    example: awsExample,
  },
  {
    keyword: "external-snat",
    in: ["cni aws-vpc"],
    args: value(yesNo, "NAT is done elsewhere", "false"),
    repeat: "once",
    default: "false",
    summary: "A NAT gateway does the source NAT instead of the node (AWS_VPC_K8S_CNI_EXTERNALSNAT)",
    documentation: `With false, packets to destinations outside the VPC leave through the node's first interface, with its address as the
source. With true, pods keep their addresses, and replies from peered networks reach them.`,
    example: awsExample,
  },
  {
    keyword: "exclude-snat",
    in: ["cni aws-vpc"],
    args: [
      {
        name: "value",
        type: { kind: "prefix" },
        many: true,
        summary: "CIDRs outside the VPC that see the pod's address",
      },
    ],
    repeat: "once",
    summary: "Additional CIDRs excluded from source NAT (AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS)",
    documentation: "For peered networks and VPNs where pods keep their own addresses.",
    example: awsExample,
  },
  {
    keyword: "mtu",
    in: ["cni aws-vpc"],
    args: value({ kind: "number", min: 576, max: 9001, unit: "bytes" }, "MTU", "9001"),
    repeat: "once",
    default: "9001",
    summary: "MTU of the interfaces and pods (AWS_VPC_ENI_MTU)",
    documentation:
      "At most the MTU of the node's interface. Behind a VPN or an internet gateway, the effective MTU is 1500.",
    example: awsExample,
  },
  {
    keyword: "mode",
    in: ["cni azure"],
    args: value(
      {
        kind: "enum",
        values: [
          {
            value: "overlay",
            summary: "A /24 of the pod CIDR per node; the VNet carries the packets, without a tunnel on the nodes",
          },
          { value: "node-subnet", summary: "Addresses from the nodes' subnet, reserved when the node is created" },
        ],
      },
      "Source of the pod addresses",
      "overlay",
    ),
    repeat: "once",
    default: "overlay",
    summary: "Source of the pod addresses",
    documentation: `With \`overlay\`, only the pods and nodes of the cluster can reach the pods, and packets that leave the cluster have the
node's address. Several clusters can use the same pod CIDR. With \`node-subnet\`, every machine in the VNet can reach
the pods, and the subnet requires (nodes + 1) × (1 + max-pods) addresses. \`max-pods\` defaults to 30 with \`node-subnet\`
and 250 with \`overlay\`.`,
    example: azureExample,
  },
  {
    keyword: "non-masquerade",
    in: ["cni azure", "cni gke"],
    args: [
      {
        name: "value",
        type: { kind: "prefix" },
        many: true,
        summary: "Destinations that see the pod's own address",
        default: "azure: the pod CIDR, or the VNet's prefixes; gke: all private and reserved ranges",
      },
    ],
    repeat: "once",
    default: "azure: the pod CIDR, or the VNet's prefixes; gke: all private and reserved ranges",
    summary: "Destinations that are not masqueraded (ip-masq-agent's nonMasqueradeCIDRs)",
    documentation: `ip-masq-agent masquerades packets to all other destinations. GKE's default (\`--nomasq-all-reserved-ranges\`) excludes
RFC 1918, 100.64.0.0/10, the documentation ranges, and 240.0.0.0/4.`,
    example: gkeExample,
  },
  {
    keyword: "ip-masq",
    in: ["cni gke"],
    args: value(yesNo, "Masquerade", "true"),
    repeat: "once",
    default: "true",
    summary: "Masquerades packets to other networks (default SNAT)",
    documentation: `False is the same as \`--disable-default-snat\`. Use it if destinations outside the cluster must see pod addresses, or
if Cloud NAT does the source NAT.`,
    example: gkeExample,
  },
];
