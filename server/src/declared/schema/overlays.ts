/** Plugins with a single layer-2 network across all nodes: Weave Net. */
import { mtu, value, withSettings } from "./cni-parts.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

export const overlayPlugins: readonly EnumValue[] = [
  {
    value: "weave",
    summary: "Weave Net (archived): one layer-2 network across all nodes, bridge `weave`, UDP port 6784",
  },
];

export const overlayContexts: Readonly<Record<string, string>> = { weave: "cni weave" };

const weaveExample = withSettings(`cni weave {
    range 10.32.0.0/12
    per-node /20
    mtu 1376
  }`).replace("  pods 10.244.0.0/16\n", "");

export const overlaySettings: readonly KeywordSpec[] = [
  {
    keyword: "range",
    in: ["cni weave"],
    args: value({ kind: "prefix" }, "An IPv4 prefix", "10.32.0.0/12"),
    repeat: "once",
    default: "10.32.0.0/12",
    summary: "Addresses of all pods and of the nodes' bridges (IPALLOC_RANGE)",
    documentation: `Weave ignores \`pods\` and the node pod CIDRs: its own IPAM divides this range among the nodes. The Weave launcher exits
if the range overlaps an existing route on the node.`,
    example: weaveExample,
  },
  {
    keyword: "per-node",
    in: ["cni weave"],
    args: value({ kind: "prefix-length" }, "Prefix length of a node's part", "the range's prefix length plus 8"),
    repeat: "once",
    default: "the range's prefix length plus 8",
    summary: "Part of the range that a node allocates pod addresses from",
    documentation: `Weave divides the range among the initial nodes and transfers address space between nodes later. knet assigns each
node a block of this length, in declaration order, so the result is reproducible. Forwarding is not affected: all
addresses are on-link.`,
    example: weaveExample,
  },
  {
    keyword: "mtu",
    in: ["cni weave"],
    args: value(mtu, "MTU of the bridge, pods, and tunnel", "1376"),
    repeat: "once",
    default: "1376",
    summary: "MTU of the bridge, the pods, and the tunnel (WEAVE_MTU)",
    documentation: `The default leaves room for encryption on networks with an MTU of 1460 bytes. Without encryption, the maximum is the
network's MTU minus 50 bytes.`,
    example: weaveExample,
  },
];
