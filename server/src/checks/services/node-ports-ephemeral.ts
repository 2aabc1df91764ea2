import { sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

/** Default of net.ipv4.ip_local_port_range. */
const FIRST = 32_768;
const LAST = 60_999;

export const nodePortsEphemeral: Check<"KN510"> = {
  code: "KN510",
  name: "node-ports-ephemeral",
  family: "services",
  severity: "warning",
  summary: "The node port range overlaps the ephemeral port range.",
  documentation: `## What happens

Linux allocates source ports from \`net.ipv4.ip_local_port_range\`, 32768-60999. If a node port is in this range, a reply to
one of the node's own connections can be mistaken for a packet to the service. The Kubernetes default range 30000-32767 ends
just below it.

## How to fix it

End \`node-port-range\` at 32767 or below.

## References

- Linux kernel documentation, *IP Sysctl*, \`ip_local_port_range\`
- kubernetes.io, *kube-apiserver*, \`--service-node-port-range\``,
  example: { bad: shop("", "node-port-range 30000-40000"), good: shop("", "node-port-range 30000-32000") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, services } of topology.clusters) {
      const { first, last, source } = services.nodePorts;
      if (first > LAST || last < FIRST) continue;
      yield finding(
        nodePortsEphemeral,
        source,
        t`node ports ${first}-${last} of cluster \`${name}\` overlap the ephemeral ports ${FIRST}-${LAST} of its nodes: replies to a node's own connections can be mistaken for packets to a service`,
        { fixes: source.decl.spec?.keyword === "node-port-range" ? [upTo(first, source)] : [] },
      );
    }
  },
};

function upTo(first: number, source: Origin): Fix {
  // The start of the Kubernetes default range, if the whole range is ephemeral.
  const range = `${first < FIRST ? first : 30000}-${FIRST - 1}`;
  return replaceFix(t`Change to ${range}`, sourceAt(source, 0), range);
}
