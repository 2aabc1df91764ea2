import type { Check, CheckContext } from "../../findings/check.ts";
import { TWO_SPINES } from "../../findings/examples/fabric.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { brokenRelated, brokenText, endsText } from "../../findings/outages.ts";
import { singleFailures } from "../../questions/failures/single.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export const notSurviving: Check<"KN704"> = {
  code: "KN704",
  name: "expectation-not-surviving",
  family: "expectations",
  severity: "error",
  summary: "An expectation fails after a single failure that it must survive.",
  documentation: `## What happens

\`expect A -> B:port survives any-link\` (or \`any-node\`, \`any-router\`) requires that the packet and its reply are still delivered
after any single failure of this kind. knet removes one element at a time and sends the packet again:

- A failed link takes down the interfaces at its ends, with their addresses and the routes through them. A segment with two
  machines is one link; on a larger segment, each machine has its own link to the switch.
- A failed node or router has no interfaces. A host that forwards packets is treated as a router.
- BGP sessions through the failed element are down, and BGP selects routes again. A static route keeps its next hop: the kernel
  does not notice that a machine on the other side of a switch has failed.
- Services have no endpoints on a failed node, and another node replies for a load balancer IP.

The source and a named destination, or the nodes of these pods, do not fail, and neither does their only link. To
require that an application survives the loss of a node, use a service with several endpoints as the destination.

Failures with the same result are evaluated once. The related locations are the failed element and the hops of the first lost
packet.

## How to fix it

Add a second router, link, or endpoint, or a routing protocol that finds the second path. If the failure is acceptable, change
the expectation to \`reachable\`.

## References

- [RFC 4271](https://www.rfc-editor.org/rfc/rfc4271), section 9.1: decision process
- \`fib_sync_down_dev\` in the Linux kernel (net/ipv4/fib_semantics.c): routes after the loss of a device`,
  example: {
    bad: `${TWO_SPINES}expect a -> b survives any-router
`,
    good: `${TWO_SPINES}expect a -> b survives any-link
`,
  },
  *run(context: CheckContext): Iterable<Finding> {
    for (const { subject, broken, failures } of singleFailures(context).expectations) {
      const [first] = broken;
      if (!first || subject.want.kind !== "survives") continue;
      const count = broken.reduce((sum, { alike }) => sum + alike, 0);
      const message = t`expected \`${endsText(subject)}\` to survive ${subject.want.any}, but ${brokenText(context.topology, first)} (${count} of ${plural(failures, "failure")})`;
      yield finding(notSurviving, subject.source, message, { related: brokenRelated(context.topology, first) });
    }
  },
};
