/**
 * The formatter: two spaces of indentation, one statement per line, one space between arguments, `true` and `false` for
 * `on`, `yes`, `off`, and `no`. Otherwise it changes only white space and `;` between tokens, so the tree and the comments
 * do not change. It does not format lines with syntax problems.
 */

import type { Decl } from "../../declared/decl.ts";
import type { Span } from "../../text/span.ts";
import { decodeFile } from "./decode.ts";
import { type Body, type HeaderToken, hasBreak, type Item, makePlan, type StatementItem } from "./format-plan.ts";
import { argOf, statementOf } from "./handle.ts";
import { parse } from "./parser.ts";
import type { Token } from "./tokens.ts";
import type { Block } from "./tree.ts";

export interface TextEdit extends Span {
  readonly text: string;
}

const maxWidth = 100;
const tab = "  ";

export function format(text: string): string {
  const parts: string[] = [];
  let done = 0;
  for (const edit of formatEdits(text)) {
    parts.push(text.slice(done, edit.start), edit.text);
    done = edit.end;
  }
  parts.push(text.slice(done));
  return parts.join("");
}

/** The minimal edits that turn `text` into `format(text)`, in text order. */
export function formatEdits(text: string): TextEdit[] {
  const items = makePlan(text);
  if (items === undefined) return [];
  const pen = makePen(text);
  writeItems(pen, items, 0, false);
  const edits = pen.finish();
  const booleans = booleanEdits(text);
  return booleans.length === 0 ? edits : [...edits, ...booleans].sort((a, b) => a.start - b.start);
}

