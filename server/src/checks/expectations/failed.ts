import type { Journey } from "../../dataplane/journey.ts";
import { headText } from "../../declared/text.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { hopsOf } from "../../findings/hops.ts";
import { endsText } from "../../findings/outages.ts";
import { intentFixes } from "../../fixes/intent.ts";
import { lossFixes } from "../../fixes/losses.ts";
import { outcomeOf } from "../../questions/expectations.ts";
import { knownNeeds } from "../../questions/intent/single.ts";
import { t } from "../../text/l10n.ts";
import type { Expectation } from "../../topology/model.ts";

export const failed: Check<"KN701"> = {
  code: "KN701",
  name: "expectation-failed",
  family: "expectations",
  severity: "error",
  summary: "An expectation failed.",
  documentation: `## What happens

\`expect A -> B …\` states a requirement for the network. knet sends a packet through its model of the network and checks
the result:

- \`reachable\`: the packet is delivered and the reply returns, on every path. If the destination is a name, the machine or
  pod with this name must reply; for a service or a URL, one of its endpoints. Another machine with the address fails the
  expectation.
- \`blocked\`: the packet is not delivered on any path.
- \`via X\`: every path passes through X.
- \`preserves-source\`: the receiver sees the sender's address.
- \`mtu >= N\`: a packet of N bytes is delivered unfragmented.
- \`survives any-link\`, \`any-node\`, \`any-router\`: reachable; KN704 reports the failures that break it.

If both endpoints have IPv4 and IPv6 addresses, the expectation must pass for both families.

In a Terraform plan or the output of a cloud's command line, knet adds the expectations: a route to another network needs a route
back, a default route must reach the internet, and the nodes of a cluster must reach it unless they have private endpoints. The
addresses are the gateways of the subnets.

The related locations are the hops of the packet that disproves the expectation.

## How to fix it

Follow the hops to the statement that causes the failure and fix it, or change the expectation.`,
  example: {
    bad: `${twoNodes("cni flannel { backend vxlan }")}expect a -> b:81 reachable
`,
    good: `${twoNodes("cni flannel { backend vxlan }")}expect a -> b:80 reachable
`,
  },
  *run(context: CheckContext): Iterable<Finding> {
    const open = { topology: context.topology, network: context.open };
    const known = knownNeeds(open);
    for (const expectation of context.topology.expectations) {
      if (context.cancelled()) return;
      const outcome = outcomeOf(context, expectation);
      if (outcome.kind !== "fails") continue;
      const rule = expectation.want.kind === "blocked" ? undefined : ruleAt(outcome.journey);
      const why = rule === undefined ? outcome.why : t`${outcome.why}: \`${rule}\``;
      yield finding(failed, expectation.source, messageOf(expectation, why), {
        related: hopsOf(outcome.journey, context.topology),
        fixes: [
          ...(expectation.want.kind === "blocked" ? [] : lossFixes(context.topology, outcome.journey)),
          ...intentFixes(open, expectation, known),
        ],
      });
    }
  },
};

/** The `deny` rule that dropped the packet, as written in the file. */
function ruleAt({ reason }: Journey): string | undefined {
  const rule = reason?.origin?.decl;
  return rule?.spec?.keyword === "deny" ? headText(rule) : undefined;
}

function messageOf(expectation: Expectation, why: string): string {
  const { from, want } = expectation;
  const both = endsText(expectation);
  const end = both.slice(`${from} -> `.length);
  switch (want.kind) {
    case "reachable":
      return t`expected \`${both}\` to be reachable, but ${why}`;
    case "blocked":
      return t`expected \`${both}\` to be blocked, but ${why}`;
    case "via":
      return t`expected \`${both}\` to go via \`${want.station}\`, but ${why}`;
    case "preserves-source":
      return t`expected \`${both}\` to preserve the source address, but ${why}`;
    case "survives":
      return t`expected \`${both}\` to survive ${want.any}, but it is not reachable without a failure either: ${why}`;
    case "mtu":
      return t`expected packets of ${want.atLeast} bytes to be delivered from \`${from}\` to \`${end}\`, but ${why}`;
  }
}
