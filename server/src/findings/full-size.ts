/** Findings from full-size packets. */
import type { Journey } from "../dataplane/journey.ts";
import { mtuFixes } from "../fixes/mtu.ts";
import { type Fate, type FullSize, fullSizeOf } from "../questions/full-size.ts";
import { t } from "../text/l10n.ts";
import { howMany } from "./causes.ts";
import type { CheckContext, CheckInfo } from "./check.ts";
import { type Finding, finding } from "./finding.ts";
import { hopsOf } from "./hops.ts";

/** `who`: "from pod `a` on node `prod/n1` to pod `b` on node `prod/n2` (6 node pairs affected)". */
export function* reportFullSize(
  check: CheckInfo,
  context: CheckContext,
  fate: Fate,
  message: (one: FullSize, who: string) => string,
): Iterable<Finding> {
  for (const one of fullSizeOf(context)) {
    if (one.fate !== fate) continue;
    yield finding(check, one.source, message(one, `${one.fromTo}${howMany(one.pairs, !one.isOutside)}`), {
      related: hopsOf(one.journey, context.topology),
      fixes: mtuFixes(context, one),
    });
  }
}

/** Why the packet was lost: a full clause, for use after a colon. */
export function lossOf({ reason }: Journey): string {
  return reason?.message ?? t`the packet is lost`;
}
