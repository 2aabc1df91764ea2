import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const flannelSubnetIgnored: Check<"KN131"> = {
  code: "KN131",
  name: "flannel-subnet-ignored",
  family: "addresses",
  severity: "warning",
  summary: "The `subnet-len`, `subnet-min`, and `subnet-max` settings have no effect with the kube subnet manager.",
  documentation: `## What happens

With \`--kube-subnet-mgr\`, the subnet of a node is its \`podCIDR\`, which kube-controller-manager allocates from the
cluster's pod CIDR. flannel neither uses nor validates \`SubnetLen\`, \`SubnetMin\`, and \`SubnetMax\`.

## How to fix it

Set the size of the node pod CIDRs with \`pods … per-node\`, or use \`subnet-manager etcd\`.

## References

- flannel: \`pkg/subnet/kube/kube.go\``,
  example: {
    bad: twoNodes("cni flannel {\n  subnet-len /26\n  backend vxlan\n}"),
    good: twoNodes("cni flannel {\n  backend vxlan\n}"),
  },
  message: ({ setting }) =>
    t`\`${setting}\` has no effect with the kube subnet manager, which uses each node's \`podCIDR\`; the setting requires \`subnet-manager etcd\``,
  fixes: ({ setting }, source) => [removeFix(t`Remove \`${setting}\``, { ...source, part: "whole" })],
};
