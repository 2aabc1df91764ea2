import type { Check, CheckContext } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { endsOf } from "../../questions/expectations.ts";
import { t } from "../../text/l10n.ts";

export const unclear: Check<"KN702"> = {
  code: "KN702",
  name: "expectation-unclear",
  family: "expectations",
  severity: "error",
  summary: "An expectation has an endpoint that cannot send or receive packets.",
  documentation: `## What happens

The sender must be a pod, node, router, or host with an address. The destination can also be a service, a DNS name, a
URL, or any other address. A segment, a cluster, or a namespace cannot be an endpoint, and neither can a pod without a
node or without an address.

## How to fix it

Use a pod, node, router, or host, or the address of one of them, as the sender, and one of the destinations above.`,
  example: {
    bad: `${twoNodes("cni flannel { backend vxlan }")}expect a -> lan reachable
`,
    good: `${twoNodes("cni flannel { backend vxlan }")}expect a -> n2 reachable
`,
  },
  *run(context: CheckContext): Iterable<Finding> {
    const named = new Set(context.explaining("unclear-endpoint").map(({ source }) => source.decl.handle));
    for (const expectation of context.topology.expectations) {
      if (named.has(expectation.source.decl.handle)) continue;
      const ends = endsOf(context, expectation);
      if (typeof ends === "string")
        yield finding(unclear, expectation.source, t`cannot evaluate this expectation: ${ends}`);
    }
  },
};
