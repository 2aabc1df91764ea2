import { plural } from "../../text/words.ts";
import type { Cluster, Topology } from "../../topology/model.ts";
import type { Check, Fix } from "../check.ts";
import { bgpPeering } from "../examples.ts";
import { setEdit, wordsEdit } from "../finding.ts";
import { sourceAt } from "../source.ts";

/** Lines of one fix. */
const MOST_EDITS = 50;

export const bgpLoop: Check = {
  code: "KN235",
  name: "bgp-loop",
  family: "reachability",
  severity: "warning",
  summary: "Nodes discard each other's routes as AS loops.",
  documentation: `A speaker drops a path that holds its own AS number (RFC 4271 section 9.1.2). Where all nodes are in one AS and peer by eBGP with their routers, each sees its own number in
the others' paths. What a node learns no route to follows its default route, and reaches its end only where that router knows the blocks. Let the router put its own number in its place (\`as-override\`), let the nodes accept it (\`num-allowed-local-as-numbers\`), or
give each rack an AS number of its own.`,
  example: {
    bad: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 }"),
    good: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  impliedBy: ["KN230", "KN231", "KN232", "KN233"],
  message: ({ node, peer, pairs, as, via }) =>
    `${node} discards what ${via} tells of ${peer}: AS ${as}, its own, is in the path (${plural(Number(pairs), "such pair")} of nodes), and such packets follow the default route; use as-override on the router's peers, or num-allowed-local-as-numbers`,
  fixes: ({ cluster: name, as }, _source, { topology }) => [
    ...overrideFix(topology, Number(as)),
    ...acceptFix(topology.clusters.find((one) => one.name === name)),
  ],
};

/** All routers put their own number in the place of the nodes'. */
function overrideFix({ routers }: Topology, as: number): readonly Fix[] {
  const peers = routers.flatMap(({ bgp }) =>
    (bgp?.peers ?? []).filter((peer) => bgp?.as !== as && peer.as === as && !peer.asOverride),
  );
  if (peers.length === 0 || peers.length > MOST_EDITS) return [];
  return [
    {
      title: "Let the routers put their own number in its place",
      edits: peers.map(({ source }) => wordsEdit(source, "as-override")),
    },
  ];
}

/** The nodes take paths with their own number in them. */
function acceptFix(cluster: Cluster | undefined): readonly Fix[] {
  const cni = cluster?.cni.source;
  const peers = (cni?.statement.block?.statements ?? []).filter(({ keyword }) => keyword.text === "peer");
  if (!cni || peers.length === 0 || peers.length > MOST_EDITS) return [];
  const keyword = "num-allowed-local-as-numbers";
  return [
    {
      title: "Let the nodes accept paths with their own number",
      edits: peers.map((statement) => setEdit(sourceAt({ ...cni, statement }, "whole"), keyword, "1")),
    },
  ];
}
