import { hasChild, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { appendEdit, appendFix, type Fix, setEdit } from "../../fixes/fix.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";

const cluster = (nodes: number, mesh: string): string => `segment lan { cidr 10.0.0.0/16; gateway 10.0.0.1 }
cluster prod {
  pods 10.240.0.0/13
  services 10.96.0.0/12
  cni calico${mesh}
  nodes w 1..${nodes} { attach lan }
}
`;

export const bgpMeshSize: Check<"KN421"> = {
  code: "KN421",
  name: "bgp-mesh-size",
  family: "capacity",
  severity: "warning",
  summary: "A full BGP mesh has too many sessions.",
  documentation: `## What happens

In the node-to-node mesh, each of N nodes has N−1 sessions, N·(N−1)/2 in total: 4,950 for 100 nodes, 499,500 for 1,000.
Above about 100 nodes, the cost is noticeable: BIRD's memory use, the reconnects after a restart, and the processing of
each route change.

## How to fix it

Disable the mesh and make a few nodes route reflectors, or peer with the top-of-rack routers.`,
  example: {
    bad: cluster(150, ""),
    good: cluster(100, ""),
  },
  message: ({ cluster: name, nodes, sessions, each }) =>
    t`the full BGP mesh of cluster \`${name}\` has ${plural(sessions, "session")} between ${plural(nodes, "node")} (${number(each)} per node); above about 100 nodes, disable it and use route reflectors`,
  fixes: ({ cluster: name }, _source, { topology }) => {
    const cluster = topology.clusters.find((one) => one.name === name);
    return cluster ? [...reflectorFix(cluster), ...vxlanFix(cluster)] : [];
  },
};

/** Makes two nodes with their own `node` statements route reflectors for all nodes. */
function reflectorFix({ cni, nodes }: Cluster): readonly Fix[] {
  const own = nodes.filter(
    ({ source }) => source.decl.spec?.keyword === "node" && !hasChild(source, "labels") && !hasChild(source, "cni"),
  );
  const [first, second] = own;
  if (!first || !second || hasChild(cni.source, "peer")) return [];
  const reflector = "labels route-reflector=true\ncni calico { route-reflector-cluster-id 244.0.0.1 }";
  return [
    {
      title: t`Make \`${first.name}\` and \`${second.name}\` route reflectors`,
      edits: [
        ...[first, second].map(({ source }) => appendEdit(sourceAt(source, "whole"), reflector)),
        ...(hasChild(cni.source, "node-to-node-mesh")
          ? [setEdit(cni.source, "node-to-node-mesh", "false"), appendEdit(cni.source, PEER)]
          : [appendEdit(cni.source, `node-to-node-mesh false\n${PEER}`)]),
      ],
    },
  ];
}

const PEER = "peer reflectors { peer-selector route-reflector=true }";

/** With VXLAN, Felix installs the routes, and BGP is not required. */
function vxlanFix({ cni }: Cluster): readonly Fix[] {
  const isPlain = ["pool", "peer", "backend"].every((keyword) => !hasChild(cni.source, keyword));
  const text = "backend vxlan\npool default-ipv4-ippool { vxlan always; nat-outgoing true }";
  return isPlain ? [appendFix(t`Use VXLAN (no BGP required)`, cni.source, text)] : [];
}
