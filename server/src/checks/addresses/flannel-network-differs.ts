import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const flannelNetworkDiffers: Check<"KN134"> = {
  code: "KN134",
  name: "flannel-network-differs",
  family: "addresses",
  severity: "warning",
  effect: "other-network",
  summary: "flannel's network differs from the pod CIDR.",
  documentation: `## What happens

flannel writes its masquerade and forwarding rules for \`Network\`, but kube-controller-manager allocates node pod CIDRs
from \`--cluster-cidr\`. If the network is smaller, nodes with a pod CIDR outside it have no pod network (KN133). If it is
larger, packets from pods to the additional addresses are not masqueraded. With the udp and wireguard backends, these
packets do not even leave the node, because the route for the whole network points to the tunnel device.

## How to fix it

Remove \`network\`: flannel then uses the pod CIDR.`,
  example: {
    bad: twoNodes("cni flannel {\n  network 10.240.0.0/12\n  backend vxlan\n}"),
    good: twoNodes("cni flannel {\n  network 10.244.0.0/16\n  backend vxlan\n}"),
  },
  message: ({ network, pods }) =>
    t`flannel's network ${network} differs from the pod CIDR ${pods}: flannel writes its NAT and forwarding rules for the wrong range`,
  fixes: (_, source) => [removeFix(t`Remove \`network\` and use the pod CIDR`, { ...source, part: "whole" })],
};
