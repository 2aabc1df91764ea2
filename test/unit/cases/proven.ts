/** The fixes that the editor offers, and the text after each of them. */
import type { Finding } from "../../../server/src/findings/finding.ts";
import { provenFixes } from "../../../server/src/service/features/fixes.ts";
import { createService } from "../../../server/src/service/service.ts";

const FILE = "case.knet";

export interface Offered {
  readonly title: string;
  /** The whole file after the fix. */
  readonly text: string;
}

/** The offered fixes of the first finding with this code (or of the one whose message contains `part`). */
export function offered(text: string, code: string, part = ""): readonly Offered[] {
  const service = createService({ resolveImport: () => undefined });
  service.setText(FILE, text);
  const analysis = service.analysisOf(FILE);
  const found = analysis
    ?.findings(() => false)
    ?.find((one: Finding) => one.code === code && one.message.includes(part));
  if (!analysis || !found) throw new Error(`${code} is not found`);
  return (provenFixes(analysis, found, () => false) ?? []).map(({ title, edits }) => ({
    title,
    text: [...(edits.get(FILE) ?? [])]
      .sort((a, b) => b.start - a.start)
      .reduce((all, edit) => all.slice(0, edit.start) + edit.text + all.slice(edit.end), text),
  }));
}

export function titles(text: string, code: string, part = ""): readonly string[] {
  return offered(text, code, part).map(({ title }) => title);
}
