import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { removeFix } from "../../fixes/fix.ts";
import { withStatedPort } from "../../questions/per-service.ts";
import { t } from "../../text/l10n.ts";

export const nodePortRange: Check<"KN504"> = {
  code: "KN504",
  name: "node-port-outside-range",
  family: "services",
  severity: "error",
  summary: "A node port is outside the cluster's node port range.",
  documentation: `## What happens

kube-apiserver rejects the service ("provided port is not in the valid range"). The range is set by \`--service-node-port-range\`:
30000-32767, unless \`node-port-range\` sets a different range.

## How to fix it

Choose a port in the range, or remove \`node-port\`: kube-apiserver then allocates a free port.

## References

- kubernetes.io, *Service*, section *type: NodePort*
- kubernetes.io, *kube-apiserver*, \`--service-node-port-range\``,
  example: { bad: shop(service("node-port 8080")), good: shop(service("node-port 30080")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { first, last, source } = cluster.services.nodePorts;
      for (const one of withStatedPort(cluster)) {
        for (const { nodePort, nodePortGiven, nodePortSource } of one.ports) {
          if (nodePort === undefined || !nodePortGiven || (nodePort >= first && nodePort <= last)) continue;
          yield finding(
            nodePortRange,
            nodePortSource,
            t`node port ${nodePort} of service \`${one.name}\` is outside the cluster's range ${first}-${last}: kube-apiserver rejects the service`,
            {
              related: [{ source, message: t`node port range ${first}-${last}` }],
              fixes:
                nodePortSource.part === "whole"
                  ? [removeFix(t`Remove node port ${nodePort} and allocate a free port`, nodePortSource)]
                  : [],
            },
          );
        }
      }
    }
  },
};
