/** Findings from causes; shared by the checks KN201 to KN209. */

import { plural } from "../../text/words.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding } from "../finding.ts";
import type { ReachabilityCode } from "./blame.ts";
import { type Cause, causesOf, hopsOf } from "./causes.ts";

export function* reportCauses(
  check: Check & { readonly code: ReachabilityCode },
  context: CheckContext,
  message: (cause: Cause) => string,
  fixes: (cause: Cause) => readonly Fix[] = () => [],
): Iterable<Finding> {
  for (const cause of causesOf(context, check.code)) {
    yield finding(check, cause.source, message(cause), {
      related: hopsOf(cause.example.failed, context.topology),
      fixes: fixes(cause),
    });
  }
}

/** "pod a on node n1 cannot reach pod b on node n2 (12 pairs of nodes)". */
export function whoCannot({ example, pairs, nodes }: Cause): string {
  const { from, to } = example.probe;
  const verb = example.isReply ? "gets no answer from" : "cannot reach";
  return `${from.name} ${verb} ${to.name}${howMany(pairs, nodes)}`;
}

export function howMany(pairs: number, nodes: boolean): string {
  if (pairs <= 1) return "";
  return nodes ? ` (so in ${plural(pairs, "pair")} of nodes)` : ` (so on ${plural(pairs, "node")})`;
}

/** "the answer" or "the packet". */
export function subject({ example }: Cause): string {
  return example.isReply ? "the answer" : "the packet";
}
