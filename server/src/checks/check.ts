/**
 * What a check is. One file a check under `checks/<family>/`, listed in `catalogue.ts`; documentation, settings, hover
 * texts and reports come from these objects.
 */
import type { Network } from "../dataplane/model.ts";
import type { Decl } from "../language/decode.ts";
import type { Source, Span, SyntaxTree } from "../language/tree.ts";
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

/** Everything that checks may look at. Plain data and lazily computed views; no file system, no clock. */
export interface CheckContext {
  readonly files: readonly CheckedFile[];
  readonly topology: Topology;
  readonly network: Network;
  /** The topology with imagined pods on the nodes of clusters that have none yet; where each has some, `topology` itself. */
  readonly peopled: Topology;
  /** The network of `peopled` as if there were no policies: what they forbid is no fault of the network. */
  readonly open: Network;
  /** True once a newer edit has made this run pointless; long checks ask it now and then and stop. */
  cancelled(): boolean;
  /** Findings of the checks that ran before: a check whose cause is reported already keeps silent. */
  found(code: Code): readonly Finding[];
  /** The same, of all codes. */
  readonly reported: readonly Finding[];
}
export interface CheckedFile {
  readonly file: string;
  readonly tree: SyntaxTree;
  readonly decls: readonly Decl[];
}

/** What a check found. `source` is the cause; every other place involved is related information. */
export interface Finding {
  readonly code: Code;
  readonly severity: Severity;
  /** One sentence that names both sides with their values. */
  readonly message: string;
  readonly source: Source;
  /** Set where no part of a statement is the place (a stray bracket): it counts in the file's text, and `source` names the file. */
  readonly span?: Span;
  readonly related: readonly Related[];
  readonly fixes: readonly Fix[];
}

export interface Related {
  readonly source: Source;
  readonly message: string;
}

/** Text edits that mend a finding, in terms of the tree; the service proves a fix before it offers it. */
export interface Fix {
  readonly title: string;
  readonly edits: readonly FixEdit[];
}
export type FixEdit =
  | { readonly kind: "replace"; readonly source: Source; readonly text: string }
  /** New statements, a line each, at the end of the statement's block (the block is made where there is none). */
  | { readonly kind: "append"; readonly source: Source; readonly text: string }
  /** A new statement line before the statement. */
  | { readonly kind: "before"; readonly source: Source; readonly text: string }
  | { readonly kind: "remove"; readonly source: Source }
  /** Takes a comment, or a character that is too many, away, with its line where it stands alone. */
  | { readonly kind: "comment"; readonly file: string; readonly span: Span }
  /** Puts characters into the text, where what is wrong is no part of a statement. */
  | { readonly kind: "insert"; readonly file: string; readonly at: number; readonly text: string };

/** What the fixes of a problem may look at besides its place and its values. */
export interface FixContext {
  readonly topology: Topology;
  readonly related: readonly Related[];
}

/** The values that a problem's sentence names. */
export type ProblemData = Readonly<Record<string, string | number>>;

export interface Check {
  readonly code: Code;
  /** kebab-case, as in "pod-service-overlap". */
  readonly name: string;
  readonly family: Family;
  readonly severity: Severity;
  /** One line. */
  readonly summary: string;
  /** Markdown: what goes wrong, why, how to mend it, with sources. */
  readonly documentation: string;
  /** Complete files; a test runs both: `bad` has this finding and no other error, `good` has none. */
  readonly example: {
    readonly bad: string;
    readonly good: string /** knet.json instead of a topology. */;
    readonly language?: "json";
  };
  /** For problems that decoding or building the topology has met (DeclProblem, TopologyProblem): their sentence. */
  readonly message?: (data: ProblemData) => string;
  /** For the same problems, where some are less grave. */
  readonly severityOf?: (data: ProblemData) => Severity;
  /** For the same problems: how to mend one. */
  readonly fixes?: (data: ProblemData, source: Source, context: FixContext) => readonly Fix[];
  /** Such a problem is not reported where one of these is found: they say the same and more. */
  readonly impliedBy?: readonly Code[];
  /** For problems found by looking at the whole. */
  readonly run?: (context: CheckContext) => Iterable<Finding>;
}
