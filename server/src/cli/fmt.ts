/** `knet fmt`: formats files in place, or lists the unformatted ones. */
import { writeFileSync } from "node:fs";
import { format } from "../language/format.ts";
import { expandPaths, readText, STDIN } from "./files.ts";

/** Exit code 1 if `check` is set and a file is not formatted, else 0. Standard input is formatted to standard output. */
export function fmt(paths: readonly string[], options: { readonly check: boolean }): number {
  let unformatted = 0;
  for (const file of expandPaths(paths)) {
    const text = readText(file);
    const formatted = format(text);
    if (file === STDIN && !options.check) {
      process.stdout.write(formatted);
      continue;
    }
    if (formatted === text) continue;
    unformatted += 1;
    process.stdout.write(`${file}\n`);
    if (!options.check) writeFileSync(file, formatted);
  }
  return options.check && unformatted > 0 ? 1 : 0;
}
