import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { plural } from "../text.ts";

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
};