/** A boolean in one of its other spellings is the last argument of its statement. */
const MAYBE_BOOLEAN = /\s(?:on|off|yes|no)\s*(?:[;}\r\n#/]|$)/;

/** The pen edits only white space between tokens, so these edits of tokens never overlap its edits. */
function booleanEdits(text: string): readonly TextEdit[] {
  if (!MAYBE_BOOLEAN.test(text)) return [];
  const tree = parse(text);
  const edits: TextEdit[] = [];
  const visit = (decls: readonly Decl[], block: Block, blockStart: number): void => {
    for (const [i, decl] of decls.entries()) {
      const statement = statementOf(decl);
      const start = blockStart + (block.offsets[i] ?? 0);
      for (const read of decl.values) {
        if (read.value.kind !== "boolean" || read.text === String(read.value.value)) continue;
        const arg = argOf(decl, read);
        const from = start + arg.start;
        edits.push({ start: from, end: from + arg.length, text: String(read.value.value) });
      }
      if (statement.block) visit(decl.children, statement.block, start + statement.block.start);
    }
  };
  visit(decodeFile(tree), tree.root, 0);
  return edits;
}

/** The edits on the lines that overlap a range. */
export function formatRangeEdits(text: string, range: Span): TextEdit[] {
  const isBreak = (at: number): boolean => text[at] === "\n" || text[at] === "\r";
  let from = Math.min(range.start, text.length);
  while (from > 0 && !isBreak(from - 1)) from--;
  let to = Math.max(range.end, from);
  while (to < text.length && !isBreak(to)) to++;
  return formatEdits(text).filter(({ start, end }) => start >= from && end <= to);
}

/** Writes spans of the source in order, and the white space between them. */
interface Pen {
  /** Appends text before the next span. */
  gap(text: string): void;
  /** Starts a new line, after an empty line if `blank`. */
  line(indent: number, blank?: boolean): void;
  copy(span: Span): void;
  /** Writes a comment at the end of its line, aligned with the end-of-line comments of adjacent lines. */
  trailing(span: Span): void;
  finish(): TextEdit[];
}

function makePen(text: string): Pen {
  const spans: Span[] = [];
  const gaps: string[] = [];
  let pending = "";
  let column = 0;
  let line = 0;
  /** End-of-line comments: index of the gap before the comment, line number, width of the line without the comment. */
  const comments: { readonly gap: number; readonly line: number; readonly width: number }[] = [];

  const gap = (more: string): void => {
    pending += more;
    column += more.length;
  };
  const copy = (span: Span): void => {
    const source = text.slice(span.start, span.end);
    if (hasBreak(source)) {
      line++;
      column = source.length - Math.max(source.lastIndexOf("\n"), source.lastIndexOf("\r")) - 1;
    } else column += source.length;
    gaps.push(pending);
    spans.push(span);
    pending = "";
  };
  return {
    gap,
    copy,
    line: (indent, blank = false) => {
      if (spans.length > 0) pending += blank ? "\n\n" : "\n";
      pending += tab.repeat(indent);
      column = indent * tab.length;
      line += blank ? 2 : 1;
    },
    trailing: (span) => {
      if (!hasBreak(text.slice(span.start, span.end))) comments.push({ gap: gaps.length, line, width: column });
      gap(tab);
      copy(span);
    },
    finish: () => {
      for (let from = 0; from < comments.length; ) {
        let to = from + 1;
        while (to < comments.length && comments[to]!.line === comments[to - 1]!.line + 1) to++;
        let width = 0;
        for (let at = from; at < to; at++) width = Math.max(width, comments[at]!.width);
        for (; from < to; from++) {
          const comment = comments[from]!;
          gaps[comment.gap] = gaps[comment.gap]!.trimEnd() + tab + " ".repeat(width - comment.width);
        }
      }
      const wanted: TextEdit[] = [];
      let done = text.startsWith("\ufeff") ? 1 : 0;
      spans.forEach((span, at) => {
        wanted.push({ start: done, end: span.start, text: gaps[at]! });
        done = span.end;
      });
      wanted.push({ start: done, end: text.length, text: spans.length === 0 ? "" : "\n" });
      // Use the more common kind of line break.
      let balance = 0;
      for (const { start, end } of wanted)
        for (const found of text.slice(start, end).match(/\r\n|\n/g) ?? []) balance += found === "\n" ? -1 : 1;
      const edits: TextEdit[] = [];
      for (const edit of wanted)
        addEdit(edits, text, balance > 0 ? { ...edit, text: edit.text.replaceAll("\n", "\r\n") } : edit);
      return edits;
    },
  };
}

/** Adds an edit without the common prefix and suffix of the old and the new text. */
function addEdit(edits: TextEdit[], source: string, { start, end, text }: TextEdit): void {
  const old = source.slice(start, end);
  if (old === text) return;
  const most = Math.min(old.length, text.length);
  let head = 0;
  while (head < most && old[head] === text[head]) head++;
  let tail = 0;
  while (tail < most - head && old[old.length - 1 - tail] === text[text.length - 1 - tail]) tail++;
  // A position between CR and LF is not valid.
  if (head > 0 && old[head - 1] === "\r" && (old[head] === "\n" || text[head] === "\n")) head--;
  const before = [old[old.length - 1 - tail], text[text.length - 1 - tail]];
  if (tail > 0 && old[old.length - tail] === "\n" && before.includes("\r")) tail--;
  edits.push({ start: start + head, end: end - tail, text: text.slice(head, text.length - tail) });
}

/** Writes the items of a block or of the text, each on a separate line. */
function writeItems(pen: Pen, items: readonly Item[], indent: number, inBlock: boolean): void {
  /** The previous item is a comment at the start of its line: the next item stays on the same line. */
  let led = false;
  items.forEach((item, index) => {
    const sameLine = item.breaks === 0 && (index > 0 || inBlock);
    if (item.kind === "comment" && sameLine && !led && !item.leads) {
      pen.trailing(item.token);
      return;
    }
    if (sameLine && led) pen.gap(" ");
    else pen.line(item.kind === "frozen" ? 0 : indent, index > 0 && item.breaks > 1);
    led = item.kind === "comment";
    if (item.kind === "frozen") pen.copy(item.span);
    else if (item.kind === "comment") pen.copy(item.token);
    else writeStatement(pen, item, indent);
  });
}

function writeStatement(pen: Pen, item: StatementItem, indent: number): void {
  const { header, body } = item;
  if (body?.oneLine && indent * tab.length + inlineWidth(item) <= maxWidth) writeInline(pen, item);
  else {
    const ended = writeHeader(pen, header, indent, body !== undefined);
    if (body !== undefined) {
      if (ended) pen.line(indent);
      else pen.gap(" ");
      pen.copy(body.open);
      writeItems(pen, body.items, indent + 1, true);
      if (body.items.length > 0 || !body.oneLine) pen.line(indent);
      pen.copy(body.close);
    }
  }
  if (item.separate) pen.gap(";");
}

const space = (before: Token | undefined, token: Token): string =>
  before === undefined ||
  before.kind === "[" ||
  token.kind === "]" ||
  token.kind === "," ||
  // `app=[a b]`
  (token.kind === "[" && before.kind === "word" && before.end === token.start)
    ? ""
    : " ";

const isLineComment = ({ kind, text }: Token): boolean => kind === "comment" && !text.startsWith("/*");

/** Infinite if the tokens do not fit on one line. */
function widthOf(tokens: readonly HeaderToken[]): number {
  let width = 0;
  let before: Token | undefined;
  for (const { token } of tokens) {
    if (isLineComment(token) || hasBreak(token.text)) return Number.POSITIVE_INFINITY;
    width += space(before, token).length + token.text.length;
    before = token;
  }
  return width;
}

function inlineWidth({ header, body }: StatementItem): number {
  return widthOf(header) + (body === undefined ? 0 : " ".length + inlineBodyWidth(body));
}

function inlineBodyWidth({ items }: Body): number {
  let width = "{".length;
  let between = " ";
  for (const item of items) {
    if (item.kind === "frozen" || width > maxWidth) return Number.POSITIVE_INFINITY;
    if (item.kind === "comment") {
      width += (item.leads ? between : " ").length + item.token.text.length;
      if (item.leads) between = " ";
    } else {
      width += between.length + inlineWidth(item);
      between = "; ";
    }
  }
  return width + (items.length === 0 ? "}" : " }").length;
}

function writeInline(pen: Pen, { header, body }: StatementItem): void {
  writeTokens(pen, header);
  if (body === undefined) return;
  pen.gap(" ");
  pen.copy(body.open);
  let between = " ";
  for (const item of body.items) {
    if (item.kind === "statement") {
      pen.gap(between);
      writeInline(pen, item);
      between = "; ";
    } else if (item.kind === "comment") {
      pen.gap(item.leads ? between : " ");
      pen.copy(item.token);
      if (item.leads) between = " ";
    }
  }
  if (body.items.length > 0) pen.gap(" ");
  pen.copy(body.close);
}

function writeTokens(pen: Pen, tokens: readonly HeaderToken[]): void {
  let before: Token | undefined;
  for (const { token } of tokens) {
    pen.gap(space(before, token));
    pen.copy(token);
    before = token;
  }
}

/** A run of tokens outside lists, or a list. */
interface Part {
  readonly tokens: readonly HeaderToken[];
  readonly list: boolean;
  readonly width: number;
  /** The space in front of the part. */
  readonly space: string;
}

function partsOf(header: readonly HeaderToken[]): Part[] {
  const parts: Part[] = [];
  for (let from = 0; from < header.length; ) {
    const list = header[from]!.token.kind === "[";
    let to = from + 1;
    while (to < header.length && header[to]!.token.kind !== (list ? "]" : "[")) to++;
    if (list) to++;
    const tokens = header.slice(from, to);
    const before = header[from - 1]?.token;
    parts.push({ tokens, list, width: widthOf(tokens), space: space(before, header[from]!.token) });
    from = to;
  }
  return parts;
}

/** Writes a header; true if it ends with a line comment, so the next token needs a new line. */
function writeHeader(pen: Pen, header: readonly HeaderToken[], indent: number, hasBody: boolean): boolean {
  const parts = partsOf(header);
  const broken = listsToBreak(parts, indent * tab.length, hasBody ? " {".length : 0);
  let ended = false;
  for (const part of parts) {
    if (broken.has(part)) {
      pen.gap(part.space);
      writeBrokenList(pen, part.tokens, indent);
      continue;
    }
    let before: Token | undefined;
    for (const { token, broken: begins } of part.tokens) {
      if (isLineComment(token) && !begins && !ended) pen.trailing(token);
      else {
        if (ended || (isLineComment(token) && begins)) pen.line(indent);
        else pen.gap(before === undefined ? part.space : space(before, token));
        pen.copy(token);
      }
      ended = isLineComment(token);
      before = token;
    }
  }
  return ended;
}

/**
 * The lists that require more than one line, and the widest of the remaining lists until the header fits the line
 * width.
 */
function listsToBreak(parts: readonly Part[], indent: number, tail: number): Set<Part> {
  const broken = new Set(parts.filter(({ list, width }) => list && width === Number.POSITIVE_INFINITY));
  const rest = parts.filter((part) => part.list && part.tokens.length > 2 && !broken.has(part));
  rest.sort((a, b) => b.width - a.width);
  const fits = (): boolean => {
    let column = indent;
    for (const part of parts) {
      column += part.space.length + (broken.has(part) ? "[".length : part.width);
      if (column > maxWidth) return false;
      if (broken.has(part)) column = indent + "]".length;
    }
    return column + tail <= maxWidth;
  };
  for (let at = 0; at < rest.length && !fits(); at++) {
    if (at > 10) for (const part of rest) broken.add(part);
    broken.add(rest[at]!);
  }
  return broken;
}

/** Writes one item per line; comments stay next to their item. */
function writeBrokenList(pen: Pen, tokens: readonly HeaderToken[], indent: number): void {
  const [open, ...inner] = tokens.map(({ token }) => token) as [Token, ...Token[]];
  const close = inner.pop();
  pen.copy(open);
  // State of the current line: empty, has an item (or the bracket), ended by a line comment.
  let empty = false;
  let hasItem = true;
  let ended = false;
  inner.forEach((token, index) => {
    const begins = tokens[index + 1]!.broken;
    const lineComment = isLineComment(token);
    if (ended || (token.kind === "comment" ? begins : token.kind !== "," && hasItem)) {
      pen.line(indent + 1);
      empty = true;
      hasItem = false;
      ended = false;
    }
    if (lineComment && !empty) pen.trailing(token);
    else {
      if (!empty && token.kind !== ",") pen.gap(" ");
      pen.copy(token);
    }
    empty = false;
    hasItem ||= token.kind !== "comment" && token.kind !== ",";
    ended = lineComment;
  });
  pen.line(indent);
  if (close !== undefined) pen.copy(close);
}
