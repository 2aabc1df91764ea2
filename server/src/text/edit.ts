/** Replaces the text between two UTF-16 offsets. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** From the end of the text to its start, so the offsets of the remaining edits stay valid. The edits do not overlap. */
export function backwards(edits: readonly TextEdit[]): readonly TextEdit[] {
  return [...edits].reverse().sort((a, b) => b.start - a.start || b.end - a.end);
}

/** The text after one edit. */
export function editedText(text: string, { start, end, text: inserted }: TextEdit): string {
  return text.slice(0, start) + inserted + text.slice(end);
}
