/** Values that are not shown: of Secrets, annotations, ConfigMaps, environment variables, and arguments, which can be credentials. */

/** Maps without reports about single keys: the line of a report shows the value. */
export const PRIVATE_MAPS: ReadonlySet<string> = new Set(["annotations", "data", "stringData", "binaryData"]);

const PRIVATE =
  /(["']?)\b(?:annotations|data|stringData|binaryData|env|args|command|managedFields|kubectl\.kubernetes\.io\/last-applied-configuration)\1\s*:\s*(?=[[{"'])/g;

/** The same text with `x` for each letter and digit: offsets and lines do not change. */
export function maskedText(text: string): string {
  return text.replace(/[^\s"'{}[\]:,|>-]/g, "x");
}

/** A line of a manifest as it can be shown next to a finding. The line of a compact JSON file contains whole objects. */
export function shownLine(line: string): string {
  let shown = "";
  let at = 0;
  for (const match of line.matchAll(PRIVATE)) {
    const start = match.index + match[0].length;
    if (start < at) continue;
    const end = endOfValue(line, start);
    shown += line.slice(at, start) + maskedText(line.slice(start, end));
    at = end;
  }
  return shown + line.slice(at);
}

/** The end of a value in brackets or quotes; the end of the line if it does not end there. */
function endOfValue(line: string, start: number): number {
  let depth = 0;
  for (let at = start; at < line.length; at += 1) {
    const character = line[at] ?? "";
    if (character === '"' || character === "'") at = endOfQuotes(line, at);
    else if ("[{".includes(character)) depth += 1;
    else if ("]}".includes(character)) depth -= 1;
    if (depth <= 0) return at + 1;
  }
  return line.length;
}

function endOfQuotes(line: string, start: number): number {
  for (let at = start + 1; at < line.length; at += 1) {
    if (line[at] === "\\" && line[start] === '"') at += 1;
    else if (line[at] === line[start]) return at;
  }
  return line.length;
}
