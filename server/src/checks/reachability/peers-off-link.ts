import type { Source } from "../../language/tree.ts";
import { plural } from "../../text/words.ts";
import type { Topology } from "../../topology/model.ts";
import type { Check, Fix, FixEdit, ProblemData } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { sourceAt } from "../source.ts";
import { nodeAt } from "../topology.ts";

export const peersOffLink: Check = {
  code: "KN220",
  name: "peers-off-link",
  family: "reachability",
  severity: "error",
  summary: "Routes between nodes need one layer-2 segment, and the nodes are in several.",
  documentation: `host-gw and plain routes send a pod's packet unchanged to the node that owns the range, as the *next hop*: the layer-2 neighbour
to which a frame is addressed. Behind a router it is none. The kernel refuses such a route (*Nexthop has invalid gateway*), flanneld
logs the error every ten seconds and stays healthy, and packets follow the default route to a router that knows nothing of pods.
Nothing in the API shows it.

Use a backend that encapsulates: \`vxlan\` with \`direct-routing true\` tunnels only between segments. Or let the routers
know the pod ranges and switch the routes between nodes off.`,
  example: {
    bad: twoRacks("cni flannel { backend host-gw }"),
    good: twoRacks("cni flannel { backend vxlan { direct-routing true } }"),
  },
  message: ({ backend, node, peer, address, pairs }) =>
    `${backend === "bridge" ? "plain routes need" : `${backend} needs`} all nodes in one segment: ${node} cannot have ${address} of ${peer} as next hop, since a router is between them (${plural(Number(pairs), "such pair")} of nodes); use a backend that encapsulates, such as vxlan with direct-routing`,
  fixes: (data, source, { topology }) => [...encapsulate(data, source), ...moveNode(data, topology)],
};

function encapsulate({ backend }: ProblemData, source: Source): readonly Fix[] {
  return backend === "host-gw" && source.statement.args.length === 1 && source.statement.block === undefined
    ? [
        {
          title: "Use vxlan with direct-routing",
          edits: [{ kind: "replace", source: { ...source, part: 0 }, text: "vxlan { direct-routing true }" }],
        },
      ]
    : [];
}

/** The other node on the first one's segment, with an address that knet gives. */
function moveNode({ node, peer }: ProblemData, topology: Topology): readonly Fix[] {
  const segment = nodeAt(topology, String(node))?.interfaces[0]?.segment;
  const place = nodeAt(topology, String(peer))?.interfaces[0]?.source;
  if (segment === undefined || !place) return [];
  const [, ...addresses] = place.statement.args;
  const edits: FixEdit[] = [
    { kind: "replace", source: sourceAt(place, 0), text: segment },
    ...addresses.map((_, i): FixEdit => ({ kind: "remove", source: sourceAt(place, i + 1) })),
  ];
  const isPool =
    place !== undefined &&
    topology.clusters.some(
      ({ nodes }) => nodes.filter(({ interfaces }) => interfaces[0]?.source.statement === place.statement).length > 1,
    );
  return [{ title: `Attach ${isPool ? `the pool of ${peer}` : peer} to ${segment}, too`, edits }];
}
