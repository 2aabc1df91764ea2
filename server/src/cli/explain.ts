/** `knet explain`: a diagnostic's documentation, or the list of all. */
import { catalogue } from "../checks/catalogue.ts";
import type { Check } from "../checks/check.ts";
import { UsageError } from "./errors.ts";

export function explain(code: string | undefined): number {
  if (code === undefined) {
    for (const check of catalogue)
      process.stdout.write(`${check.code}  ${check.severity.padEnd(7)}  ${check.summary}\n`);
    return 0;
  }
  const wanted = code.toUpperCase();
  const found = catalogue.find((check) => check.code === wanted || check.name === code);
  if (!found) throw new UsageError(`there is no diagnostic ${code}; "knet explain" lists all`);
  process.stdout.write(page(found));
  return 0;
}

function page(check: Check): string {
  const indent = (text: string): string => text.trimEnd().replace(/^/gm, "    ");
  return [
    `${check.code} ${check.name} (${check.severity})`,
    "",
    check.summary,
    "",
    check.documentation.trim(),
    "",
    "Wrong:",
    "",
    indent(check.example.bad),
    "",
    "Right:",
    "",
    indent(check.example.good),
    "",
  ].join("\n");
}
