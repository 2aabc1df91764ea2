/** Findings from causes, and the parts of their messages that the reachability and MTU checks share. */

import type { Fix } from "../fixes/fix.ts";
import type { CauseKind } from "../questions/blame.ts";
import { type Cause, causesOf } from "../questions/causes.ts";
import { type FailingQuery, queriesOf } from "../questions/replay.ts";
import { plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { CheckContext, CheckInfo } from "./check.ts";
import { type Finding, finding } from "./finding.ts";
import { hopsOf } from "./hops.ts";

/** How a check reports one kind of causes. */
export interface CauseReport {
  readonly kind: CauseKind;
  readonly message: (cause: Cause) => string;
  readonly fixes?: (cause: Cause) => readonly Fix[];
  /** Further lost packets with the same cause. */
  readonly queries?: (cause: Cause) => readonly FailingQuery[];
}

export function* reportCauses(check: CheckInfo, context: CheckContext, report: CauseReport): Iterable<Finding> {
  const { kind, message, fixes, queries } = report;
  for (const cause of causesOf(context, kind)) {
    yield finding(check, cause.source, message(cause), {
      related: hopsOf(cause.example.failed, context.topology),
      fixes: fixes?.(cause) ?? [],
      queries: [...queriesOf(cause.example.probe), ...(queries?.(cause) ?? [])],
    });
  }
}

/** "pod `a` on node `prod/n1` cannot reach pod `b` on node `prod/n2` (12 node pairs affected)". */
export function whoCannot({ example, pairs, nodes }: Cause): string {
  const { from, to } = example.probe;
  const fact = example.isReply
    ? t`${from.name} receives no reply from ${to.name}`
    : t`${from.name} cannot reach ${to.name}`;
  return `${fact}${howMany(pairs, nodes)}`;
}

/** " (12 node pairs affected)"; empty for a single pair. */
export function howMany(pairs: number, nodes: boolean): string {
  if (pairs <= 1) return "";
  return ` (${nodes ? t`${plural(pairs, "node pair")} affected` : t`${plural(pairs, "node")} affected`})`;
}

/** Why the packet was lost: a full clause, for use after a colon. */
export function reasonOf({ example }: Cause): string {
  return example.reason?.message ?? t`the packet is lost`;
}
