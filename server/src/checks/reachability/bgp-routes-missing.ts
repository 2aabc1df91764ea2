import { childOf, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { machineText } from "../../findings/machines.ts";
import { appendFix, type Fix, removeFix, setFix } from "../../fixes/fix.ts";
import { nodeAt } from "../../questions/owner.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { StationRef, Topology } from "../../topology/model.ts";

/** The ID in Calico's documentation examples. */
const CLUSTER_ID = "244.0.0.1";

export const bgpRoutesMissing: Check<"KN234"> = {
  code: "KN234",
  name: "bgp-routes-missing",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  effect: "missing-bgp-routes",
  summary: "Nodes do not learn routes to each other's blocks.",
  documentation: `## What happens

Without the node-to-node mesh, each pair of nodes needs another source for each other's routes: a common route reflector, or
routers that readvertise the routes. A BGP speaker does not readvertise routes learned from one iBGP peer to its other iBGP
peers; only a route reflector does. Packets to blocks without a route follow the default route.

## How to fix it

Enable the mesh (\`node-to-node-mesh true\`), peer all nodes with a common route reflector (\`route-reflector-cluster-id\`), or
peer with routers that readvertise the routes.

If BIRD programs the routes to a pool, use \`backend bird\` and advertise the pool, or select an encapsulation whose routes
Felix programs (\`vxlan\`).

## References

- RFC 4271, section 9.2
- RFC 4456
- Calico: \`spec.bgp.routeReflectorClusterID\` of the Node resource`,
  example: {
    bad: twoNodes("cni calico {\n  pool default\n  node-to-node-mesh false\n}"),
    good: twoNodes("cni calico {\n  pool default\n  node-to-node-mesh true\n}"),
  },
  message: (data) => {
    const { cluster, pairs } = data;
    const count = plural(pairs, "node pair");
    const fact =
      pairs === 1
        ? t`${count} of cluster \`${cluster}\` has no routes to each other's blocks`
        : t`${count} of cluster \`${cluster}\` have no routes to each other's blocks`;
    switch (data.cause) {
      case "mesh-off":
        return t`${between(fact, data)}: the node-to-node mesh is disabled and no peer is configured`;
      case "not-reflected":
        return t`${between(fact, data)}: ${machineText(data.via)} does not readvertise iBGP routes; set \`route-reflector-cluster-id\``;
      case "not-exported":
        return t`${fact}: BIRD programs the routes to pool \`${data.pool}\`, but the pool is not advertised (\`disable-bgp-export\`); advertise it, or use an encapsulation that Felix programs`;
      case "no-bgp":
        return t`${fact}: BIRD programs the routes to pool \`${data.pool}\`, but the backend does not run BIRD; use \`backend bird\`, or set \`vxlan\` on the pool`;
      case "no-session":
        return t`${between(fact, data)}: no chain of BGP sessions connects them; use a common route reflector or the mesh`;
    }
  },
  fixes: (data, source, { topology }) => {
    const cni = topology.clusters.find(({ name }) => name === data.cluster)?.cni.source;
    if (!cni) return [];
    switch (data.cause) {
      case "not-reflected":
        return reflectorFix(topology, data.via);
      case "not-exported":
        return [removeFix(t`Advertise the pool`, sourceAt(source, "whole"))];
      case "no-bgp":
        return [setFix(t`Use \`backend bird\``, cni, "backend", "bird")];
      case "mesh-off":
      case "no-session":
        return [setFix(t`Enable the node-to-node mesh`, cni, "node-to-node-mesh", "true")];
    }
  },
};

function between(fact: string, { node, peer }: { readonly node: StationRef; readonly peer: StationRef }): string {
  return t`${fact} (${machineText(node)} to ${machineText(peer)})`;
}

/** Makes the node a route reflector; not possible for a node of a pool, whose statement applies to all its nodes. */
function reflectorFix(topology: Topology, via: StationRef): readonly Fix[] {
  const node = nodeAt(topology, via.path);
  if (node?.source.decl.spec?.keyword !== "node") return [];
  const title = t`Make ${machineText(via)} a route reflector`;
  const id = `route-reflector-cluster-id ${CLUSTER_ID}`;
  const own = childOf(node.source, "cni");
  return [own === node.source ? appendFix(title, own, `cni calico { ${id} }`) : appendFix(title, own, id)];
}
