/** Plugins with one layer-2 network over all nodes: Weave Net. */
import { mtu, value, withSettings } from "./cni-parts.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

export const overlayPlugins: readonly EnumValue[] = [
  { value: "weave", summary: "Weave Net (archived): one layer-2 network over all nodes, bridge weave, UDP 6784" },
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
    args: value({ kind: "prefix" }, "An IPv4 range", "10.32.0.0/12"),
    repeat: "once",
    default: "10.32.0.0/12",
    summary: "Addresses of all pods and of the nodes' bridges (IPALLOC_RANGE)",
    documentation: `Weave takes no notice of \`pods\` and of the nodes' pod CIDRs: its own allocator shares this range out among the nodes. The launcher ends where it overlaps a
route that the node has already.`,
    example: weaveExample,
  },
  {
    keyword: "per-node",
    in: ["cni weave"],
    args: value({ kind: "prefix-length" }, "Length of a node's share", "eight more than the range's"),
    repeat: "once",
    default: "eight more than the range's",
    summary: "Share of the range from which a node gives its pods addresses",
    documentation: `Weave divides the range by the number of nodes that come first and moves space between them later. knet gives each node a block of this length, in order, so
that a file always means the same. To the packets it makes no difference: all addresses are on one link.`,
    example: weaveExample,
  },
  {
    keyword: "mtu",
    in: ["cni weave"],
    args: value(mtu, "MTU of bridge, pods and tunnel", "1376"),
    repeat: "once",
    default: "1376",
    summary: "MTU of the bridge, the pods and the tunnel (WEAVE_MTU)",
    documentation: `The default fits networks of 1460 bytes with encryption. Without it the most is the network's MTU less 50.`,
    example: weaveExample,
  },
];
