import { family, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import { routesOf } from "../../dataplane/print.ts";
import type { Check, CheckContext } from "../check.ts";
import { nodesInside, overlapFindings } from "./overlaps.ts";
import type { Conflict } from "./plan.ts";

export const podsSegment: Check = {
  code: "KN102",
  name: "pod-segment-overlap",
  family: "addresses",
  severity: "error",
  summary: "A cluster's pod range contains addresses of a segment, a node, a router or a host.",
  documentation: `Every node has routes for the pod range that are more specific than its default route. A packet to a station
whose address lies in that range follows them: to a tunnel, to another node, to a bridge on which nobody answers. If the
station is a node, the cluster itself breaks: the outer packets of a tunnel are routed into the tunnel, \`kubectl logs\` fails for
some nodes, others flap.

Typical: Calico's default 192.168.0.0/16 on a home or office network, Cilium's default 10.0.0.0/8 on anything in 10/8.
Choose a pod range that no segment uses.`,
  example: {
    bad: `segment office { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 192.168.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach office 192.168.10.11; pod-cidr 192.168.1.0/24 }
}
`,
    good: `segment office { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach office 192.168.10.11 }
}
`,
  },
  run: (context) =>
    overlapFindings(podsSegment, context, {
      kind: "pods-segment",
      blame: "a",
      isSaid: (conflict) => isRefused(context, conflict),
      consequence: (conflict) => {
        const nodes = nodesInside(context.topology, conflict.a.cluster, conflict);
        if (isCaptured(context, conflict)) {
          return nodes === undefined
            ? "packets to stations there follow the pod routes and never arrive"
            : `packets to ${nodes}, whose addresses lie there, follow the pod routes`;
        }
        return nodes === undefined
          ? "packets from pods to stations there pass for pod traffic and keep the pods' addresses, which nobody there knows, and once a node gets a block there they follow its route"
          : `once a node gets a block there, packets to ${nodes}, whose addresses lie there, follow its route`;
      },
    }),
};

/** A network of the nodes, over which the plugin itself does not start (KN165). */
function isRefused({ topology, found }: CheckContext, { a, b }: Conflict): boolean {
  const nodes =
    found("KN165").length > 0 ? (topology.clusters.find(({ name }) => name === a.cluster)?.nodes ?? []) : [];
  return nodes.some(({ interfaces }) => interfaces.some(({ segment }) => segment === b.segment));
}

/** Is a node's route for pods in the shared part already? Connected routes of its interfaces are none. */
function isCaptured({ topology, network }: CheckContext, { a, shared }: Conflict): boolean {
  const cluster = topology.clusters.find(({ name }) => name === a.cluster);
  if (cluster?.nodes.some(({ podCidrs }) => podCidrs.some(({ prefix }) => rangesOverlap(prefixRange(prefix), shared))))
    return true;
  const netns = network.netns(cluster?.nodes[0]?.path ?? "");
  if (!netns) return true;
  return routesOf(netns, family(shared.first)).some(
    ({ dst, proto, nexthops }) =>
      dst.len > 0 &&
      rangesOverlap(prefixRange(dst), shared) &&
      !(proto === "kernel" && nexthops.every(({ dev }) => netns.devices.get(dev ?? "")?.kind === "physical")),
  );
}
