import type { Change } from "../declared/change.ts";
import type { Document } from "../declared/document.ts";
/**
 * The type of a check. Each check is one file in `checks/<family>/` and is listed in the catalog. Documentation, settings,
 * hover texts, and reports are generated from these objects.
 */
import type { Origin } from "../declared/origin.ts";
import type { FailingQuery } from "../questions/replay.ts";
import type { View } from "../questions/view.ts";
import type { Span } from "../text/span.ts";
import type { Topology } from "../topology/model.ts";

export type Severity = "error" | "warning" | "info" | "hint";
export type Code = `KN${string}`;
export type Family =
  | "syntax"
  | "addresses"
  | "reachability"
  | "mtu"
  | "capacity"
  | "services"
  | "policies"
  | "expectations"
  | "import";

/** The input of all checks: plain data and lazily computed views, without file system or clock. */
export interface CheckContext extends View {
  readonly files: readonly Document[];
  /** Findings of the preceding checks: a check does not report the consequences of a reported cause. */
  found(code: Code): readonly Finding[];
  /** All findings of the preceding checks. */
  readonly reported: readonly Finding[];
}
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

export interface Related {
  readonly source: Origin;
  readonly message: string;
}

/** Changes that resolve a finding. The service offers a fix only after proving that it works. */
export interface Fix {
  readonly title: string;
  readonly edits: readonly Change[];
}
/** The input of fixes, in addition to the location and the data of the problem. */
export interface FixContext {
  readonly topology: Topology;
  readonly related: readonly Related[];
}

/** The values for the message of a problem. */
export type ProblemData = Readonly<Record<string, string | number>>;

export interface Check {
  readonly code: Code;
  /** In kebab-case: "pod-service-overlap". */
  readonly name: string;
  readonly family: Family;
  readonly severity: Severity;
  /** One line. */
  readonly summary: string;
  /** Markdown with the sections `## What happens`, `## How to fix it`, and (if a source is cited) `## References`. */
  readonly documentation: string;
  /** Complete files, verified by a test: `bad` has this finding and no other errors, `good` has no findings. */
  readonly example: {
    readonly bad: string;
    readonly good: string;
    /** "json" if the files are `knet.json` files. */
    readonly language?: "json";
  };
  /** The message for a problem that decoding or building the topology found (DeclProblem, TopologyProblem). */
  readonly message?: (data: ProblemData) => string;
  /** The severity of these problems if it depends on the data. */
  readonly severityOf?: (data: ProblemData) => Severity;
  /** The fixes for these problems. */
  readonly fixes?: (data: ProblemData, source: Origin, context: FixContext) => readonly Fix[];
  /** Problems of this check are not reported if one of these codes is found, because it already covers them. */
  readonly impliedBy?: readonly Code[];
  /** Finds problems in the whole topology or network. */
  readonly run?: (context: CheckContext) => Iterable<Finding>;
}
