/** A file before and after its fix. */
import { knetDocument } from "../../../server/src/frontends/knet/document.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { type Analysis, analyse } from "../../../server/src/service/analysis.ts";
import { provenFixes } from "../../../server/src/service/features/fixes.ts";

export const read = (text: string): Analysis => analyse("a.knet", [knetDocument("a.knet", parse(text))]);

/** The title of the first proven fix of a code, and the text that it inserts. */
export function edited(text: string, code: string): string {
  const analysis = read(text);
  const found = analysis.findings(() => false)?.find((one) => one.code === code);
  const [fix] = found ? (provenFixes(analysis, found, () => false) ?? []) : [];
  if (!fix) return "no fix";
  const edits = [...fix.edits.values()].flat();
  return [fix.title, ...edits.map((edit) => edit.text)].join("\n");
}
