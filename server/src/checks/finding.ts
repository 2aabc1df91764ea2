/** Creates findings and fixes. */

import type { Change } from "../declared/change.ts";
import { argument, childOf, headOf, keywordOf, readAt, sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import type { Related } from "../declared/problem.ts";
import type { FailingQuery } from "../questions/replay.ts";
import type { CheckInfo, Finding, Fix, Severity } from "./check.ts";

export interface FindingExtras {
  readonly severity?: Severity;
  readonly related?: readonly Related[];
  readonly fixes?: readonly Fix[];
  readonly queries?: readonly FailingQuery[];
}

/** A finding of the check. `source` can be a whole block; only its head is underlined. */
export function finding(check: CheckInfo, source: Origin, message: string, extras: FindingExtras = {}): Finding {
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
export function replaceFix(title: string, source: Origin, text: string): Fix {
  return { title, edits: [{ kind: "replace", source, text }] };
}

/** Removes the statement or argument at the source. */
export function removeFix(title: string, source: Origin): Fix {
  return { title, edits: [{ kind: "remove", source }] };
}

/** Adds a line at the end of the block of the source, and adds the block if it is missing. */
export function appendFix(title: string, source: Origin, text: string): Fix {
  return { title, edits: [appendEdit(source, text)] };
}

export function appendEdit(source: Origin, text: string): Change {
  return { kind: "append", source: sourceAt(source, "whole"), text };
}

/** Adds text after the last argument of the statement. */
export function wordsEdit(source: Origin, text: string): Change {
  return { kind: "extend", source, text };
}

/** Changes a setting: replaces the first argument of `keyword` in the block of `parent`, or adds the statement. */
export function setFix(title: string, parent: Origin, keyword: string, value: string): Fix {
  return { title, edits: [setEdit(parent, keyword, value)] };
}

export function setEdit(parent: Origin, keyword: string, value: string): Change {
  const found = childOf(parent, keyword, 0);
  return found === parent
    ? appendEdit(parent, `${keyword} ${value}`)
    : { kind: "replace", source: found, text: found.part === "whole" ? `${keyword} ${value}` : value };
}

/** Sets the length of the node pod CIDRs in a `pods` statement: `pods 10.0.0.0/8 per-node /24`. */
export function perNodeFix(title: string, pods: Origin, length: string): readonly Fix[] {
  const prefix = readAt(sourceAt(pods, 0));
  if (keywordOf(pods) !== "pods" || !prefix) return [];
  const stated = argument(pods, "per-node");
  return [
    stated
      ? replaceFix(title, stated, length)
      : replaceFix(title, sourceAt(pods, 0), `${prefix.text} per-node ${length}`),
  ];
}
