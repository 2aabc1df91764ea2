import type { Change } from "../../declared/change.ts";
import { sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, ProblemData } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import type { Fix } from "../../fixes/fix.ts";
import { isApartExpected } from "../../questions/acknowledged.ts";
import { nodeAt } from "../../questions/owner.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";

export const peersOffLink: Check<"KN220"> = {
  code: "KN220",
  name: "peers-off-link",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "Nodes that route to each other directly are not on one segment.",
  documentation: `## What happens

host-gw and plain routes send a pod's packet unmodified to the *next hop*: the node that owns the pod CIDR. A next hop is the
directly connected machine that a frame is addressed to. A node on the far side of a router cannot be a next hop. The kernel rejects
such a route (*Nexthop has invalid gateway*), flanneld logs the error every ten seconds and remains healthy, and packets
follow the default route to a router without routes to the pod CIDRs. Nothing in the Kubernetes API shows the problem.

## How to fix it

- flannel: use a backend that encapsulates. \`vxlan\` with \`direct-routing true\` tunnels only between segments.
- bridge: add routes to the pod CIDRs on the routers and disable the routes between nodes (\`routes false\`).
- kindnet has no backend that encapsulates: use a different plugin, or attach all nodes to one segment.`,
  example: {
    bad: twoRacks("cni flannel { backend host-gw }"),
    good: twoRacks("cni flannel { backend vxlan { direct-routing true } }"),
  },
  message: ({ backend, node, peer, address, pairs }) => {
    const affected = plural(pairs, "node pair");
    switch (backend) {
      case "host-gw":
        return t`host-gw requires all nodes on one segment: a router is between node \`${node}\` and next hop ${address} of node \`${peer}\` (${affected} affected)`;
      case "bridge":
        return t`plain routes require all nodes on one segment: a router is between node \`${node}\` and next hop ${address} of node \`${peer}\` (${affected} affected); use a plugin that encapsulates`;
      default:
        return t`${backend} requires all nodes on one segment and has no encapsulation: a router is between node \`${node}\` and next hop ${address} of node \`${peer}\` (${affected} affected); use a different plugin`;
    }
  },
  isExpected: ({ node }, context) => isApartExpected(node, context),
  fixes: (data, source, { topology }) => [...encapsulate(data, source), ...moveNode(data, topology)],
};

function encapsulate({ backend }: ProblemData["KN220"], source: Origin): readonly Fix[] {
  return backend === "host-gw" && source.decl.values.length === 1 && !source.decl.block
    ? [
        {
          title: t`Use \`vxlan\` with \`direct-routing true\``,
          edits: [{ kind: "replace", source: { ...source, part: 0 }, text: "vxlan { direct-routing true }" }],
        },
      ]
    : [];
}

/** Moves the peer to the first node's segment, with an allocated address. */
function moveNode({ node, peer }: ProblemData["KN220"], topology: Topology): readonly Fix[] {
  const segment = nodeAt(topology, node)?.interfaces[0]?.segment;
  const place = nodeAt(topology, peer)?.interfaces[0]?.source;
  if (segment === undefined || !place) return [];
  const [, ...addresses] = place.decl.values;
  const edits: Change[] = [
    { kind: "replace", source: sourceAt(place, 0), text: segment },
    ...addresses.map(({ index }): Change => ({ kind: "remove", source: sourceAt(place, index) })),
  ];
  const isPool =
    place !== undefined &&
    topology.clusters.some(
      ({ nodes }) =>
        nodes.filter(({ interfaces }) => interfaces[0]?.source.decl.handle === place.decl.handle).length > 1,
    );
  const title = isPool
    ? t`Attach the pool of node \`${peer}\` to \`${segment}\``
    : t`Attach node \`${peer}\` to \`${segment}\``;
  return [{ title, edits }];
}
