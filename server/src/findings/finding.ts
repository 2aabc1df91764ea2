/** A finding: what a check reports. */
import { headOf } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import type { Related } from "../declared/problem.ts";
import type { Fix } from "../fixes/fix.ts";
import type { FailingQuery } from "../questions/replay.ts";
import type { Span } from "../text/span.ts";

export type Severity = "error" | "warning" | "info" | "hint";
export type Code = `KN${string}`;

/** A problem found by a check. `source` is the location of the cause; all other locations are related information. */
export interface Finding {
  readonly code: Code;
  readonly severity: Severity;
  /** One sentence that names both sides with their values. */
  readonly message: string;
  readonly source: Origin;
  /**
   * The location in the text if it is not part of a statement (a stray bracket); `source` then specifies only the file.
   */
  readonly span?: Span;
  readonly related: readonly Related[];
  readonly fixes: readonly Fix[];
  /** Packets that are lost because of the problem: after a fix, they must arrive. */
  readonly queries?: readonly FailingQuery[];
}

export interface FindingExtras {
  readonly severity?: Severity;
  readonly related?: readonly Related[];
  readonly fixes?: readonly Fix[];
  readonly queries?: readonly FailingQuery[];
}

/** The check, as far as its findings need it. */
interface Reporter {
  readonly code: Code;
  readonly severity: Severity;
}

/** A finding of the check. `source` can be a whole block; only its head is underlined. */
export function finding(check: Reporter, source: Origin, message: string, extras: FindingExtras = {}): Finding {
  return {
    code: check.code,
    severity: extras.severity ?? check.severity,
    message,
    source: headOf(source),
    related: (extras.related ?? []).map((one) => ({ source: headOf(one.source), message: one.message })),
    fixes: extras.fixes ?? [],
    ...(extras.queries && extras.queries.length > 0 ? { queries: extras.queries } : {}),
  };
}
