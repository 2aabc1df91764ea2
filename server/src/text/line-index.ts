import { lastUpTo } from "./search.ts";
/** Converts between offsets and lines of a text. */

/** Lines and characters as defined by LSP: zero-based, in UTF-16 units; lines end with LF, CRLF, or CR. */
export interface LineIndex {
  lineCount(): number;
  positionAt(offset: number): { line: number; character: number };
  /** Positions after the end of a line or of the text are clamped to the end. */
  offsetAt(position: { readonly line: number; readonly character: number }): number;
  /** The same; undefined for positions after the end of a line or of the text. */
  exactOffsetAt(position: { readonly line: number; readonly character: number }): number | undefined;
}

/** Searches for lines only up to the requested line: most edits and hovers need one. */
export function lineIndex(text: string): LineIndex {
  const starts = [0];
  const next = text.includes("\r") ? nextAfterAny : nextAfterLf;
  let isComplete = false;
  const findNext = (): void => {
    const start = next(text, starts[starts.length - 1]!);
    if (start < 0) isComplete = true;
    else starts.push(start);
  };
  const findLine = (line: number): void => {
    while (!isComplete && starts.length <= line) findNext();
  };
  /** The end of the line without its line break. */
  const lineEnd = (line: number): number => {
    findLine(line + 1);
    if (line + 1 >= starts.length) return text.length;
    const end = starts[line + 1]! - 1;
    return end > 0 && text[end] === "\n" && text[end - 1] === "\r" ? end - 1 : end;
  };
  return {
    lineCount: () => {
      while (!isComplete) findNext();
      return starts.length;
    },
    positionAt: (offset) => {
      const clamped = Math.max(0, Math.min(offset, text.length));
      while (!isComplete && starts[starts.length - 1]! <= clamped) findNext();
      const line = lastUpTo(starts, clamped);
      return { line, character: clamped - starts[line]! };
    },
    offsetAt: ({ line, character }) => {
      if (line < 0) return 0;
      findLine(line);
      if (line >= starts.length) return text.length;
      return Math.min(starts[line]! + Math.max(0, character), lineEnd(line));
    },
    exactOffsetAt: ({ line, character }) => {
      if (line < 0 || character < 0) return undefined;
      findLine(line);
      if (line >= starts.length) return undefined;
      const offset = starts[line]! + character;
      return offset <= lineEnd(line) ? offset : undefined;
    },
  };
}

/** The start of the next line, or −1. */
function nextAfterLf(text: string, from: number): number {
  const at = text.indexOf("\n", from);
  return at < 0 ? -1 : at + 1;
}

function nextAfterAny(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x0a || (code === 0x0d && text.charCodeAt(at + 1) !== 0x0a)) return at + 1;
  }
  return -1;
}
