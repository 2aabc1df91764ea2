import type { Check } from "../../findings/check.ts";
import { setFix } from "../../fixes/fix.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const cluster = (limit: string): string => `segment subnet { cidr 10.240.0.0/22; cloud aws; gateway vpc }
router vpc { attach subnet 10.240.0.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.0.0.0/16
  cni kubenet${limit}
  nodes w 1..60 { attach subnet { source-check false } }
}
`;

export const cloudRouteLimit: Check<"KN410"> = {
  code: "KN410",
  name: "cloud-route-limit",
  family: "capacity",
  severity: "error",
  summary: "The cluster needs more routes than the cloud route table allows.",
  documentation: `## What happens

With kubenet, the cloud route table contains one route per node and address family. An AWS route table is limited to 50
routes by default and 1,000 at most, an Azure route table to 400. The route controller fails for the remaining nodes:
they keep the condition NetworkUnavailable, and their pods are unreachable.

## How to fix it

If possible, raise the quota and set \`route-limit\` to the new value. Or use a plugin that does not need routes: the
cloud's own plugin, or one that encapsulates.`,
  example: { bad: cluster(""), good: cluster(" { route-limit 1000 }") },
  message: ({ cluster: name, routes, limit }) =>
    t`cluster \`${name}\` requires ${plural(routes, "route")}, but the cloud route table supports ${number(limit)}: pods on the remaining nodes are unreachable; raise the quota, or use a plugin without cloud routes`,
  fixes: ({ cluster: name, routes }, _source, { topology }) => {
    const cluster = topology.clusters.find((one) => one.name === name);
    if (!cluster) return [];
    const quota = Math.ceil(routes / 50) * 50;
    return [
      setFix(
        t`Set the quota (\`route-limit\`) to ${plural(quota, "route")}`,
        cluster.cni.source,
        "route-limit",
        String(quota),
      ),
    ];
  },
};
