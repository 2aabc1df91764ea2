import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, removeFix } from "../finding.ts";
import { withStatedPort } from "./each.ts";
import { service, shop } from "./example.ts";

export const nodePortRange: Check = {
  code: "KN504",
  name: "node-port-outside-range",
  family: "services",
  severity: "error",
  summary: "A node port lies outside the cluster's range.",
  documentation: `kube-apiserver refuses such a service: *provided port is not in the valid range*. The range is that of \`--service-node-port-range\`, 30000-32767 unless
\`node-port-range\` says otherwise. Choose a port inside, or none: a free one is allocated.`,
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
            `node port ${nodePort} of service ${one.name} is outside the cluster's range ${first}-${last}`,
            {
              related: [{ source, message: `the range is ${first}-${last}` }],
              fixes: nodePortSource.part === "whole" ? [removeFix("Let a free port be allocated", nodePortSource)] : [],
            },
          );
        }
      }
    }
  },
};
