/** What the readers of JSON and YAML have in common. */
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import { NO_DECL } from "../../declared/navigate.ts";
import type { Json, Path } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import { handleAt } from "./object.ts";

/** A value of a file, with the positions of its parts. */
export interface Root {
  readonly value: Json;
  locate(path: Path): Span | undefined;
}

export interface Reading {
  readonly roots: readonly Root[];
  readonly problems: readonly FileProblem[];
  /** Parts that can contain secret values and were not read as objects. */
  readonly hidden?: readonly Span[];
}

/** Whether a text that cannot be parsed can be a Secret or a list of Secrets. */
export function hasSecret(text: string): boolean {
  return /kind["']?\s*:\s*["']?Secret(?:List)?\b/.test(text);
}

/** Reported at the second key; the first one is related. */
export function duplicateKey(file: string, key: string, span: Span, first: Span): FileProblem<"KN806"> {
  const source = { file, decl: { ...NO_DECL, handle: handleAt(file, first) }, part: "whole" } as const;
  return {
    ...problemInText("KN806", file, span, { cause: "duplicate-key", key }),
    related: [{ source, message: t`also stated here` }],
  };
}

/** The source ends at the offset, too early. */
export function truncatedAt(file: string, end: number): FileProblem<"KN806"> {
  return problemInText("KN806", file, { start: Math.max(0, end - 1), end }, { cause: "truncated" });
}
