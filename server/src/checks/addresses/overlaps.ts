/** From conflicts of the address plan to findings; shared by the checks KN101 to KN108. */

import type { Prefix } from "../../addressing/ip.ts";
import { rangeContains } from "../../addressing/ip.ts";
import { list, number } from "../../text/words.ts";
import { valueAt } from "../../topology/cache.ts";
import type { Topology } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Severity } from "../check.ts";
import { finding } from "../finding.ts";
import { sharedPart } from "../text.ts";
import { freeHint, moveFixes, shrinkFixes } from "./free.ts";
import { type Conflict, type ConflictKind, type PlannedRange, planOf } from "./plan.ts";

export interface OverlapWording {
  readonly kind: ConflictKind;
  /** The side to change, where the finding stands. */
  readonly blame: "a" | "b";
  /** What follows, after a colon. */
  readonly consequence: (conflict: Conflict) => string;
  readonly severity?: (conflict: Conflict) => Severity;
  /** Another finding says the same and more. */
  readonly isSaid?: (conflict: Conflict) => boolean;
}

export function* overlapFindings(check: Check, context: CheckContext, wording: OverlapWording): Iterable<Finding> {
  const { topology } = context;
  const { severity, blame } = wording;
  for (const [conflict, ...rest] of byRange(planOf(topology).conflicts, wording)) {
    if (context.cancelled()) return;
    if (!conflict) continue;
    const [mine, other] = sidesOf(conflict, blame);
    const others = rest.map((one) => sidesOf(one, blame)[1]);
    const also = others.length === 0 ? "" : `, and also ${list(others.map(({ label }) => label))}`;
    yield finding(
      check,
      mine.source,
      `${sentence(mine, other, conflict)}${also}: ${wording.consequence(conflict)}${freeHint(topology, mine)}`,
      {
        ...(severity ? { severity: gravest([conflict, ...rest].map(severity)) } : {}),
        related: [other, ...others].map((one) => ({ source: one.source, message: `${one.label}${more(one)}` })),
        fixes: [
          ...moveFixes(topology, mine),
          ...(others.length > 0 ? [] : [...shrinkFixes(topology, mine, other), ...shrinkFixes(topology, other, mine)]),
        ],
      },
    );
  }
}

/** One range that meets several others is one cause: in the order in which the plan has them. */
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

function gravest(severities: readonly Severity[]): Severity {
  return (["error", "warning", "info"] as const).find((one) => severities.includes(one)) ?? "hint";
}

function sentence(mine: PlannedRange, other: PlannedRange, { shared }: Conflict): string {
  const sides: readonly Prefix[] = [mine.prefix, other.prefix];
  const size = ` in ${sharedPart(shared, sides)}`;
  const verb = mine.kind === "pods" || mine.kind === "services" ? "overlap" : "overlaps";
  return `${mine.label} ${verb} ${other.label}${more(other)}${size}`;
}

function more(range: PlannedRange): string {
  return range.nodes > 1 ? ` and of ${number(range.nodes - 1)} more` : "";
}

/** "node n1 and node n2 have addresses there", or undefined where no node of the cluster does. */
export function nodesInside(topology: Topology, cluster: string, { shared }: Conflict): string | undefined {
  const nodes = topology.clusters.find((one) => one.name === cluster)?.nodes ?? [];
  const inside = nodes.filter((node) =>
    node.interfaces.some((iface) => iface.addresses.some(({ ip }) => rangeContains(shared, ip))),
  );
  return inside.length === 0 ? undefined : list(inside.map((node) => node.name));
}
