import { lastUpTo } from "./search.ts";
/** Converts between offsets and lines of a text. */

/** Lines and characters as defined by LSP: zero-based, in UTF-16 units; lines end with LF, CRLF, or CR. */
export interface LineIndex {
  readonly lineCount: number;
  positionAt(offset: number): { line: number; character: number };
  /** Positions after the end of a line or of the text are clamped to the end. */
  offsetAt(position: { readonly line: number; readonly character: number }): number;
}

export function lineIndex(text: string): LineIndex {
  const starts = [0];
  const hasReturns = text.includes("\r");
  if (!hasReturns) {
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  } else {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x0a || (code === 0x0d && text.charCodeAt(at + 1) !== 0x0a)) starts.push(at + 1);
    }
  }
  /** The end of the line without its line break. */
  const lineEnd = (line: number): number => {
    if (line + 1 >= starts.length) return text.length;
    const end = starts[line + 1]! - 1;
    return end > 0 && text[end] === "\n" && text[end - 1] === "\r" ? end - 1 : end;
  };
  return {
    lineCount: starts.length,
    positionAt: (offset) => {
      const clamped = Math.max(0, Math.min(offset, text.length));
      const line = lastUpTo(starts, clamped);
      return { line, character: clamped - starts[line]! };
    },
    offsetAt: ({ line, character }) => {
      if (line < 0) return 0;
      if (line >= starts.length) return text.length;
      return Math.min(starts[line]! + Math.max(0, character), lineEnd(line));
    },
  };
}
