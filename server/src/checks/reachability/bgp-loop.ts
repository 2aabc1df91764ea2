import { childrenAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { bgpPeering } from "../../findings/examples/nodes.ts";
import { machineText } from "../../findings/machines.ts";
import { type Fix, setEdit, wordsEdit } from "../../fixes/fix.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Topology } from "../../topology/model.ts";

/** Maximum number of edits in one fix. */
const MOST_EDITS = 50;

export const bgpLoop: Check<"KN235"> = {
  code: "KN235",
  name: "bgp-loop",
  family: "reachability",
  severity: "warning",
  explains: ["lost-packets", "unannounced-blocks"],
  effect: "missing-bgp-routes",
  summary: "Nodes reject each other's routes because of AS path loops.",
  documentation: `## What happens

A BGP speaker rejects a path that contains its own AS number. If all nodes are in one AS and peer with their routers over
eBGP, each node finds its own AS number in the paths to the other nodes.

Packets to a block without a learned route follow the default route. They arrive only if the default gateway has routes to
the blocks.

## How to fix it

Use one of the following:

- Set \`as-override\` on the router's peers: the router replaces the nodes' AS number with its own.
- Set \`num-allowed-local-as-numbers\` on the nodes' peers: the nodes accept paths with their own AS number.
- Use a separate AS number for each rack.

## References

- RFC 4271, section 9.1.2`,
  example: {
    bad: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 }"),
    good: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  message: ({ node, peer, pairs, as, via }) =>
    t`${machineText(node)} rejects routes to ${machineText(peer)} from ${machineText(via)}: its own AS ${as} is in the AS path (${plural(pairs, "node pair")} affected), so packets follow the default route`,
  fixes: ({ cluster: name, as }, _source, { topology }) => [
    ...overrideFix(topology, as),
    ...acceptFix(topology.clusters.find((one) => one.name === name)),
  ],
};

/** Sets `as-override` on all router peers that are in the nodes' AS. */
function overrideFix({ routers }: Topology, as: number): readonly Fix[] {
  const peers = routers.flatMap(({ bgp }) =>
    (bgp?.peers ?? []).filter((peer) => bgp?.as !== as && peer.as === as && !peer.asOverride),
  );
  if (peers.length === 0 || peers.length > MOST_EDITS) return [];
  return [
    {
      title: t`Set \`as-override\` on the routers`,
      edits: peers.map(({ source }) => wordsEdit(source, "as-override")),
    },
  ];
}

/** Sets `num-allowed-local-as-numbers` on all peers of the cluster, so nodes accept paths with their own AS number. */
function acceptFix(cluster: Cluster | undefined): readonly Fix[] {
  const cni = cluster?.cni.source;
  const peers = cni ? childrenAt(cni, "peer") : [];
  if (!cni || peers.length === 0 || peers.length > MOST_EDITS) return [];
  const keyword = "num-allowed-local-as-numbers";
  return [
    {
      title: t`Set \`num-allowed-local-as-numbers\` on the nodes`,
      edits: peers.map((peer) => setEdit(peer, keyword, "1")),
    },
  ];
}
