/** What can be done about each broken sample: the fixes that were proven, by their titles. A lost one is seen here. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { provenFixes } from "../../../server/src/service/features/fixes.ts";
import { createService } from "../../../server/src/service/service.ts";

const folder = new URL("../../../samples/broken/", import.meta.url);

function fixesOf(name: string): readonly string[] {
  const text = readFileSync(new URL(name, folder), "utf8");
  const service = createService({ readFile: () => undefined, resolveImport: () => undefined });
  service.setText(name, text);
  const analysis = service.analysisOf(name);
  const found = analysis?.findings(() => false);
  if (!analysis || !found) throw new Error(`${name} has no analysis`);
  const intended = /^# expect (KN\d{3})/.exec(text)?.[1];
  return found
    .filter(({ code }) => code === intended)
    .flatMap((finding) => [
      `${name}: ${finding.code}`,
      ...(provenFixes(analysis, finding, () => false) ?? []).map(({ title }) => `  ${title}`),
    ]);
}

it("the fixes of every broken sample", async () => {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith(".knet"))
    .sort()
    .flatMap(fixesOf);
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("fixtures/fixes.txt");
});
