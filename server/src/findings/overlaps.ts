/** Turns conflicts of the address plan into findings; shared by the overlap checks (KN101 to KN107, KN113). */

import { rangeContains, rangeSize } from "../addressing/ip.ts";
import { freeHint, moveFixes, shrinkFixes } from "../fixes/ranges.ts";
import { valueAt } from "../memo/memo.ts";
import { type Conflict, type ConflictKind, type PlannedRange, planOf } from "../questions/plan.ts";
import { list, plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { Topology } from "../topology/model.ts";
import type { CheckContext, CheckInfo } from "./check.ts";
import { type Finding, finding, type Severity } from "./finding.ts";

export interface OverlapWording {
  readonly kind: ConflictKind;
  /** The side to change; the finding is reported there. */
  readonly blame: "a" | "b";
  /** The clause after the colon of the message. */
  readonly consequence: (conflict: Conflict) => string;
  readonly severity?: (conflict: Conflict) => Severity;
  /** Whether another finding already covers the conflict. */
  readonly isSaid?: (conflict: Conflict) => boolean;
}

export function* overlapFindings(check: CheckInfo, context: CheckContext, wording: OverlapWording): Iterable<Finding> {
  const { topology } = context;
  const { severity, blame } = wording;
  for (const [conflict, ...rest] of byRange(planOf(topology).conflicts, wording)) {
    if (context.cancelled()) return;
    if (!conflict) continue;
    const [mine, other] = sidesOf(conflict, blame);
    const others = rest.map((one) => sidesOf(one, blame)[1]);
    const consequence = wording.consequence(conflict);
    const overlap = overlapText(mine, other, others, conflict);
    yield finding(check, mine.source, t`${overlap}: ${consequence}${freeHint(topology, mine)}`, {
      ...(severity ? { severity: mostSevere([conflict, ...rest].map(severity)) } : {}),
      related: [other, ...others].map((one) => ({ source: one.source, message: labelWithNodes(one) })),
      fixes: [
        ...moveFixes(topology, mine),
        ...(others.length > 0 ? [] : [...shrinkFixes(topology, mine, other), ...shrinkFixes(topology, other, mine)]),
      ],
    });
  }
}

/** Groups conflicts by the range to change, in the order of the plan: one range is one cause. */
function byRange(
  conflicts: readonly Conflict[],
  { kind, blame, isSaid }: OverlapWording,
): readonly (readonly Conflict[])[] {
  const ranges = new Map<PlannedRange, Conflict[]>();
  for (const conflict of conflicts) {
    if (conflict.kind !== kind || isSaid?.(conflict)) continue;
    const [mine] = sidesOf(conflict, blame);
    valueAt(ranges, mine, (): Conflict[] => []).push(conflict);
  }
  return [...ranges.values()];
}

function sidesOf({ a, b }: Conflict, blame: "a" | "b"): readonly [PlannedRange, PlannedRange] {
  return blame === "a" ? [a, b] : [b, a];
}

function mostSevere(severities: readonly Severity[]): Severity {
  return (["error", "warning", "info"] as const).find((one) => severities.includes(one)) ?? "hint";
}

function overlapText(
  mine: PlannedRange,
  other: PlannedRange,
  others: readonly PlannedRange[],
  { shared }: Conflict,
): string {
  const size = plural(rangeSize(shared), "address", "addresses");
  return others.length === 0
    ? t`${mine.label} overlaps ${labelWithNodes(other)} by ${size}`
    : t`${mine.label} overlaps ${labelWithNodes(other)} by ${size} and also ${list(others.map(({ label }) => label))}`;
}

/** "Docker bridge 172.17.0.0/16 of node `prod/n1` and 2 more nodes": a bridge range that several nodes have. */
function labelWithNodes({ label, nodes }: PlannedRange): string {
  return nodes > 1 ? t`${label} and ${plural(nodes - 1, "more node", "more nodes")}` : label;
}

/** "node `prod/n1`" or "nodes `prod/n1` and `prod/n2`": the nodes with an address in the shared range, or undefined. */
export function nodesInside(topology: Topology, cluster: string, { shared }: Conflict): string | undefined {
  const nodes = topology.clusters.find((one) => one.name === cluster)?.nodes ?? [];
  const inside = nodes.filter((node) =>
    node.interfaces.some((iface) => iface.addresses.some(({ ip }) => rangeContains(shared, ip))),
  );
  const [first] = inside;
  if (!first) return undefined;
  return inside.length === 1 ? t`node \`${first.path}\`` : t`nodes ${list(inside.map(({ path }) => `\`${path}\``))}`;
}
