import { number } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { setFix } from "../finding.ts";

const cluster = (limit: string): string => `segment subnet { cidr 10.240.0.0/22; cloud aws; gateway vpc }
router vpc { attach subnet 10.240.0.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.0.0.0/16
  cni kubenet${limit}
  nodes w 1..60 { attach subnet { source-check off } }
}
`;

export const cloudRouteLimit: Check = {
  code: "KN410",
  name: "cloud-route-limit",
  family: "capacity",
  severity: "error",
  summary: "There are more nodes than routes in the cloud's route table.",
  documentation: `With kubenet the cloud's route table holds one route of each family for each node. A table on AWS holds 50 by default and 1,000 at most, one on
Azure 400. The route controller fails for the nodes beyond that: they keep the condition NetworkUnavailable, and their pods are reached by nobody.

Raise the quota where that is possible (\`route-limit\` says what it is), or use a plugin that needs no routes: the cloud's own, or one that encapsulates.`,
  example: { bad: cluster(""), good: cluster(" { route-limit 1000 }") },
  message: ({ cluster: name, routes, limit }) =>
    `cluster ${name} needs ${number(Number(routes))} routes in the cloud's route table, which holds ${number(Number(limit))}: the pods of the other nodes are reached by nobody; raise the quota (route-limit), or use a plugin that needs no routes`,
  fixes: ({ cluster: name, routes }, _source, { topology }) => {
    const cluster = topology.clusters.find((one) => one.name === name);
    if (!cluster) return [];
    const quota = Math.ceil(Number(routes) / 50) * 50;
    return [
      setFix(`Have the quota raised to ${number(quota)} routes`, cluster.cni.source, "route-limit", String(quota)),
    ];
  },
};
