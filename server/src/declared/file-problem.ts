/** Problems of files as texts: found by a front end, by the reader of `knet.json`, and by the service, which imports files. */
import type { Span } from "../text/span.ts";
import type { Change } from "./change.ts";
import { fileOrigin } from "./navigate.ts";
import type { Problem } from "./problem.ts";

export type FaultKind =
  | "unclosed-block"
  | "stray-close"
  | "unclosed-list"
  | "stray-bracket"
  | "unclosed-string"
  | "unclosed-comment"
  | "unexpected-character"
  | "too-deep";

/** By diagnostic code. */
export interface FileProblemData {
  /** Text that is not in the language. `repair`: undefined if no single change repairs it. */
  readonly KN001: { readonly kind: FaultKind; readonly text: string; readonly repair: Change | undefined };
  /** An import that is not analyzed; `path` as written. */
  readonly KN015: { readonly path: string } & (
    | { readonly cause: "unreadable"; readonly reason: string | undefined }
    /** The file, or the topology with this file and all later ones; `limit`: "the file has more than 1,000 characters". */
    | { readonly cause: "oversized" | "full"; readonly limit: string }
  );
  /** An invalid entry in `knet.json`. */
  readonly KN017:
    | { readonly cause: "syntax"; readonly error: string }
    | { readonly cause: "no-object" | "no-checks" }
    | { readonly cause: "property" | "check"; readonly name: string }
    /** `text`: the value on one line; undefined for an empty value. */
    | { readonly cause: "severity"; readonly text: string | undefined };
  /** A `knet-ignore` comment suppresses nothing. `alone`: the comment has no other code; `scope`: a statement follows it. */
  readonly KN018: { readonly code: string; readonly alone: boolean; readonly scope: boolean };
  /** A `knet-ignore` comment without a known code, which suppresses nothing, or without a reason. */
  readonly KN019:
    | { readonly cause: "no-code"; readonly known: false }
    | { readonly cause: "unknown-code"; readonly code: string; readonly known: boolean }
    | { readonly cause: "no-reason"; readonly codes: readonly string[]; readonly known: true };
  /** Objects of a kind that is not modeled. */
  readonly KN801: { readonly kind: string; readonly count: number };
  /** Text that is not valid in the language of a source: YAML, JSON, the output of a command. */
  readonly KN802: { readonly error: string };
  /** A value that the source does not show; `text` names it, and the default; `isGrave`: most verdicts depend on it. */
  readonly KN803: { readonly text: string; readonly isGrave?: boolean; readonly areNodes?: boolean };
  /** Two places state different values; `place`: where the value in use is stated. */
  readonly KN804: /** `what`: "pod CIDR". */
    | {
        readonly cause: "value";
        readonly what: string;
        readonly value: string;
        readonly used: string;
        readonly place: string;
      }
    /** A list of a service's endpoints without some of its ready pods, or with other addresses. */
    | {
        readonly cause: "unlisted" | "unmatched";
        readonly service: string;
        readonly names: readonly string[];
        readonly place: string;
      }
    /** Two versions of one object; `others`: number of further objects of the kind; `newer`: by its resourceVersion. */
    | {
        readonly cause: "version";
        readonly object: string;
        readonly others: number;
        readonly place: string;
        readonly newer: boolean;
      };
  /** An unquoted YAML value that Kubernetes does not read as it is written: `on` is true, 010 is 8. */
  readonly KN805: { readonly text: string; readonly read: string };
  /** A part that cannot be used; the rest of the source is read. */
  readonly KN806: /** The text ends within a list or an object. */
    | { readonly cause: "truncated" }
    /** The value was replaced when the dump was made: `***HIDDEN***`. */
    | { readonly cause: "redacted"; readonly field: string; readonly value: string }
    /** `expected`: "a number". */
    | { readonly cause: "type"; readonly field: string; readonly value: string; readonly expected: string }
    /** A value of the right type that kube-apiserver does not accept; `expected`: "`TCP`, `UDP`, or `SCTP`". */
    | { readonly cause: "rejected"; readonly field: string; readonly value: string; readonly expected: string }
    /** A field that the API does not have; `parent`: "spec.ports[0]", empty for the object. */
    | {
        readonly cause: "unknown-field";
        readonly field: string;
        readonly parent: string;
        readonly nearest: string | undefined;
      }
    | { readonly cause: "duplicate-key"; readonly key: string }
    /** A part that was too large, too deep, or had too many aliases; `limit` is a clause. */
    | { readonly cause: "limit"; readonly limit: string };
}

/** `span`: the location in the text if it is not part of a declaration; `source` then specifies only the file. */
export type FileProblem<Code extends keyof FileProblemData = keyof FileProblemData> = Problem<FileProblemData, Code> & {
  readonly span?: Span;
};

/** A problem at a location of the text of a file. */
export function problemInText<Code extends keyof FileProblemData>(
  code: Code,
  file: string,
  span: Span,
  data: FileProblemData[Code],
): FileProblem<Code> {
  return { code, source: fileOrigin(file), span, data, related: [] };
}
