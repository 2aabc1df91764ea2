/**
 * Applies many content changes of one notification. Each position refers to the text after the previous change, so the text
 * is kept as parts of lines on both sides of a gap: a change costs the distance from the previous one, not the length of the
 * text or of its line.
 */
import { lineIndex } from "../text/line-index.ts";
import type { Position } from "./protocol.ts";

export interface ContentChange {
  /** The whole text if absent. */
  readonly range?: { readonly start: Position; readonly end: Position };
  readonly text: string;
}

/** The text after all changes. */
export function applyChanges(text: string, changes: readonly ContentChange[]): string {
  return appliedBackwards(text, changes) ?? appliedInOrder(text, changes);
}

/**
 * Editors send the changes of one command from the end of the text to its start: then all positions are also valid in the first text.
 * Undefined in any other order, for positions after the end of a line, and for texts with CR, which an inserted LF can turn into one line break.
 */
function appliedBackwards(text: string, changes: readonly ContentChange[]): string | undefined {
  if (text.includes("\r")) return undefined;
  const index = lineIndex(text);
  const parts: string[] = [];
  let rest = text.length;
  let last: Position = { line: Number.POSITIVE_INFINITY, character: 0 };
  for (const { range, text: inserted } of changes) {
    if (range === undefined || inserted.includes("\r")) return undefined;
    const [start, end] = inOrder(range.start, range.end);
    if (!isBefore(end, last)) return undefined;
    const from = index.exactOffsetAt(start);
    const to = index.exactOffsetAt(end);
    // An earlier change can move the end of a line or of the text.
    if (from === undefined || to === undefined) return undefined;
    parts.push(text.slice(to, rest), inserted);
    rest = from;
    last = start;
  }
  return [text.slice(0, rest), ...parts.reverse()].join("");
}

export function appliedInOrder(text: string, changes: readonly ContentChange[]): string {
  let buffer = gapBuffer(text);
  for (const { range, text: inserted } of changes) {
    if (range === undefined) buffer = gapBuffer(inserted);
    else buffer.replace(range.start, range.end, inserted);
  }
  return buffer.text();
}

interface GapBuffer {
  /** Positions in any order; positions after the end of a line or of the text are clamped to the end. */
  replace(start: Position, end: Position, inserted: string): void;
  text(): string;
}

/** Parts of lines: only the end of a part can be a line break, and a line can have several parts. None is empty. */
function partsOf(text: string): string[] {
  // By the rule of `lineIndex`: LF, CRLF, and CR end a line.
  return text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+/g) ?? [];
}

function isEnded(part: string): boolean {
  return part.endsWith("\n") || part.endsWith("\r");
}

/** The length of a part without its line break. */
function widthOf(part: string): number {
  if (part.endsWith("\r\n")) return part.length - 2;
  return isEnded(part) ? part.length - 1 : part.length;
}

interface Part {
  readonly text: string;
  /** Where the part starts in its line. */
  readonly column: number;
}

function gapBuffer(text: string): GapBuffer {
  const before: Part[] = [];
  /** In reverse order. */
  const after = partsOf(text).reverse();
  /** Position of the gap. */
  let line = 0;
  let column = 0;

  const add = (text: string): void => {
    if (text === "") return;
    before.push({ text, column });
    if (isEnded(text)) {
      line += 1;
      column = 0;
    } else column += text.length;
  };
  const back = (wanted: Position): void => {
    while (line > wanted.line || (line === wanted.line && column > wanted.character)) {
      const part = before.pop();
      if (!part) return;
      if (isEnded(part.text)) line -= 1;
      column = part.column;
      // The position is inside this part, or before its line break.
      const keep = line === wanted.line ? Math.min(wanted.character - column, widthOf(part.text)) : 0;
      if (keep > 0) add(part.text.slice(0, keep));
      if (keep < part.text.length) after.push(part.text.slice(Math.max(0, keep)));
      if (keep > 0) return;
    }
  };
  const forward = (wanted: Position): void => {
    while (line < wanted.line || column < wanted.character) {
      const part = after.pop();
      if (part === undefined) return;
      if (line < wanted.line) {
        add(part);
        continue;
      }
      const taken = Math.min(wanted.character - column, widthOf(part));
      add(part.slice(0, taken));
      if (taken === part.length) continue;
      after.push(part.slice(taken));
      return;
    }
  };
  const move = ({ line: wanted, character }: Position): void => {
    const place = wanted < 0 ? { line: 0, character: 0 } : { line: wanted, character: Math.max(0, character) };
    back(place);
    forward(place);
  };
  /** Text after the gap without its LF if the CR before the gap and the LF are one line break. */
  const joined = (text: string): string => {
    const last = before.at(-1);
    if (!last?.text.endsWith("\r") || !text.startsWith("\n")) return text;
    before[before.length - 1] = { ...last, text: `${last.text}\n` };
    return text.slice(1);
  };

  return {
    replace(one, other, inserted) {
      const [start, end] = inOrder(one, other);
      move(start);
      const kept = { parts: before.length, line, column };
      move(end);
      before.length = kept.parts;
      ({ line, column } = kept);
      for (const part of partsOf(joined(inserted))) add(part);
      const next = after.pop() ?? "";
      const rest = joined(next);
      if (rest !== "") after.push(rest);
    },
    text: () => [...before.map((part) => part.text), ...after.reverse()].join(""),
  };
}

function inOrder(a: Position, b: Position): readonly [Position, Position] {
  return isBefore(a, b) ? [a, b] : [b, a];
}

/** Also for equal positions. */
function isBefore(a: Position, b: Position): boolean {
  return a.line < b.line || (a.line === b.line && a.character <= b.character);
}
