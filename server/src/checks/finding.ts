/** Creates findings and fixes. */

import type { Source } from "../language/tree.ts";
import { childOf, headOf, sourceAt } from "../questions/origin.ts";
import type { FailingQuery } from "../questions/replay.ts";
import type { Check, Finding, Fix, FixEdit, Related, Severity } from "./check.ts";

export interface FindingExtras {
  readonly severity?: Severity;
  readonly related?: readonly Related[];
  readonly fixes?: readonly Fix[];
  readonly queries?: readonly FailingQuery[];
}

/** A finding of the check. `source` can be a whole block; only its head is underlined. */
export function finding(check: Check, source: Source, message: string, extras: FindingExtras = {}): Finding {
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

/** Replaces the text at the source. */
export function replaceFix(title: string, source: Source, text: string): Fix {
  return { title, edits: [{ kind: "replace", source, text }] };
}

/** Removes the statement or argument at the source. */
export function removeFix(title: string, source: Source): Fix {
  return { title, edits: [{ kind: "remove", source }] };
}

/** Adds a line at the end of the block of the source, and adds the block if it is missing. */
export function appendFix(title: string, source: Source, text: string): Fix {
  return { title, edits: [appendEdit(source, text)] };
}

export function appendEdit(source: Source, text: string): FixEdit {
  return { kind: "append", source: sourceAt(source, "whole"), text };
}

/** Adds text after the last argument of the statement. */
export function wordsEdit({ file, statement }: Source, added: string): FixEdit {
  const part = statement.args.length > 0 ? statement.args.length - 1 : "keyword";
  const last = statement.args.at(-1) ?? statement.keyword;
  const text = last.kind === "string" ? JSON.stringify(last.text) : last.text;
  return { kind: "replace", source: { file, statement, part }, text: `${text} ${added}` };
}

/** Changes a setting: replaces the first argument of `keyword` in the block of `parent`, or adds the statement. */
export function setFix(title: string, parent: Source, keyword: string, value: string): Fix {
  return { title, edits: [setEdit(parent, keyword, value)] };
}

export function setEdit(parent: Source, keyword: string, value: string): FixEdit {
  const found = childOf(parent, keyword, 0);
  return found === parent
    ? appendEdit(parent, `${keyword} ${value}`)
    : { kind: "replace", source: found, text: found.part === "whole" ? `${keyword} ${value}` : value };
}

/** Sets the length of the node pod CIDRs in a `pods` statement: `pods 10.0.0.0/8 per-node /24`. */
export function perNodeFix(title: string, pods: Source, length: string): readonly Fix[] {
  const { args } = pods.statement;
  const index = args.findIndex(({ text }) => text === "per-node");
  const prefix = args[0];
  if (pods.statement.keyword.text !== "pods" || !prefix) return [];
  return index < 0
    ? [replaceFix(title, sourceAt(pods, 0), `${prefix.text} per-node ${length}`)]
    : [replaceFix(title, sourceAt(pods, index + 1), length)];
}
