/** A service after edits, held against one that reads the same text anew. */
import { expect } from "vitest";
import { hoverAt } from "../../../server/src/service/features/hover/index.ts";
import { inlayHintsIn } from "../../../server/src/service/features/inlay.ts";
import { lensAt, lensesOf } from "../../../server/src/service/features/lenses.ts";
import { createService, type Service, type TextEdit } from "../../../server/src/service/service.ts";

const FILE = "main.knet";

function serviceWith(text: string): Service {
  const service = createService({ readFile: () => undefined, resolveImport: () => undefined });
  service.setText(FILE, text);
  return service;
}

/** Puts `made` in place of what the pattern finds behind `anchor`. */
export function editIn(text: string, anchor: string, pattern: RegExp, made: string): TextEdit {
  const at = text.indexOf(anchor);
  const found = pattern.exec(text.slice(at));
  if (at < 0 || !found) throw new Error(`${pattern} behind ${anchor}`);
  const start = at + found.index;
  return { start, end: start + found[0].length, text: made };
}

/** `text`: the one before the edit. */
function undone(text: string, { start, end, text: made }: TextEdit): TextEdit {
  return { start, end: start + made.length, text: text.slice(start, end) };
}

/** What a reader sees: findings with their places, hovers of what is declared and attached, hints, lenses. */
function told(service: Service): unknown {
  const analysis = service.analysisOf(FILE);
  const text = service.textOf(FILE) ?? "";
  if (!analysis) throw new Error("an open file has an analysis");
  return {
    findings: analysis
      .findings(() => false)
      ?.map(({ related, ...finding }) => [
        finding.code,
        finding.message,
        analysis.placeOf({ ...finding, related }),
        related.map(({ message }) => message),
      ]),
    hovers: [...text.matchAll(/\b(?:nodes?|attach|service|deployment|policy|select) (?=\w)/g)].map(
      ({ index, 0: word }) => hoverAt(analysis, FILE, index + word.length)?.markdown,
    ),
    hints: inlayHintsIn(analysis, FILE, { start: 0, end: text.length }, { addresses: true, mtu: true, defaults: true }),
    lenses: lensesOf(analysis, FILE).map(({ kind, span }) => [kind, span, lensAt(analysis, FILE, span.start, kind)]),
  };
}

/** An edit behind an anchor: what the pattern finds there, and what is put in its place. */
export type Elsewhere = readonly (readonly [anchor: string, found: RegExp, made: string])[];

/**
 * Makes the edit, others elsewhere, and takes the first one back: what was said about it is still true while others are made, and no more
 * when it is undone. After each the service tells what one tells that has known nothing before.
 */
export function expectAsNew(file: string, edit: TextEdit, elsewhere: Elsewhere): void {
  const service = serviceWith(file);
  told(service);
  const type = (one: TextEdit): void => {
    service.edit(FILE, [one]);
    expect(told(service)).toEqual(told(serviceWith(service.textOf(FILE) ?? "")));
  };
  type(edit);
  for (const [anchor, found, made] of elsewhere) type(editIn(service.textOf(FILE) ?? "", anchor, found, made));
  type(undone(file, edit));
}
