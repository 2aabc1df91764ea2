/**
 * The type of a check. Each check is one file in `checks/<family>/` and is listed in the catalog. Documentation, settings,
 * hover texts, and reports are generated from these objects.
 */
import type { NetworkProblemData } from "../cni/problems.ts";
import type { RealState } from "../dataplane/real/state.ts";
import type { Document } from "../declared/document.ts";
import type { FileProblemData } from "../declared/file-problem.ts";
import type { Origin } from "../declared/origin.ts";
import type { Related } from "../declared/problem.ts";
import type { DeclProblemData } from "../declared/problem-data.ts";
import type { Fix } from "../fixes/fix.ts";
import type { Effect, Explained } from "../questions/effect.ts";
import type { Span } from "../text/span.ts";
import type { Topology } from "../topology/model.ts";
import type { TopologyProblemData } from "../topology/problems.ts";
import type { Code, Finding, Severity } from "./finding.ts";

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
export interface CheckContext extends Explained {
  readonly files: readonly Document[];
  /** The state of real machines; undefined if none was given. */
  readonly state?: RealState | undefined;
}
/** The input of fixes, in addition to the location and the values of the problem. */
export interface FixContext {
  readonly topology: Topology;
  readonly related: readonly Related[];
  /** The location in the text if it is not part of a statement. */
  readonly span: Span | undefined;
}

/** The values of the problems that the lower layers find, by code. */
export interface ProblemData extends FileProblemData, DeclProblemData, TopologyProblemData, NetworkProblemData {}
export type ProblemCode = keyof ProblemData;

/** The part of a check that its documentation consists of. */
export interface CheckInfo<C extends Code = Code> {
  readonly code: C;
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
    /** "json" if the files are `knet.json` files, "yaml" if they are Kubernetes manifests, "text" if they are state of `STATE_TOPOLOGY`. */
    readonly language?: "json" | "yaml" | "text";
    /** Whether the finding is only reported by `check --failures 1`. */
    readonly failures?: true;
  };
  /** Effects of these findings, which other checks do not report again. */
  readonly explains?: readonly Effect[];
}

/** Finds problems in the whole topology or network. */
export type Search = (context: CheckContext) => Iterable<Finding>;

/** The check of a problem that a lower layer finds. */
export interface ProblemCheck<C extends ProblemCode> extends CheckInfo<C> {
  readonly message: (data: ProblemData[C]) => string;
  /** These problems are an effect: they are not reported if another problem explains it. */
  readonly effect?: Effect;
  /** Nothing else is checked if the topology has such a problem. */
  readonly stops?: true;
  /** Whether the file declares that it expects the failure; the finding is then only informative. */
  readonly isExpected?: (data: ProblemData[C], context: CheckContext) => boolean;
  /** If it depends on the values. */
  readonly severityOf?: (data: ProblemData[C]) => Severity;
  readonly fixes?: (data: ProblemData[C], source: Origin, context: FixContext) => readonly Fix[];
  /** Finds more of these problems. */
  readonly run?: Search;
}

export interface SearchCheck<C extends Code> extends CheckInfo<C> {
  readonly run: Search;
}

export type Check<C extends Code> = C extends ProblemCode ? ProblemCheck<C> : SearchCheck<C>;

/** What all checks have in common. */
export type AnyCheck = CheckInfo & { readonly run?: Search };
