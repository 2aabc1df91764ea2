/** Markdown for hovers. Text from a file is inserted only as code, so it cannot act as markup. */

import { number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

/** A code span, safe for any text. */
export function code(text: string): string {
  const runs = text.match(/`+/g) ?? [];
  const fence = "`".repeat(Math.max(0, ...runs.map((run) => run.length)) + 1);
  const flat = text.replace(/[\r\n]+/g, " ");
  return runs.length === 0 ? `${fence}${flat}${fence}` : `${fence} ${flat} ${fence}`;
}

/** A code block with at most `most` lines, followed by the number of omitted lines. */
export function codeBlock(lines: readonly string[], most = 15, total = lines.length): string {
  const shown = lines.slice(0, most).map((line) => line.replace(/```/g, "'''"));
  const rest = total - shown.length;
  if (rest > 0) shown.push(`… ${t`${number(rest)} more`}`);
  return `\`\`\`text\n${shown.join("\n")}\n\`\`\``;
}

/** Joins paragraphs; empty paragraphs are omitted. */
export function paragraphs(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join("\n\n");
}

export function bullets(items: readonly (string | undefined)[]): string {
  return items.flatMap((item) => (item === undefined || item === "" ? [] : [`- ${item}`])).join("\n");
}
