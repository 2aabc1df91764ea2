/** Editor requests between keystrokes, and memory retained after ten thousand keystrokes. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Analysis } from "../server/src/service/analysis.ts";
import { completionsAt } from "../server/src/service/features/completion/index.ts";
import { hoverAt } from "../server/src/service/features/hover/index.ts";
import { inlayHintsIn } from "../server/src/service/features/inlay.ts";
import { lensesOf } from "../server/src/service/features/lenses.ts";
import { semanticTokens } from "../server/src/service/features/tokens.ts";
import { knetFile } from "../server/src/service/knet.ts";
import { createService, type Service } from "../server/src/service/service.ts";
import { inputs } from "./generate.ts";
import { typists } from "./keystrokes.ts";
import { type Answer, names } from "./names.ts";
import type { Result } from "./schema.ts";
import { compared, result, timed } from "./statistics.ts";

export type Typed = keyof typeof typists;

const FILE = "bench.knet";
/** Visible characters before and after the cursor. */
const SCREEN = 1500;
const ALL_HINTS = { addresses: true, mtu: true, defaults: true };

interface Typing {
  readonly service: Service;
  /** Types one keystroke and returns the new cursor offset. */
  readonly type: () => number;
}

function typing(input: Typed): Typing {
  const service = createService({ resolveImport: () => undefined });
  service.setText(FILE, inputs[input]());
  const strokes = typists[input]();
  return {
    service,
    type: () => {
      const edit = strokes.next().value.edit(service.textOf(FILE) ?? "");
      service.edit(FILE, [edit]);
      return edit.start + edit.text.length;
    },
  };
}

function analysed(service: Service): Analysis {
  const analysis = service.analysisOf(FILE);
  if (!analysis) throw new Error("no analysis of an open file");
  return analysis;
}

/** One request after each keystroke, before any other analysis of the new text. */
export function answers(input: Typed, times: number): Result[] {
  const ask: Readonly<Record<Answer, (analysis: Analysis, at: number) => unknown>> = {
    completion: (analysis, at) => completionsAt(analysis, FILE, at, { importable: () => [] }),
    hover: (analysis, at) => hoverAt(analysis, FILE, at),
    hints: (analysis, at) => inlayHintsIn(analysis, FILE, { start: at - SCREEN, end: at + SCREEN }, ALL_HINTS),
    lenses: (analysis) => lensesOf(analysis, FILE),
    colours: (analysis, at) => {
      const file = knetFile(analysis, FILE);
      return file && semanticTokens(file, { start: at - SCREEN, end: at + SCREEN });
    },
  };
  const { service, type } = typing(input);
  return names.answers.map((name) => {
    const took: number[] = [];
    for (let run = 0; run < times + 40; run += 1) {
      const at = type();
      const time = timed(() => ask[name](analysed(service), at));
      if (run >= 40) took.push(time);
    }
    return result(names.answer(input, name), "ms", took);
  });
}

const EDITS = [1_000, 10_000] as const;

/** Heap size after garbage collection, after each number of keystrokes in EDITS. The text is analyzed after every keystroke. */
export function steady(input: Typed, checkEvery: number): Result[] {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { service, type } = typing(input);
  const heap = (): number => {
    collect();
    return process.memoryUsage().heapUsed / 1e6;
  };
  let done = 0;
  const [early, late] = EDITS.map((edits) => {
    for (; done < edits; done += 1) {
      type();
      const analysis = analysed(service);
      if (done % checkEvery === 0) analysis.findings(() => false);
    }
    analysed(service).findings(() => false);
    return result(names.heap(input, edits), "MB", [heap()]);
  });
  return early && late ? [early, compared(late, early)] : [];
}
