/** Compares a service after edits with a new service for the same text. */

import { expect } from "vitest";
import { hoverAt } from "../../../server/src/service/features/hover/index.ts";
import { inlayHintsIn } from "../../../server/src/service/features/inlay.ts";
import { lensAt, lensesOf } from "../../../server/src/service/features/lenses.ts";
import { createService, type Service } from "../../../server/src/service/service.ts";
import type { TextEdit } from "../../../server/src/text/edit.ts";

const FILE = "main.knet";

function serviceWith(text: string): Service {
  const service = createService({ resolveImport: () => undefined });
  service.setText(FILE, text);
  return service;
}

/** Replaces the first match of the pattern after `anchor` with `made`. */
export function editIn(text: string, anchor: string, pattern: RegExp, made: string): TextEdit {
  const at = text.indexOf(anchor);
  const found = pattern.exec(text.slice(at));
  if (at < 0 || !found) throw new Error(`no ${pattern} after ${anchor}`);
  const start = at + found.index;
  return { start, end: start + found[0].length, text: made };
}

/** `text`: the text before the edit. */
function undone(text: string, { start, end, text: made }: TextEdit): TextEdit {
  return { start, end: start + made.length, text: text.slice(start, end) };
}

/** The visible results: findings with their positions, hovers of declarations and interfaces, hints, lenses. */
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

/** An edit after an anchor: a pattern and its replacement. */
export type Elsewhere = readonly (readonly [anchor: string, found: RegExp, made: string])[];

/** Types edits one after the other; after each, the results must be the same as in a new service. */
export function typist(text: string): (edit: (text: string) => TextEdit | undefined) => void {
  const service = serviceWith(text);
  told(service);
  return (edit) => {
    const made = edit(service.textOf(FILE) ?? "");
    if (made === undefined) return;
    service.edit(FILE, [made]);
    const now = service.textOf(FILE) ?? "";
    expect(told(service), now).toEqual(told(serviceWith(now)));
  };
}

/**
 * Applies the edit, then other edits elsewhere, and reverts the first: its effects must persist during the other edits and
 * disappear when it is reverted. After each step the results must be the same as in a new service.
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
