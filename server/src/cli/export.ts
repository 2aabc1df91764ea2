/** `knet export`: a topology in the formats of other programs. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Exported, type ExportFormat, exportAs } from "../export/formats.ts";
import { list, plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { VERSION } from "../version.ts";
import { errno, UsageError } from "./errors.ts";
import { STDIN, writeText } from "./files.ts";
import { analysisOf, type InputOptions } from "./input.ts";
import { complain, writeOut } from "./output.ts";

export interface ExportOptions extends InputOptions {
  readonly to: ExportFormat;
  readonly output: string | undefined;
  readonly fromExpectations?: boolean;
}

/** What the format cannot express is listed on standard error, one line each. */
export function exportFile(file: string, options: ExportOptions): number {
  const { to, output } = options;
  const analysis = analysisOf(file, options);
  const { topology, network } = analysis;
  const { fromExpectations = false } = options;
  const result = exportAs(to, { topology, network, source: file, version: VERSION, fromExpectations });
  if ("problem" in result) throw new UsageError(t`${file}: ${result.problem}`);
  if (output === undefined || output === STDIN) print(file, result);
  else writeFolder(output, result);
  const broken = analysis.files.reduce(
    (sum, { decls }) => sum + decls.reduce((count, one) => count + one.problemCount, 0),
    0,
  );
  if (broken > 0) complain(t`${file}: ${plural(broken, "error")}; statements with errors are not exported`);
  for (const loss of result.losses) complain(loss);
  return 0;
}

function print(file: string, { files }: Exported): void {
  const [first] = files;
  if (files.length > 1)
    throw new UsageError(
      t`${file}: ${plural(files.length, "file")} (${list(files.map(({ name }) => name))}); use -o DIR`,
    );
  if (first) writeOut(first.text());
}

function writeFolder(folder: string, { files, companions }: Exported): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UsageError(t`${folder}: cannot be written (${errno(error)})`);
  }
  for (const { name, text } of [...files, ...companions]) writeText(join(folder, name), text());
}
