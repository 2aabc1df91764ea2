import { plural } from "../../text/words.ts";
import type { Topology } from "../../topology/model.ts";
import type { Check, Fix } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { appendFix, removeFix, setFix } from "../finding.ts";
import { childOf, sourceAt } from "../source.ts";
import { nodeAt } from "../topology.ts";

/** As in the project's own examples. */
const CLUSTER_ID = "244.0.0.1";

export const bgpRoutesMissing: Check = {
  code: "KN234",
  name: "bgp-routes-missing",
  family: "reachability",
  severity: "error",
  summary: "Nodes learn no routes to each other's blocks.",
  documentation: `Without the mesh every pair of nodes needs another way to hear of each other: a common route reflector, or routers that pass routes on. A speaker does not tell its iBGP peers
what it has learned from others of them (RFC 4271 section 9.2); only a route reflector does (RFC 4456; Node spec.bgp.routeReflectorClusterID). Packets for
blocks without a route follow the default route.`,
  example: {
    bad: twoNodes("cni calico {\n  pool default\n  node-to-node-mesh false\n}"),
    good: twoNodes("cni calico {\n  pool default\n  node-to-node-mesh true\n}"),
  },
  impliedBy: ["KN230", "KN231", "KN232", "KN233"],
  message: ({ cluster, node, peer, pairs, cause, via }) => {
    const who = `${plural(Number(pairs), "pair")} of nodes of cluster ${cluster} ${Number(pairs) === 1 ? "has" : "have"} no routes to each other's blocks`;
    const such = `(${node} to ${peer})`;
    switch (cause) {
      case "mesh-off":
        return `${who} ${such}: the node-to-node mesh is off and there is no peer; switch it on, or peer with route reflectors or routers`;
      case "not-reflected":
        return `${who} ${such}: ${via} is no route reflector and keeps what it learns by iBGP to itself; give it a route-reflector-cluster-id`;
      case "not-exported":
        return `${who}: BIRD makes the routes to pool ${via}, which is not announced (disable-bgp-export); announce it, or give it an encapsulation that Felix makes routes for`;
      case "no-bgp":
        return `${who}: BIRD makes the routes to pool ${via}, and the backend runs none; use backend bird, or give the pool vxlan`;
      default:
        return `${who} ${such}: no chain of BGP sessions leads from one to the other; let them have a common route reflector, or the mesh`;
    }
  },
  fixes: ({ cluster: name, cause, via }, source, { topology }) => {
    const cni = topology.clusters.find((one) => one.name === name)?.cni.source;
    if (!cni) return [];
    switch (cause) {
      case "not-reflected":
        return reflectorFix(topology, String(via));
      case "not-exported":
        return [removeFix("Announce the pool", sourceAt(source, "whole"))];
      case "no-bgp":
        return [setFix("Use backend bird", cni, "backend", "bird")];
      default:
        return [setFix("Switch the node-to-node mesh on", cni, "node-to-node-mesh", "true")];
    }
  },
};

/** The node as a route reflector, where it has a statement of its own. */
function reflectorFix(topology: Topology, via: string): readonly Fix[] {
  const node = nodeAt(topology, via.replace(/^node /, ""));
  if (node?.source.statement.keyword.text !== "node") return [];
  const title = `Make ${via} a route reflector`;
  const id = `route-reflector-cluster-id ${CLUSTER_ID}`;
  const own = childOf(node.source, "cni");
  return [own === node.source ? appendFix(title, own, `cni calico { ${id} }`) : appendFix(title, own, id)];
}
