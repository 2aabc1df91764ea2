/** Changes that resolve a finding, and the ways to create them. */
import type { Change } from "../declared/change.ts";
import { childOf, sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";

/** The service offers a fix only after proving that it works. */
export interface Fix {
  readonly title: string;
  readonly edits: readonly Change[];
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
