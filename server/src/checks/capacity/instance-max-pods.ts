import type { Check } from "../../findings/check.ts";
import { setFix } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const cluster = (maxPods: string): string => `segment subnet { cidr 10.0.0.0/20; cloud aws; gateway vpc }
router vpc { attach subnet 10.0.0.1 }
cluster prod {
  services 172.20.0.0/16
  max-pods ${maxPods}
  cni aws-vpc { instance t3.medium }
  nodes w 1..2 { attach subnet }
}
`;

export const instanceMaxPods: Check<"KN412"> = {
  code: "KN412",
  name: "instance-max-pods",
  family: "capacity",
  severity: "warning",
  summary: "The value of `max-pods` exceeds the number of addresses on the machine's network interfaces.",
  documentation: `## What happens

The Amazon VPC CNI assigns addresses from the machine's network interfaces to pods. The number of pods depends on the
instance type: ENIs × (addresses − 1), plus two pods on the host network (29 on m5.large). kube-scheduler considers only
kubelet's \`max-pods\`: pods beyond the number of addresses stay in ContainerCreating with *failed to assign an IP address
to container*.

## How to fix it

Set \`max-pods\` to the value in \`misc/eni-max-pods.txt\`, use \`prefix-delegation\`, or use a larger instance type.

## References

- Amazon VPC CNI plugin: \`misc/eni-max-pods.txt\``,
  example: { bad: cluster("110"), good: cluster("17") },
  message: ({ instance, enis, ips, most, maxPods }) =>
    t`\`max-pods\` is ${number(maxPods)}, but ${instance} supports ${plural(most, "pod")} (${plural(enis, "network interface")} with ${plural(ips, "address", "addresses")} each): the remaining pods stay in ContainerCreating; use prefix delegation or a larger instance type`,
  fixes: ({ most }, source, { topology }) => {
    const cluster = clusterAt(topology, source);
    if (!cluster) return [];
    return [
      setFix(t`Set \`max-pods ${most}\``, cluster.source, "max-pods", String(most)),
      setFix(t`Enable prefix delegation`, cluster.cni.source, "prefix-delegation", "true"),
    ];
  },
};
