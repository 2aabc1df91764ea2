import { formatIp, network } from "../../addressing/ip.ts";
import { childOf, keywordOf, readAt, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix, replaceFix } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";

export const flannelConfig: Check<"KN130"> = {
  code: "KN130",
  name: "flannel-config",
  family: "addresses",
  severity: "error",
  explains: ["missing-pod-cidrs"],
  summary: "flanneld rejects its network configuration.",
  documentation: `## What happens

With the etcd subnet manager, flanneld validates \`Network\`, \`SubnetLen\`, \`SubnetMin\`, and \`SubnetMax\` when it starts,
and exits with the quoted error if a rule is violated:

- The network must contain at least four subnets.
- A subnet must not be smaller than /30.
- The first and the last subnet must be inside the network and on a subnet boundary.

## How to fix it

Fix the setting that the error names, or remove it to use the default.

## References

- flannel: \`pkg/subnet/config.go\` (\`CheckNetworkConfig\`)`,
  example: {
    bad: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-len /24\n  subnet-min 10.244.16.5\n  backend vxlan\n}",
    ),
    good: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-len /24\n  subnet-min 10.244.16.0\n  backend vxlan\n}",
    ),
  },
  message: ({ error }) => t`flanneld fails to start: "${error}"`,
  fixes: (_data, source, { topology }) => {
    const keyword = keywordOf(source);
    const whole = sourceAt(source, "whole");
    const cni = clusterAt(topology, source)?.cni.source;
    if (!cni || keyword === undefined || !SUBNETS.has(keyword)) return [];
    const stated = readAt(childOf(cni, "subnet-len", 0))?.value;
    const len = stated?.kind === "length" ? stated.len : stated?.kind === "number" ? stated.value : 24;
    const given = readAt(sourceAt(source, 0));
    const boundary = given?.value.kind === "address" ? formatIp(network(given.value.ip, len)) : undefined;
    return [
      ...(boundary === undefined || boundary === given?.text
        ? []
        : [replaceFix(t`Change to ${boundary} (start of a subnet)`, sourceAt(source, 0), boundary)]),
      removeFix(t`Remove \`${keyword}\``, whole),
    ];
  },
};

const SUBNETS: ReadonlySet<string> = new Set(["subnet-len", "subnet-min", "subnet-max"]);
