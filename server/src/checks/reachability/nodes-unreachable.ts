import type { Check } from "../check.ts";
import { otherNetwork } from "./blame.ts";
import type { Cause } from "./causes.ts";
import { lostFixes, sharedNetworkFixes } from "./mend.ts";
import { reportCauses, subject, whoCannot } from "./report.ts";

const cluster = (router: string): string => `segment rack-a { cidr 192.168.10.0/24; gateway 192.168.10.1 }
segment rack-b { cidr 192.168.20.0/24; gateway 192.168.20.1 }
router tor { attach rack-a 192.168.10.1; attach rack-b 192.168.20.1${router} }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach rack-a 192.168.10.11 }
  node n2 { attach rack-b 192.168.20.12 }
}
`;

export const nodesUnreachable: Check & { readonly code: "KN204" } = {
  code: "KN204",
  name: "nodes-unreachable",
  family: "reachability",
  severity: "error",
  summary: "Two nodes of a cluster cannot reach each other.",
  documentation: `Every mode, with or without encapsulation, needs the nodes' own addresses to be reachable from each other. knet asks this of clusters that have no pods yet;
where there are pods it sends packets between them and tells what stops those.

Where machines have several networks the plugin may go by the wrong one: flannel takes the interface of the default route, Calico the first one. The finding says so
where the nodes share another segment.`,
  example: { bad: cluster("; route 192.168.20.12/32 blackhole"), good: cluster("") },
  run: (context) =>
    reportCauses(
      nodesUnreachable,
      context,
      (cause) =>
        `${whoCannot(cause)}: ${subject(cause)} is lost, as ${cause.example.reason?.message ?? "nobody takes it"}${otherWay(cause)}`,
      (cause) => [
        ...(otherNetwork(cause.example) === undefined ? [] : sharedNetworkFixes(cause.example.probe.cluster)),
        ...lostFixes(context.topology, cause),
      ],
    ),
};

function otherWay({ example }: Cause): string {
  const segment = otherNetwork(example);
  return segment === undefined
    ? ""
    : `; the tunnel is between addresses that do not meet, and both nodes are on segment ${segment}: let the plugin use their addresses there`;
}
