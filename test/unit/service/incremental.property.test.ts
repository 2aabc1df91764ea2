/** After any edits the service returns the same results as a new service for the same text: findings and all file-wide features. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foldsOf } from "../../../server/src/service/features/folding.ts";
import { hoverAt } from "../../../server/src/service/features/hover/index.ts";
import { inlayHintsIn } from "../../../server/src/service/features/inlay.ts";
import { lensAt, lensesOf } from "../../../server/src/service/features/lenses.ts";
import { linksOf } from "../../../server/src/service/features/links.ts";
import { referencesAt } from "../../../server/src/service/features/navigation.ts";
import { outlineOf } from "../../../server/src/service/features/outline.ts";
import { reachItemAt } from "../../../server/src/service/features/reach.ts";
import { implementationAt, linkedAt, typeDefinitionAt } from "../../../server/src/service/features/relations.ts";
import { signatureAt } from "../../../server/src/service/features/signature.ts";
import { semanticTokens } from "../../../server/src/service/features/tokens.ts";
import { knetFile } from "../../../server/src/service/knet.ts";
import { createService, type Service } from "../../../server/src/service/service.ts";
import { textsIn } from "../texts.ts";

const FILE = "main.knet";
const fresh = (text: string): Service => {
  const service = createService({ resolveImport: (_from, path) => path });
  service.setText(FILE, text);
  return service;
};

/** Everything that a client can request, as plain data. */
function everything(service: Service, places: readonly number[]): unknown {
  const analysis = service.analysisOf(FILE);
  const file = analysis && knetFile(analysis, FILE);
  if (!analysis || !file) throw new Error("an open file has an analysis");
  const { text } = file.tree;
  const all = { start: 0, end: text.length };
  return {
    findings: (analysis.findings(() => false) ?? []).map((finding) => [
      finding.code,
      finding.severity,
      finding.message,
      analysis.placeOf(finding),
    ]),
    hints: inlayHintsIn(analysis, FILE, all, { addresses: true, mtu: true, defaults: true }),
    lenses: lensesOf(analysis, FILE).map(({ kind, span }) => [kind, span, lensAt(analysis, FILE, span.start, kind)]),
    links: linksOf(analysis, FILE),
    outline: outlineOf(analysis, FILE),
    folds: foldsOf(file.tree),
    tokens: semanticTokens(file, undefined),
    places: places.map((place) => {
      const offset = place % (text.length + 1);
      return [
        hoverAt(analysis, FILE, offset),
        signatureAt(analysis, FILE, offset),
        referencesAt(analysis, FILE, offset, true),
        typeDefinitionAt(analysis, FILE, offset),
        implementationAt(analysis, FILE, offset),
        linkedAt(analysis, FILE, offset),
        reachItemAt(analysis, FILE, offset),
      ];
    }),
  };
}

const pieces = [
  "{",
  "}",
  "\n",
  " ",
  "attach ",
  "lan",
  "10.0.0.0/8",
  '"',
  "/*",
  "*/",
  "[",
  "#",
  "->",
  ";",
  "node n9 ",
  "1",
  "expect ",
  "x",
];
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Arbitrary edits: most results are not valid files. */
const noise = fc.record({
  at: fc.nat(),
  length: fc.oneof({ weight: 4, arbitrary: fc.nat(6) }, { weight: 1, arbitrary: fc.nat(200) }),
  text: fc.array(fc.constantFrom(...pieces), { maxLength: 3 }).map((parts) => parts.join("")),
});

/** Edits that leave most files valid, so the whole analysis runs: a changed digit or name; a removed, duplicated, or new line. */
const change = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom("digit", "name", "less", "twice", "blank"),
  by: fc.nat(9),
});

const edit = fc.oneof(
  noise.map(({ at, length, text }) => (now: string): Edit => {
    const start = at % (now.length + 1);
    return { start, end: Math.min(now.length, start + length), text };
  }),
  change.map(({ at, kind, by }) => (now: string): Edit => {
    const start = at % (now.length + 1);
    if (kind === "digit" || kind === "name") {
      const found = now.slice(start).search(kind === "digit" ? /[0-9]/ : /[a-z](?![a-z])/);
      const place = found < 0 ? now.length : start + found;
      const end = Math.min(now.length, place + 1);
      return kind === "digit" ? { start: place, end, text: String(by) } : { start: end, end, text: "x" };
    }
    const line = now.lastIndexOf("\n", start - 1) + 1;
    const end = now.indexOf("\n", start) < 0 ? now.length : now.indexOf("\n", start) + 1;
    if (kind === "blank") return { start: line, end: line, text: "\n" };
    return kind === "less" ? { start: line, end, text: "" } : { start: end, end, text: now.slice(line, end) };
  }),
);

describe("incremental analysis", () => {
  it.each(textsIn("samples", true))("of $name equals a new analysis", ({ text }) => {
    fc.assert(
      fc.property(
        fc.array(edit, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 3 }),
        (edits, places) => {
          const service = fresh(text);
          service.analysisOf(FILE)?.findings(() => false);
          for (const [index, edited] of edits.entries()) {
            service.edit(FILE, [edited(service.textOf(FILE) ?? "")]);
            // Only some of the intermediate states are analyzed.
            if (index % 2 === 0) service.analysisOf(FILE)?.findings(() => false);
          }
          expect(everything(service, places)).toEqual(everything(fresh(service.textOf(FILE) ?? ""), places));
        },
      ),
      { numRuns: 8 },
    );
  });
});
