import type { Check, CheckContext } from "../../findings/check.ts";
import { TWO_SPINES } from "../../findings/examples/fabric.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { brokenRelated, brokenText, endsText } from "../../findings/outages.ts";
import { singleFailures } from "../../questions/failures/single.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export const breaksOnFailure: Check<"KN705"> = {
  code: "KN705",
  name: "expectation-breaks-on-failure",
  family: "expectations",
  severity: "warning",
  summary: "With `check --failures 1`, an expectation fails after a single failure.",
  documentation: `## What happens

\`knet check --failures 1\` evaluates each expectation again after every single failure: of a link, a router, a node, a route
reflector, or a BGP session, by the rules of \`survives\` (KN704). The message names the first failure that breaks the
expectation and the number of these failures; the related locations are the failed element and the hops of the lost packet.

An expectation of the form \`A -> B via X\` describes the path without failures and is not evaluated again. A \`blocked\`
expectation breaks if the packet is delivered on the path that is used after the failure.

## How to fix it

Add a second path or endpoint. If the application tolerates the failure, ignore the warning with a \`knet-ignore\` comment.`,
  example: {
    bad: `${TWO_SPINES}expect l1 -> b reachable
`,
    good: `${TWO_SPINES}expect l1 -> l2 reachable
`,
    failures: true,
  },
  *run(context: CheckContext): Iterable<Finding> {
    for (const { subject, broken, failures } of singleFailures(context).expectations) {
      const [first] = broken;
      if (!first || subject.want.kind === "survives") continue;
      const count = broken.reduce((sum, { alike }) => sum + alike, 0);
      const message = t`\`${endsText(subject)}\` does not survive a single failure: ${brokenText(context.topology, first)} (${count} of ${plural(failures, "failure")})`;
      yield finding(breaksOnFailure, subject.source, message, { related: brokenRelated(context.topology, first) });
    }
  },
};
