/** Plugins that leave the way between nodes to the network around them: kubenet, kindnet, and those of the clouds. */
import { mtu, value, withSettings } from "./cni-parts.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

export const cloudPlugins: readonly EnumValue[] = [
  { value: "kubenet", summary: "kubenet: cbr0 on each node, and the cloud's route table between them" },
  { value: "kindnet", summary: "kindnet, the network of kind: veth pairs without a bridge, routes between the nodes" },
];

export const cloudContexts: Readonly<Record<string, string>> = {
  kubenet: "cni kubenet",
  kindnet: "cni kindnet",
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
];
