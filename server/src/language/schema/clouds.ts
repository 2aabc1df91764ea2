/** Plugins that leave the way between nodes to the network around them: kubenet, kindnet, and those of the clouds. */
import { mtu, value, withSettings, yesNo } from "./cni-parts.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

export const cloudPlugins: readonly EnumValue[] = [
  { value: "kubenet", summary: "kubenet: cbr0 on each node, and the cloud's route table between them" },
  { value: "kindnet", summary: "kindnet, the network of kind: veth pairs without a bridge, routes between the nodes" },
  { value: "aws-vpc", summary: "Amazon VPC CNI: pods have addresses of the VPC, on the machines' own interfaces" },
  { value: "azure", summary: "Azure CNI: addresses of the subnet, or an overlay that the VNet carries" },
  { value: "gke", summary: "GKE, VPC-native: each node's range is an alias range of its interface" },
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
    cloud-routes on
    route-limit 400
    non-masquerade 10.0.0.0/8
    mtu 1500
  }
  node n1 { attach subnet 10.240.0.4 { source-check off } }
  node n2 { attach subnet 10.240.0.5 { source-check off } }
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
    args: value(
      {
        kind: "enum",
        values: [
          { value: "on", summary: "Each node's range is a route in the cloud's table" },
          { value: "off", summary: "It is not; routers may have routes of their own" },
        ],
      },
      "Routes in the cloud's table",
      "on",
    ),
    repeat: "once",
    default: "on",
    summary: "The cloud's route table leads each node's range to the node (--configure-cloud-routes)",
    documentation: `The route controller of the cloud controller manager writes \`podCIDR → instance\` into the route table of the nodes' network. Here
the routers that are attached to the nodes' segments have these routes. With \`off\` they have none, and pods of different nodes do not
reach each other unless the routers have routes of their own.`,
    example: kubenetExample,
  },
  {
    keyword: "route-limit",
    in: ["cni kubenet"],
    args: value({ kind: "number", min: 1, max: 100000 }, "Routes in one table", "the cloud's"),
    repeat: "once",
    default: "the cloud's: 50 on AWS, 400 on Azure",
    summary: "How many routes the cloud's table holds, where the quota was raised",
    documentation: `A node takes one route of each family. Beyond the limit the route controller writes no more, the node keeps the condition
NetworkUnavailable, and nobody reaches its pods. A table on AWS holds 50 by default and 1,000 at most, one on Azure 400; knet takes that
of the segment's \`cloud\`.`,
    example: kubenetExample,
  },
  {
    keyword: "non-masquerade",
    in: ["cni kubenet"],
    args: value({ kind: "prefix" }, "Destinations that see the pod's own address", "10.0.0.0/8"),
    repeat: "once",
    default: "10.0.0.0/8",
    summary: "Where packets go without masquerading (kubelet's --non-masquerade-cidr)",
    documentation: `Everything else gets the node's address, packets between pods included: a pod range outside 10.0.0.0/8 needs this setting. 0.0.0.0/0
switches masquerading off (pkg/kubelet/dockershim/network/kubenet).`,
    example: kubenetExample,
  },
  {
    keyword: "mtu",
    in: ["cni kubenet", "cni kindnet"],
    args: value(mtu, "MTU of the pods' interfaces", "that of the node's interface"),
    repeat: "once",
    default: "that of the node's interface",
    summary: "MTU of the pods' interfaces",
    documentation: `kubenet takes the smallest MTU among the node's interfaces, kindnet that of the interface with the default route.`,
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
      "Type of the machine",
      "m5.large",
    ),
    repeat: "once",
    default: "m5.large",
    summary: "How many interfaces (ENIs) the machine may have, and how many addresses each",
    documentation: `Each interface keeps its first address, the others are for pods: ENIs × (addresses − 1), and two more pods of the host network, is what
kubelet's \`max-pods\` should be (misc/eni-max-pods.txt). Other types: \`enis\` and \`ips-per-eni\`.`,
    example: awsExample,
  },
  {
    keyword: "enis",
    in: ["cni aws-vpc"],
    args: value({ kind: "number", min: 1, max: 15 }, "Network interfaces", "those of the instance type"),
    repeat: "once",
    default: "those of the instance type",
    summary: "How many network interfaces the machine may have",
    documentation: `For types that \`instance\` does not list; both numbers stand in AWS' table of network interfaces.`,
    example: awsPrefixExample,
  },
  {
    keyword: "ips-per-eni",
    in: ["cni aws-vpc"],
    args: value({ kind: "number", min: 2, max: 64 }, "IPv4 addresses", "those of the instance type"),
    repeat: "once",
    default: "those of the instance type",
    summary: "How many IPv4 addresses one network interface may have",
    documentation: `For types that \`instance\` does not list; both numbers stand in AWS' table of network interfaces.`,
    example: awsPrefixExample,
  },
  {
    keyword: "prefix-delegation",
    in: ["cni aws-vpc"],
    args: value(yesNo, "Prefixes instead of addresses", "false"),
    repeat: "once",
    default: "false",
    summary: "Each slot of an interface is a /28 instead of one address (ENABLE_PREFIX_DELEGATION)",
    documentation: `Sixteen times as many pods; AWS recommends at most 110. The subnet must have free, aligned /28 blocks.`,
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
          { value: "ipv6", summary: "Pods have IPv6 addresses, of a /80 for each node" },
        ],
      },
      "The pods' family",
      "ipv4",
    ),
    repeat: "once",
    default: "ipv4",
    summary: "Which family the pods have; a cluster has one of them",
    documentation: `With IPv6 each node has a /80 of its subnet on its first interface. Nothing is masqueraded.`,
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
        summary: "The VPC's ranges",
        default: "those of all segments with `cloud aws`",
      },
    ],
    repeat: "once",
    default: "those of all segments with `cloud aws`",
    summary: "The ranges of the VPC: what is outside sees the node's address",
    documentation: `ipamd reads them from the machine's metadata. Packets to them keep the pod's address.`,
    example: awsExample,
  },
  {
    keyword: "external-snat",
    in: ["cni aws-vpc"],
    args: value(yesNo, "Somebody else translates", "false"),
    repeat: "once",
    default: "false",
    summary: "A NAT gateway translates instead of the node (AWS_VPC_K8S_CNI_EXTERNALSNAT)",
    documentation: `Without it what leaves the VPC gets the address of the node's first interface, and leaves by it. With it pods keep their addresses, and answers
from peered networks find them.`,
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
        summary: "Ranges outside the VPC that see the pod's address",
      },
    ],
    repeat: "once",
    summary: "Ranges that are not translated either (AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS)",
    documentation: `Peered networks and what is behind a VPN, where pods are to be seen as themselves.`,
    example: awsExample,
  },
  {
    keyword: "mtu",
    in: ["cni aws-vpc"],
    args: value({ kind: "number", min: 576, max: 9001, unit: "bytes" }, "MTU", "9001"),
    repeat: "once",
    default: "9001",
    summary: "MTU of the interfaces and pods (AWS_VPC_ENI_MTU)",
    documentation: `At most that of the machine's interface. Behind a VPN or an Internet gateway 1500 is what arrives.`,
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
            summary: "A /24 of the pods' range for each node; the VNet carries it without a tunnel in the machines",
          },
          { value: "node-subnet", summary: "Addresses of the nodes' subnet, reserved for each node when it is made" },
        ],
      },
      "Where pods' addresses come from",
      "overlay",
    ),
    repeat: "once",
    default: "overlay",
    summary: "Where pods have their addresses from",
    documentation: `In an overlay only the cluster's own pods and nodes have a way to the pods; what leaves the cluster gets the node's address. The range may be the same in several
clusters. With \`node-subnet\` every machine of the VNet reaches the pods, and the subnet needs (nodes + 1) × (1 + max-pods) addresses; max-pods
is 30 there unless stated, 250 in an overlay.`,
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
        default: "azure: the pods' range, or the VNet's; gke: all private and reserved ranges",
      },
    ],
    repeat: "once",
    default: "azure: the pods' range, or the VNet's; gke: all private and reserved ranges",
    summary: "Where packets go without masquerading (ip-masq-agent's nonMasqueradeCIDRs)",
    documentation: `ip-masq-agent masquerades everything else. GKE's default (\`--nomasq-all-reserved-ranges\`) spares RFC 1918, 100.64.0.0/10, the documentation ranges
and 240.0.0.0/4.`,
    example: gkeExample,
  },
  {
    keyword: "ip-masq",
    in: ["cni gke"],
    args: value(yesNo, "Masquerade", "true"),
    repeat: "once",
    default: "true",
    summary: "Packets to other networks get the node's address (default SNAT)",
    documentation: `Off as with \`--disable-default-snat\`, where private ranges are used on the Internet's side or a Cloud NAT does it.`,
    example: gkeExample,
  },
];
