/**
 * `knet.json`, beside the files or above them: what a project has decided about the checks, the same in the editor and in
 * a pipeline.
 *
 *     { "checks": { "KN407": "off", "pod-service-overlap": "warning" } }
 */
import { isMap, isScalar, parseDocument } from "yaml";
import type { Span } from "../language/tree.ts";
import type { Finding } from "./check.ts";
import { isLevel, LEVELS, type Level, type Levels, NO_LEVELS } from "./levels.ts";
import { misconfigured } from "./syntax/configuration.ts";

export interface Config {
  readonly file: string;
  readonly text: string;
  readonly levels: Levels;
  readonly problems: readonly Finding[];
}

/** `codeOf`: the code that a code or a check's name means. */
export function readConfig(file: string, text: string, codeOf: (name: string) => string | undefined): Config {
  const broken = jsonError(text);
  // YAML holds JSON; its parser says where everything stands.
  const document = parseDocument(text, { schema: "json" });
  if (broken !== undefined) {
    const at = document.errors[0]?.pos;
    return {
      file,
      text,
      levels: NO_LEVELS,
      problems: [misconfigured(file, at ? span(at) : top(text), `this is no JSON: ${broken}`)],
    };
  }
  const problems: Finding[] = [];
  const wrong = (node: unknown, message: string): void => {
    problems.push(misconfigured(file, spanOf(node) ?? top(text), message));
  };
  const levels = new Map<string, Level>();
  if (!isMap(document.contents)) wrong(document.contents, `knet.json holds an object: { "checks": { … } }`);
  for (const { key, value } of isMap(document.contents) ? document.contents.items : []) {
    const name = textOf(key);
    if (name === "$schema") continue;
    if (name !== "checks") wrong(key, `knet.json has no "${name}"; it has "checks"`);
    else if (!isMap(value)) wrong(value, `"checks" holds an object: { "KN407": "off" }`);
    else {
      for (const { key: check, value: level } of value.items) {
        const code = codeOf(textOf(check));
        const wanted = isScalar(level) ? level.value : undefined;
        if (code === undefined) wrong(check, `there is no diagnostic ${textOf(check)}; "knet explain" lists all`);
        else if (!isLevel(wanted)) wrong(level, `a check is ${LEVELS.join(", ")}, not ${JSON.stringify(wanted)}`);
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

function spanOf(node: unknown): Span | undefined {
  const range = isScalar(node) || isMap(node) ? node.range : undefined;
  return range ? span([range[0], range[1]]) : undefined;
}

function span([start, end]: readonly [number, number]): Span {
  return { start, end: Math.max(end, start) };
}

function top(text: string): Span {
  return { start: 0, end: Math.min(text.length, 1) };
}
