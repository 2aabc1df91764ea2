/** Names of the results. They are keys in `knet-bench/1`: do not rename them. */
import type { InputName } from "./generate.ts";
import type { Stroke } from "./keystrokes.ts";

/** Editor requests after a keystroke. */
export type Answer = "completion" | "hover" | "hints" | "lenses" | "colours";

export const names = {
  answers: ["completion", "hover", "hints", "lenses", "colours"] satisfies Answer[] as readonly Answer[],
  answer: (input: InputName, answer: Answer) => `typed-${answer}/${input}`,
  heap: (input: InputName, edits: number) => `heap-after-${edits}-edits/${input}`,
  json: "json-parse/written",
  cold: (input: InputName) => `check-cold/${input}`,
  check: (input: InputName) => `check/${input}`,
  parse: (input: InputName) => `parse/${input}`,
  keystroke: (input: InputName) => `keystroke/${input}`,
  stroke: (input: InputName, stroke: Stroke) => `keystroke-${stroke}/${input}`,
  firstTrace: "trace-first/written",
  trace: "trace/written",
  firstServiceTrace: "trace-service-first/services",
  serviceTrace: "trace-service/services",
  matrix: "matrix-policy-only/policies",
  diff: (change: "node" | "firewall" | "same") => `diff-${change}/written`,
  hover: "hover/written",
  completion: "completion/written",
  start: (command: "node" | "version" | "check") => `start/${command}`,
  files: (count: number) => `check-files/${count}`,
  formatted: (edits: number | "one") => `format-edits/${edits}`,
  largest: (what: "hover" | "keystroke" | "above" | "memory") => `largest-${what}/hosts`,
  proofs: "prove-fixes/3kB",
  dumpJson: "json-parse/dump",
  dump: (what: "read" | "check" | "memory", notation: "json" | "yaml") => `${what}-dump/${notation}`,
  memory: (input: InputName) => `memory/${input}`,
} as const;
