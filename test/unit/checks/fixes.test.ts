/** The titles of the proven fixes of each problem, so a lost fix shows up as a difference. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { catalog } from "../../../server/src/checks/catalog.ts";
import { provenFixes } from "../../../server/src/service/features/fixes.ts";
import { createService } from "../../../server/src/service/service.ts";

const folder = new URL("../../../samples/broken/", import.meta.url);

function fixesOf(name: string, text: string, code: string | undefined): readonly string[] {
  const service = createService({ resolveImport: () => undefined });
  service.setText(name, text);
  const analysis = service.analysisOf(name);
  const found = analysis?.findings(() => false);
  if (!analysis || !found) throw new Error(`${name} has no analysis`);
  return found
    .filter((finding) => finding.code === code)
    .flatMap((finding) => [
      `${name}: ${finding.code}`,
      ...(provenFixes(analysis, finding, () => false) ?? []).map(({ title }) => `  ${title}`),
    ]);
}

it("the fixes of every broken sample", async () => {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith(".knet"))
    .sort()
    .flatMap((name) => {
      const text = readFileSync(new URL(name, folder), "utf8");
      return fixesOf(name, text, /^# expect (KN\d{3})/.exec(text)?.[1]);
    });
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("fixtures/fixes-of-samples.txt");
});

it("the fixes of every check's own example", async () => {
  const lines = catalog
    .filter(({ example }) => example.language === undefined)
    .flatMap(({ code, name, example }) => fixesOf(name, example.bad, code));
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("fixtures/fixes-of-examples.txt");
});
