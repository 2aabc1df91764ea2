/** Refactorings: sort adjacent declarations by name and lists by value. Comments move with the declaration that they belong to. */

import { all, nameOf } from "../../../declared/access.ts";
import { isFlag } from "../../../declared/schema/index.ts";
import { argOf, statementOf } from "../../../frontends/knet/handle.ts";
import type { TextEdit } from "../../../text/edit.ts";
import { t } from "../../../text/l10n.ts";
import { lineStartOf } from "../../../text/lines.ts";
import type { Span } from "../../../text/span.ts";
import type { Analysis } from "../../analysis.ts";
import { knetFile } from "../../knet.ts";
import { type Placed, placedIn } from "../place.ts";
import type { Refactoring } from "./refactoring.ts";

export function sortAt(analysis: Analysis, file: string, selection: Span): readonly Refactoring[] {
  const checked = knetFile(analysis, file);
  if (!checked) return [];
  const all = placedIn(checked);
  const here = all.findLast((one) => one.start <= selection.start && one.end >= selection.start);
  if (!here) return [];
  return [...sortValues(file, here), ...sortSiblings(checked.tree.text, file, all, selection)];
}

const order = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true });

/* ------------------------------------------------------------------- lists */

function sortValues(file: string, { decl, start }: Placed): readonly Refactoring[] {
  for (const arg of decl.spec?.args ?? []) {
    const reads = isFlag(arg) ? [] : all(decl, arg.name);
    const texts = reads.map((read) => read.text);
    const sorted = [...texts].sort(order);
    if (reads.length < 2 || sorted.every((text, index) => text === texts[index])) continue;
    const edits = reads.flatMap((read, index): readonly TextEdit[] => {
      const from = start + argOf(decl, read).start;
      const text = sorted[index] ?? "";
      return text === read.text || argOf(decl, read).kind !== "word"
        ? []
        : [{ start: from, end: from + argOf(decl, read).length, text }];
    });
    if (reads.some((read) => argOf(decl, read).kind !== "word")) continue;
    return [
      {
        title: t`Sort the ${arg.name} of \`${statementOf(decl).keyword.text}\``,
        kind: "rewrite",
        edits: new Map([[file, edits]]),
      },
    ];
  }
  return [];
}

/* ------------------------------------------------------------ declarations */

function sortSiblings(text: string, file: string, all: readonly Placed[], { start }: Span): readonly Refactoring[] {
  const around = all.filter((one) => one.start <= start && one.end >= start && nameIn(one) !== undefined);
  return around.slice(-2).flatMap((one): readonly Refactoring[] => {
    const run = adjacent(all, one);
    const chunks = chunksOf(text, run);
    if (!chunks || run.length < 2) return [];
    const sorted = chunks
      .map((chunk, index) => ({ chunk, name: nameIn(run[index]) ?? "" }))
      .sort((a, b) => order(a.name, b.name));
    if (sorted.every(({ chunk }, index) => chunk === chunks[index])) return [];
    const edits = chunks.flatMap((chunk, index): readonly TextEdit[] => {
      const by = sorted[index]?.chunk;
      return !by || by === chunk ? [] : [{ ...chunk, text: text.slice(by.start, by.end) }];
    });
    const keyword = statementOf(one.decl).keyword.text;
    const title = t`Sort ${run.length} \`${keyword}\` statements by name`;
    return [{ title, kind: "rewrite", edits: new Map([[file, edits]]) }];
  });
}

function nameIn(placed: Placed | undefined): string | undefined {
  return placed?.decl.spec?.defines && nameOf(placed.decl);
}

/** The contiguous run of statements with the same keyword in the same block. */
function adjacent(all: readonly Placed[], one: Placed): readonly Placed[] {
  const outer = all.findLast((other) => other.start < one.start && other.end >= one.end);
  const level =
    outer?.decl.children ??
    all
      .filter((other) => !all.some((more) => more.start < other.start && more.end >= other.end))
      .map(({ decl }) => decl);
  const at = level.indexOf(one.decl);
  const same = (index: number): boolean => level[index]?.spec === one.decl.spec && one.decl.spec !== undefined;
  let first = at;
  while (first > 0 && same(first - 1)) first--;
  let last = at;
  while (last + 1 < level.length && same(last + 1)) last++;
  const run = new Set(level.slice(first, last + 1));
  return all.filter(({ decl }) => run.has(decl));
}

/** Each statement with the comment lines directly above it and the rest of its line; undefined if two statements share a line. */
function chunksOf(text: string, run: readonly Placed[]): readonly Span[] | undefined {
  const chunks: Span[] = [];
  for (const { start, end } of run) {
    let from = lineStartOf(text, start);
    if (text.slice(from, start).trim() !== "") return undefined;
    for (;;) {
      const above = from > 0 ? lineStartOf(text, from - 1) : from;
      if (above === from || !/^[ \t]*(?:#|\/\/)/.test(text.slice(above, from))) break;
      from = above;
    }
    const rest = /^[^\r\n]*/.exec(text.slice(end, end + 2000))?.[0] ?? "";
    if (!/^[ \t]*(?:(?:#|\/\/).*)?$/.test(rest)) return undefined;
    chunks.push({ start: from, end: end + rest.length });
  }
  return chunks;
}
