/**
 * Finds line starts, blanks, and line breaks around an offset without scanning the whole text. As in LSP, LF, CRLF, and CR
 * end a line.
 */

export function lineStartOf(text: string, at: number): number {
  let start = Math.min(at, text.length);
  while (start > 0 && text[start - 1] !== "\n" && text[start - 1] !== "\r") start--;
  return start;
}

/** The end of the line without its line break. */
export function lineEndOf(text: string, at: number): number {
  let end = at;
  while (end < text.length && text[end] !== "\n" && text[end] !== "\r") end++;
  return end;
}

/** The start of the next line, or the end of the text. */
export function nextLineOf(text: string, at: number): number {
  const end = lineEndOf(text, at);
  return Math.min(text.length, end + (text.startsWith("\r\n", end) ? 2 : 1));
}

export function skipBlanksBack(text: string, at: number): number {
  let start = at;
  while (start > 0 && (text[start - 1] === " " || text[start - 1] === "\t")) start--;
  return start;
}

/** The line break that the text uses. */
export function newlineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
