/** `knet explain`: the page of a diagnostic, or the list of all diagnostics. */
import { catalog } from "../checks/catalog.ts";
import type { CheckInfo } from "../findings/check.ts";
import { t, translated } from "../text/l10n.ts";
import { UsageError } from "./errors.ts";
import { say } from "./output.ts";

export function explain(code: string | undefined): number {
  if (code === undefined) {
    // The catalog lists causes before consequences; people look up a code.
    for (const check of [...catalog].sort((a, b) => a.code.localeCompare(b.code)))
      say(`${check.code}  ${check.severity.padEnd(7)}  ${translated(check.summary)}\n`);
    return 0;
  }
  const wanted = code.toUpperCase();
  const found = catalog.find((check) => check.code === wanted || check.name === code);
  if (!found) throw new UsageError(t`unknown diagnostic ${code}; run \`knet explain\` for a list`);
  say(page(found));
  return 0;
}

function page(check: CheckInfo): string {
  const indent = (text: string): string => text.trimEnd().replace(/^/gm, "    ");
  // References close the page, after the example, as on the pages under docs/diagnostics.
  const [text = "", references] = translated(check.documentation)
    .trim()
    .split(/^(?=## References$)/m);
  return [
    `${check.code} ${check.name} (${check.severity})`,
    translated(check.summary),
    text.trim(),
    t`## Example`,
    t`Incorrect:`,
    indent(check.example.bad),
    t`Correct:`,
    indent(check.example.good),
    ...(references === undefined ? [] : [references.trim()]),
  ]
    .join("\n\n")
    .concat("\n");
}
