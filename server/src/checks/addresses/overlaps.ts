/** From conflicts of the address plan to findings; shared by the checks KN101 to KN108. */
import type { Prefix } from "../../addressing/ip.ts";
import { rangeContains } from "../../addressing/ip.ts";
import type { Topology } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Severity } from "../check.ts";
import { finding } from "../finding.ts";
import { list, number, sharedPart } from "../text.ts";
import { freeHint, moveFixes, shrinkFixes } from "./free.ts";
import { type Conflict, type ConflictKind, type PlannedRange, planOf } from "./plan.ts";

export interface OverlapWording {
  readonly kind: ConflictKind;
  /** The side to change, where the finding stands. */
  readonly blame: "a" | "b";
  /** What follows, after a colon. */
  readonly consequence: (conflict: Conflict) => string;
  readonly severity?: (conflict: Conflict) => Severity;
}

export function* overlapFindings(check: Check, context: CheckContext, wording: OverlapWording): Iterable<Finding> {
  const { topology } = context;
  for (const conflict of planOf(topology).conflicts.filter((one) => one.kind === wording.kind)) {
    if (context.cancelled()) return;
    const [mine, other] = wording.blame === "a" ? [conflict.a, conflict.b] : [conflict.b, conflict.a];
    const { severity } = wording;
    yield finding(
      check,
      mine.source,
      `${sentence(mine, other, conflict)}: ${wording.consequence(conflict)}${freeHint(topology, mine)}`,
      {
        ...(severity ? { severity: severity(conflict) } : {}),
        related: [{ source: other.source, message: `${other.label}${more(other)}` }],
        fixes: [
          ...moveFixes(topology, mine),
          ...shrinkFixes(topology, mine, other),
          ...shrinkFixes(topology, other, mine),
        ],
      },
    );
  }
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
