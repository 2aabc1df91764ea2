/**
 * Text from files for a terminal: control characters could move the cursor, set the window title, or hide text (ECMA-48;
 * CVE-2021-42574 for the direction of text), so they are shown as escapes.
 */

/** C0, DEL, and C1 controls, invisible characters, line separators, and marks that change the direction of text. */
const HIDDEN = /[\p{Cc}\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** One line: a path, a name, a message. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (char) => SHORT[char] ?? escapeOf(char));
}

/** Several lines that knet has laid out: line feeds and tabs are kept. */
export function visibleLines(text: string): string {
  return text.replace(HIDDEN, (char) => (char === "\n" || char === "\t" ? char : (SHORT[char] ?? escapeOf(char))));
}

/** A copy of plain data in which each string is `visible`. */
export function visibleIn<T>(value: T): T {
  return copyOf(value) as T;
}

function copyOf(value: unknown): unknown {
  if (typeof value === "string") return visible(value);
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copyOf(part)]));
}

/** JSON as JSON.stringify writes it, with the hidden characters that it does not escape as escapes; the value is the same. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replace(HIDDEN, (char) => (char === "\n" ? char : escapeOf(char)));
}

function escapeOf(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
