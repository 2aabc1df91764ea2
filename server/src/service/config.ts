/**
 * `knet.json`, next to the files or in a folder above them: the severity of each check in a project, for the editor and
 * for CI.
 *
 *     { "checks": { "KN407": "off", "pod-service-overlap": "warning" } }
 */
import { isCollection, isMap, isScalar, parseDocument } from "yaml";
import { type FileProblem, type FileProblemData, problemInText } from "../declared/file-problem.ts";
import { isLevel, type Level, type Levels, NO_LEVELS } from "../findings/levels.ts";
import type { Span } from "../text/span.ts";

/** Longer values are shortened in messages. */
const MOST_SHOWN = 40;

export interface Config {
  readonly file: string;
  readonly text: string;
  readonly levels: Levels;
  readonly problems: readonly FileProblem<"KN017">[];
}

/** Parses `knet.json`. `codeOf` maps a code or a check name to a code. */
export function readConfig(file: string, text: string, codeOf: (name: string) => string | undefined): Config {
  const broken = jsonError(text);
  // JSON is a subset of YAML, and the YAML parser returns the position of each value.
  const document = parseDocument(text, { schema: "json" });
  if (broken !== undefined) {
    const at = document.errors[0]?.pos;
    return {
      file,
      text,
      levels: NO_LEVELS,
      problems: [problemInText("KN017", file, at ? span(at) : top(text), { cause: "syntax", error: broken })],
    };
  }
  const problems: FileProblem<"KN017">[] = [];
  const wrong = (node: unknown, data: FileProblemData["KN017"]): void => {
    problems.push(problemInText("KN017", file, spanOf(node) ?? top(text), data));
  };
  const levels = new Map<string, Level>();
  if (!isMap(document.contents)) wrong(document.contents, { cause: "no-object" });
  for (const { key, value } of isMap(document.contents) ? document.contents.items : []) {
    const name = textOf(key);
    if (name === "$schema") continue;
    if (name !== "checks") wrong(key, { cause: "property", name });
    else if (!isMap(value)) wrong(value, { cause: "no-checks" });
    else {
      for (const { key: check, value: level } of value.items) {
        const code = codeOf(textOf(check));
        const wanted = isScalar(level) ? level.value : undefined;
        if (code === undefined) wrong(check, { cause: "check", name: textOf(check) });
        else if (!isLevel(wanted)) wrong(level, { cause: "severity", text: valueText(level, text) });
        else levels.set(code, wanted);
      }
    }
  }
  return { file, text, levels, problems };
}

function jsonError(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function textOf(node: unknown): string {
  return isScalar(node) ? String(node.value) : "";
}

/** The value as in the file, on one line: `"none"`, `{ "level": "off" }`; undefined for an empty value. */
function valueText(node: unknown, text: string): string | undefined {
  const at = spanOf(node);
  const shown = at && text.slice(at.start, at.end).trim().replace(/\s+/g, " ");
  return shown ? (shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown) : undefined;
}

function spanOf(node: unknown): Span | undefined {
  const range = isScalar(node) || isCollection(node) ? node.range : undefined;
  return range ? span([range[0], range[1]]) : undefined;
}

function span([start, end]: readonly [number, number]): Span {
  return { start, end: Math.max(end, start) };
}

function top(text: string): Span {
  return { start: 0, end: Math.min(text.length, 1) };
}
