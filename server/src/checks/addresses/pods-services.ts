import { family, prefixEquals, subnetCount } from "../../addressing/ip.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { overlapFindings } from "../../findings/overlaps.ts";
import type { Conflict } from "../../questions/plan.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";

export const podsServices: Check<"KN101"> = {
  code: "KN101",
  name: "pod-service-overlap",
  family: "addresses",
  severity: "error",
  summary: "The pod CIDR and the service CIDR of a cluster overlap.",
  documentation: `## What happens

An address can belong to both a pod and a service. kube-proxy rewrites packets to it before the routing decision, so the
service takes precedence, and the pod is unreachable on that port. With IPVS, the address is also assigned to
\`kube-ipvs0\` on every node.

No component warns about the overlap: kubeadm and flannel do not compare the two ranges, and kube-controller-manager
silently withholds the node pod CIDRs that overlap the service CIDR, so fewer nodes can be assigned one.

## How to fix it

Use two disjoint ranges. Both are hard to change in a running cluster.

## References

- kubernetes/kubernetes, \`pkg/controller/nodeipam/ipam/cidrset\``,
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
      consequence: (conflict) => consequence(context.topology, conflict),
    }),
};

/** With the number of node pod CIDRs that kube-controller-manager marks as used. */
function consequence(topology: Topology, { a, b }: Conflict): string {
  const fact = t`services take precedence over pods with the same address`;
  const pods = topology.clusters
    .find((one) => one.name === a.cluster)
    ?.podCidrs.find((one) => prefixEquals(one.prefix, a.prefix));
  if (!pods || b.prefix.len < a.prefix.len || pods.perNode < a.prefix.len) return fact;
  const blocks = b.prefix.len >= pods.perNode ? 1 : subnetCount(b.prefix, pods.perNode);
  const all = subnetCount(pods.prefix, pods.perNode);
  return family(pods.prefix.ip) === 6
    ? fact
    : t`services take precedence, and ${number(blocks)} of ${plural(all, "node pod CIDR")} cannot be assigned`;
}
