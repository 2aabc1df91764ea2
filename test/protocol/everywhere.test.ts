/**
 * Every request at many positions of every sample, intact and damaged: nothing is logged, no request fails, and the results
 * satisfy the rules of editors (names, ranges inside the text and inside each other, edits that do not overlap).
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  CodeAction,
  CodeLens,
  CompletionList,
  DocumentSymbol,
  FoldingRange,
  Hover,
  InlayHint,
  LinkedEditingRanges,
  Location,
  LocationLink,
  Position,
  Range,
  SelectionRange,
  SemanticTokens,
  SignatureHelp,
  TextDocumentEdit,
  TextEdit,
} from "vscode-languageserver-protocol";
import { lineIndex } from "../../server/src/text/line-index.ts";
import { CAPABILITIES, type Client, startClient } from "./client.ts";

const folder = fileURLToPath(new URL("../../samples/", import.meta.url));
const samples = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".knet"));

const MUTILATIONS: readonly (readonly [string, (text: string) => string])[] = [
  ["intact", (text) => text],
  ["cut off", (text) => text.slice(0, text.length * 0.7)],
  ["without its beginning", (text) => text.slice(text.length * 0.3)],
  ["with a hole", (text) => text.slice(0, text.length * 0.5) + text.slice(text.length * 0.5 + 45)],
  ["with an unmatched brace", (text) => text.replace(/\n {2}(?=\w)/, "\n  }}")],
  ["with an open string", (text) => text.replace(/\n {2}(?=\w)/, '\n  "')],
  ["with an open comment", (text) => text.replace(/\n {2}(?=\w)/, "\n  /*")],
  ["with CRLF", (text) => text.replaceAll("\n", "\r\n")],
  ["with CR", (text) => text.replaceAll("\n", "\r")],
  ["with both", (text) => text.replace(/\n(?=.*\n)/g, (_, at: number) => (at % 3 === 0 ? "\r\n" : "\n"))],
  ["with tabs", (text) => text.replaceAll("  ", "\t")],
  ["with surrogates", (text) => text.replaceAll("#", "# 😀𝔘").replaceAll(" {", " /*😀*/ {")],
  ["with a byte order mark", (text) => `\uFEFF${text}`],
  [
    "on one line",
    (text) =>
      text
        .replace(/#.*/g, "")
        .replace(/\n+/g, "; ")
        .replace(/\{\s*;/g, "{"),
  ],
];

let client: Client;
let number = 0;

beforeAll(async () => {
  client = await startClient({
    initializationOptions: { push: true, commands: true },
    settings: { diagnostics: { delay: 60_000 } },
    capabilities: {
      ...CAPABILITIES,
      textDocument: {
        ...CAPABILITIES.textDocument,
        typeDefinition: { linkSupport: true },
        implementation: { linkSupport: true },
      },
      workspace: { ...CAPABILITIES.workspace, configuration: true },
    },
  });
});
afterAll(async () => {
  expect(await client.stop()).toBe(0);
});

/** An open text, and the checks that an editor applies to ranges in it. */
function checked(text: string) {
  const index = lineIndex(text);
  const compare = (a: Position, b: Position): number => a.line - b.line || a.character - b.character;
  const isPlace = (place: Position): boolean => compare(index.positionAt(index.offsetAt(place)), place) === 0;
  const inside = (outer: Range, inner: Range): boolean =>
    compare(outer.start, inner.start) <= 0 && compare(inner.end, outer.end) <= 0;
  return {
    /** The position at an offset, or before the line break that contains it. */
    at: (offset: number): Position => index.positionAt(index.offsetAt(index.positionAt(offset))),
    end: index.positionAt(text.length),
    inside,
    range({ start, end }: Range): void {
      expect(isPlace(start) && isPlace(end) && compare(start, end) <= 0, JSON.stringify({ start, end })).toBe(true);
    },
    touches: (range: Range, place: Position): boolean => inside(range, { start: place, end: place }),
    slice: ({ start, end }: Range): string => text.slice(index.offsetAt(start), index.offsetAt(end)),
    edits(edits: readonly TextEdit[]): void {
      const spans = edits.map(({ range }) => [index.offsetAt(range.start), index.offsetAt(range.end)] as const);
      for (const { range } of edits) this.range(range);
      spans.sort(([a, b], [c, d]) => a - c || b - d);
      for (const [at, [start]] of spans.entries()) expect(start).toBeGreaterThanOrEqual(spans[at - 1]?.[1] ?? 0);
    },
  };
}
type Checked = ReturnType<typeof checked>;

async function whole(uri: string, is: Checked): Promise<void> {
  const textDocument = { uri };
  const range = { start: { line: 0, character: 0 }, end: is.end };
  const ask = <T>(method: string): Promise<T> =>
    client.request<T>(`textDocument/${method}`, { textDocument, range, options: { tabSize: 2, insertSpaces: true } });
  const visit = (symbols: readonly DocumentSymbol[], outer: Range): void => {
    for (const { name, range: own, selectionRange, children } of symbols) {
      expect(name.trim()).not.toBe("");
      is.range(own);
      expect(is.inside(outer, own) && is.inside(own, selectionRange)).toBe(true);
      visit(children ?? [], own);
    }
  };
  visit(await ask<DocumentSymbol[]>("documentSymbol"), range);
  for (const { startLine, endLine } of await ask<FoldingRange[]>("foldingRange")) {
    expect(startLine).toBeLessThan(endLine);
    expect(endLine).toBeLessThanOrEqual(range.end.line);
  }
  const { data } = await ask<SemanticTokens>("semanticTokens/full");
  expect((await ask<SemanticTokens>("semanticTokens/range")).data).toEqual(data);
  for (const { position, label } of await ask<InlayHint[]>("inlayHint")) {
    is.range({ start: position, end: position });
    expect(label).not.toBe("");
  }
  for (const link of await ask<{ range: Range }[]>("documentLink")) is.range(link.range);
  is.edits(await ask<TextEdit[]>("formatting"));
  for (const lens of (await ask<CodeLens[]>("codeLens")).slice(0, 20)) {
    is.range(lens.range);
    expect((await client.request<CodeLens>("codeLens/resolve", lens)).command?.title).toBeTruthy();
  }
}

async function place(uri: string, is: Checked, position: Position): Promise<void> {
  const textDocument = { uri };
  const range = { start: position, end: position };
  const ask = <T>(method: string, more: object = {}): Promise<T | null> =>
    client.request<T | null>(`textDocument/${method}`, { textDocument, position, range, ...more });
  const hover = await ask<Hover>("hover");
  if (hover) expect(hover.range && is.touches(hover.range, position)).toBe(true);
  const completion = await ask<CompletionList>("completion");
  const labels = completion?.items.map(({ label }) => label) ?? [];
  expect(labels).toEqual([...new Set(labels)]);
  for (const { textEdit } of completion?.items ?? []) {
    const replaced = (textEdit as TextEdit).range;
    is.range(replaced);
    expect(is.touches(replaced, position) && replaced.start.line === replaced.end.line).toBe(true);
  }
  const help = await ask<SignatureHelp>("signatureHelp");
  if (help) expect(help.signatures[0]?.parameters?.[help.activeParameter ?? -1]).toBeDefined();
  for (const method of ["definition", "typeDefinition", "implementation"]) {
    for (const link of (await ask<LocationLink[]>(method)) ?? []) {
      is.range(link.targetRange);
      expect(is.inside(link.targetRange, link.targetSelectionRange)).toBe(true);
      expect(link.originSelectionRange && is.touches(link.originSelectionRange, position)).toBe(true);
    }
  }
  const references = (await ask<Location[]>("references", { context: { includeDeclaration: true } })) ?? [];
  for (const reference of references) is.range(reference.range);
  expect((await ask<unknown[]>("documentHighlight"))?.length).toBe(references.length);
  const renamed = await ask<{ range: Range; placeholder: string }>("prepareRename");
  if (renamed) {
    expect(is.touches(renamed.range, position)).toBe(true);
    expect(is.slice(renamed.range)).toBe(renamed.placeholder);
    expect(references.map((one) => one.range)).toContainEqual(renamed.range);
  }
  const linked = await ask<LinkedEditingRanges>("linkedEditingRange");
  if (linked) expect(new Set(linked.ranges.map(is.slice)).size).toBe(1);
  const [selection] = (await ask<SelectionRange[]>("selectionRange", { positions: [position] })) ?? [];
  for (let one = selection; one; one = one.parent) {
    expect(is.touches(one.range, position)).toBe(true);
    if (one.parent) expect(is.inside(one.parent.range, one.range)).toBe(true);
  }
  for (const ch of ["}", ";", "\n"]) is.edits((await ask<TextEdit[]>("onTypeFormatting", { ch, options: {} })) ?? []);
  is.edits((await ask<TextEdit[]>("rangeFormatting", { options: {} })) ?? []);
  await ask("prepareCallHierarchy");
  await client.knet("knet/endpointAt", { uri, position });
}

async function actions(uri: string, is: Checked, position: Position): Promise<void> {
  const found = await client.request<CodeAction[] | null>("textDocument/codeAction", {
    textDocument: { uri },
    range: { start: position, end: position },
    context: { diagnostics: [] },
  });
  for (const { edit } of found ?? []) {
    for (const change of (edit?.documentChanges ?? []) as TextDocumentEdit[])
      if (change.textDocument.uri === uri) is.edits(change.edits as TextEdit[]);
  }
}

describe.each(MUTILATIONS)("a text %s", (_, mutilated) => {
  it("has valid results at every position", async () => {
    for (const [order, name] of samples.entries()) {
      // Each kind of damage is applied to a fifth of the samples.
      if ((order + number) % 5 !== 0) continue;
      const text = mutilated(readFileSync(`${folder}${name}`, "utf8"));
      const uri = `untitled:everywhere-${name}-${number}`;
      const is = checked(text);
      await client.open(uri, text);
      await whole(uri, is);
      const offsets = Array.from({ length: 12 }, (_, step) => Math.floor(((step + 0.5) / 12) * text.length));
      await Promise.all(offsets.map((offset) => place(uri, is, is.at(offset))));
      await actions(uri, is, is.at(offsets[order % 12] ?? 0));
      await client.close(uri);
      expect(client.logged, name).toEqual([]);
    }
    number += 1;
  });
});

it.each(["", "\n", "\uFEFF", " ", "}", "{", "/*", '"', "#", "expect", "segment", "cluster c {\n  "])(
  "%j has valid results",
  async (text) => {
    const uri = `untitled:small-${number++}`;
    const is = checked(text);
    await client.open(uri, text);
    await whole(uri, is);
    for (let offset = 0; offset <= text.length; offset++) await place(uri, is, is.at(offset));
    await client.close(uri);
    expect(client.logged).toEqual([]);
  },
);
