import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";
import { shop } from "./example.ts";

/** net.ipv4.ip_local_port_range. */
const FIRST = 32_768;
const LAST = 60_999;

export const nodePortsEphemeral: Check = {
  code: "KN510",
  name: "node-ports-ephemeral",
  family: "services",
  severity: "warning",
  summary: "The node port range meets the ports that hosts take for their own connections.",
  documentation: `Linux takes source ports from net.ipv4.ip_local_port_range, 32768 to 60999. Where a node port lies there, an answer to a connection of the node itself
may be taken for a packet to the service. Kubernetes' own range 30000-32767 ends just below.`,
  example: { bad: shop("", "node-port-range 30000-40000"), good: shop("", "node-port-range 30000-32000") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, services } of topology.clusters) {
      const { first, last, source } = services.nodePorts;
      if (first > LAST || last < FIRST) continue;
      yield finding(
        nodePortsEphemeral,
        source,
        `the node ports ${first}-${last} of cluster ${name} meet the local ports ${FIRST}-${LAST} of its nodes; end the range at ${FIRST - 1}`,
      );
    }
  },
};
