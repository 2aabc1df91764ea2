import { family, prefixEquals, subnetCount } from "../../addressing/ip.ts";
import { number } from "../../text/words.ts";
import type { Topology } from "../../topology/model.ts";
import type { Check, CheckContext } from "../check.ts";
import { overlapFindings } from "./overlaps.ts";
import type { Conflict } from "./plan.ts";

export const podsServices: Check = {
  code: "KN101",
  name: "pod-service-overlap",
  family: "addresses",
  severity: "error",
  summary: "A cluster's pod range and its service range share addresses.",
  documentation: `One address can then be a pod's and a service's. A packet to it is translated by kube-proxy before the routing
decision, so the service wins and the pod cannot be reached at that port; under IPVS the address is even local to every node.
Nothing else warns: neither kubeadm nor flannel compares the two ranges, and kube-controller-manager silently withholds the
node blocks that lie in the service range (\`pkg/controller/nodeipam/ipam/cidrset\`), so fewer nodes get a pod range.

Give the two disjoint ranges. Both are hard to change in a running cluster.`,
  example: {
    bad: `cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.244.240.0/20
  cni flannel { backend vxlan }
}
`,
    good: `cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
}
`,
  },
  run: (context: CheckContext) =>
    overlapFindings(podsServices, context, {
      kind: "pods-services",
      blame: "b",
      consequence: (conflict) =>
        `an address there can be a pod and a service at once, and the service wins${withheld(context.topology, conflict)}`,
    }),
};

/** The node blocks that kube-controller-manager marks as used. */
function withheld(topology: Topology, { a, b }: Conflict): string {
  const pods = topology.clusters
    .find((one) => one.name === a.cluster)
    ?.podCidrs.find((one) => prefixEquals(one.prefix, a.prefix));
  if (!pods || b.prefix.len < a.prefix.len || pods.perNode < a.prefix.len) return "";
  const blocks = b.prefix.len >= pods.perNode ? 1 : subnetCount(b.prefix, pods.perNode);
  const all = subnetCount(pods.prefix, pods.perNode);
  return family(pods.prefix.ip) === 6 ? "" : `, and ${number(blocks)} of ${number(all)} node blocks cannot be used`;
}
