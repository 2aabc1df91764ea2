/** Injects faults into the labs and compares the first finding with the injected line. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const lineAt = (text: string, at: number): number => text.slice(0, at).split("\n").length - 1;

import { knetDocument } from "../../server/src/frontends/knet/document.ts";
import { parse } from "../../server/src/frontends/knet/parser.ts";
import { type Analysis, analyse } from "../../server/src/service/analysis.ts";
import type { Fault } from "./faults.ts";

export interface Outcome {
  readonly fault: Fault;
  /** line: the first finding is at the injected line. related: it names that line as its other side. */
  readonly kind: "line" | "related" | "later" | "elsewhere" | "silent";
  readonly finding: string;
}

export function lab(name: Fault["lab"]): string {
  return readFileSync(join(import.meta.dirname, "labs", `${name}.knet`), "utf8");
}

export const read = (text: string): Analysis => analyse("lab.knet", [knetDocument("lab.knet", parse(text))]);

/** The text with the fault, and the offset of the injected line. */
export function inject({ lab: name, in: place, find, write }: Fault): { readonly text: string; readonly at: number } {
  const text = lab(name);
  const block = text.indexOf(place);
  const start = text.indexOf(find, block);
  if (block === -1 || start === -1) throw new Error(`the lab ${name} does not contain \`${place} … ${find}\``);
  return {
    text: text.slice(0, start) + write + text.slice(start + find.length),
    at: write.trim() === "" ? block : start,
  };
}

export function evaluate(fault: Fault): Outcome {
  const { text, at } = inject(fault);
  const analysis = read(text);
  const line = lineAt(text, at);
  const lineOf = (source: Parameters<Analysis["spanOf"]>[0]): number | undefined => {
    const span = analysis.spanOf(source);
    return span && lineAt(text, span.start);
  };
  const findings = (analysis.findings(() => false) ?? []).filter(({ severity }) => severity !== "hint");
  const [first] = findings;
  if (first === undefined) return { fault, kind: "silent", finding: "" };
  const shown = `${first.code} line ${(lineOf(first.source) ?? -1) + 1} (injected: ${line + 1}): ${first.message}`;
  if (lineOf(first.source) === line) return { fault, kind: "line", finding: shown };
  if (first.related.some((one) => lineOf(one.source) === line)) return { fault, kind: "related", finding: shown };
  const isLater = findings.some((one) => lineOf(one.source) === line);
  return { fault, kind: isLater ? "later" : "elsewhere", finding: shown };
}
