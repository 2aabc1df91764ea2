import type { Check } from "../check.ts";
import { number } from "../text.ts";

const lan = (range: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan {  # knet-ignore KN240 no probes in this lab
    range ${range}
  }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  deployment web replicas 20
}
`;

export const sharedRangeFull: Check = {
  code: "KN430",
  name: "shared-range-full",
  family: "capacity",
  severity: "error",
  summary: "A cluster has more pods than addresses in the range that they share.",
  documentation: `The IPAM plugin finds no free address, and the pods that come last stay in ContainerCreating. What is excluded does not count.`,
  example: { bad: lan("192.168.10.128/28"), good: lan("192.168.10.128/25") },
  message: ({ cluster, pods, addresses }) =>
    `cluster ${cluster} has ${number(Number(pods))} pods and ${number(Number(addresses))} addresses for them: the others do not start; take a larger range`,
};
