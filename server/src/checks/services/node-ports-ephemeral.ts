import type { Source } from "../../language/tree.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
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
        { fixes: source.statement.keyword.text === "node-port-range" ? [upTo(first, source)] : [] },
      );
    }
  },
};

function upTo(first: number, source: Source): Fix {
  // What Kubernetes has by itself, where nothing of the range would be left.
  const range = `${first < FIRST ? first : 30000}-${FIRST - 1}`;
  return replaceFix(`Use ${range}`, sourceAt(source, 0), range);
}
