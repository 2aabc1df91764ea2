/**
 * Many edits as one, so the text is parsed once. Each edit refers to the text after the previous edit, so the text is kept on both
 * sides of a gap: an edit costs the distance from the previous one, not the length of the text.
 */
import type { TextEdit } from "../text/edit.ts";

/** The smallest edit with the same effect as all edits in order. */
export function combined(text: string, edits: readonly TextEdit[]): TextEdit {
  const after = applied(text, edits);
  const most = Math.min(text.length, after.length);
  let head = 0;
  while (head < most && text.charCodeAt(head) === after.charCodeAt(head)) head++;
  let tail = 0;
  while (tail < most - head && text.charCodeAt(text.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail))
    tail++;
  return { start: head, end: text.length - tail, text: after.slice(head, after.length - tail) };
}

/** The text after all edits. */
export function applied(text: string, edits: readonly TextEdit[]): string {
  const before: string[] = [];
  /** In reverse order. */
  const after = [text];
  let gap = 0;

  const move = (to: number): void => {
    while (gap > to) {
      const part = before.pop();
      if (part === undefined) return;
      const kept = Math.max(0, part.length - (gap - to));
      if (kept > 0) before.push(part.slice(0, kept));
      after.push(part.slice(kept));
      gap -= part.length - kept;
    }
    while (gap < to) {
      const part = after.pop();
      if (part === undefined) return;
      const taken = Math.min(part.length, to - gap);
      if (taken < part.length) after.push(part.slice(taken));
      before.push(part.slice(0, taken));
      gap += taken;
    }
  };
  for (const { start, end, text: inserted } of edits) {
    move(start);
    let rest = end - start;
    while (rest > 0) {
      const part = after.pop();
      if (part === undefined) break;
      if (part.length > rest) after.push(part.slice(rest));
      rest -= part.length;
    }
    before.push(inserted);
    gap += inserted.length;
  }
  return [...before, ...after.reverse()].join("");
}
