import { number } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { setFix } from "../finding.ts";
import { clusterAt } from "../topology.ts";

const cluster = (maxPods: string): string => `segment subnet { cidr 10.0.0.0/20; cloud aws; gateway vpc }
router vpc { attach subnet 10.0.0.1 }
cluster prod {
  services 172.20.0.0/16
  max-pods ${maxPods}
  cni aws-vpc { instance t3.medium }
  nodes w 1..2 { attach subnet }
}
`;

export const instanceMaxPods: Check = {
  code: "KN412",
  name: "instance-max-pods",
  family: "capacity",
  severity: "warning",
  summary: "kubelet may start more pods than the machine's network interfaces have addresses.",
  documentation: `The Amazon VPC CNI gives pods the addresses of the machine's network interfaces, and their number is a matter of the instance type: ENIs × (addresses − 1), and
two pods of the host network more (29 on m5.large). kube-scheduler only looks at kubelet's \`max-pods\`: pods beyond that stay in
ContainerCreating with *failed to assign an IP address to container*.

Set max-pods as misc/eni-max-pods.txt has it, use \`prefix-delegation\`, or a larger type.`,
  example: { bad: cluster("110"), good: cluster("17") },
  message: ({ instance, enis, ips, most, maxPods }) =>
    `max-pods is ${number(Number(maxPods))}, but ${instance} has ${number(Number(enis))} network interfaces with ${number(Number(ips))} addresses each, enough for ${number(Number(most))} pods: the others stay in ContainerCreating; use max-pods ${number(Number(most))}, prefix-delegation, or a larger type`,
  fixes: ({ most }, source, { topology }) => {
    const cluster = clusterAt(topology, source);
    if (!cluster) return [];
    return [
      setFix(`Allow ${number(Number(most))} pods on a node`, cluster.source, "max-pods", String(most)),
      setFix("Give the interfaces prefixes (prefix-delegation)", cluster.cni.source, "prefix-delegation", "true"),
    ];
  },
};
