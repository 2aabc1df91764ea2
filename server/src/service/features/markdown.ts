/** Markdown for hovers. What comes from a file only ever stands in code, so that nothing in it has a meaning. */

/** A span of code, whatever is in the text. */
export function code(text: string): string {
  const runs = text.match(/`+/g) ?? [];
  const fence = "`".repeat(Math.max(0, ...runs.map((run) => run.length)) + 1);
  const flat = text.replace(/[\r\n]+/g, " ");
  return runs.length === 0 ? `${fence}${flat}${fence}` : `${fence} ${flat} ${fence}`;
}

/** A block of code; `most` lines of it, and how many there are beyond. */
export function codeBlock(lines: readonly string[], most = 15, total = lines.length): string {
  const shown = lines.slice(0, most).map((line) => line.replace(/```/g, "'''"));
  const rest = total - shown.length;
  if (rest > 0) shown.push(`… ${rest.toLocaleString("en")} more`);
  return `\`\`\`text\n${shown.join("\n")}\n\`\`\``;
}

/** Paragraphs; empty ones are left out. */
export function paragraphs(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join("\n\n");
}

export function bullets(items: readonly (string | undefined)[]): string {
  return items.flatMap((item) => (item === undefined || item === "" ? [] : [`- ${item}`])).join("\n");
}
