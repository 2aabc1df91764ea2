/** `knet fmt`: formats files in place, or lists the unformatted ones. */

import { format } from "../frontends/knet/format.ts";
import { visible } from "../text/visible.ts";
import { attempt, expandPaths, readText, STDIN, writeText } from "./files.ts";
import { complain, say, writeOut } from "./output.ts";

/**
 * Exit code 2 if a file or folder cannot be read or written (the others are formatted), 1 if `check` is set and a file is not
 * formatted, else 0. Standard input is formatted to standard output.
 */
export function fmt(paths: readonly string[], options: { readonly check: boolean }): number {
  let unformatted = 0;
  const found = expandPaths(paths);
  const problems = [...found.problems];
  for (const file of found.files) {
    const text = attempt(problems, () => readText(file));
    if (text === undefined) continue;
    const formatted = format(text);
    if (file === STDIN && !options.check) {
      writeOut(formatted);
      continue;
    }
    if (formatted === text) continue;
    unformatted += 1;
    if (!options.check && attempt(problems, () => writeText(file, formatted)) === undefined) continue;
    say(`${visible(file)}\n`);
  }
  for (const problem of problems) complain(problem);
  if (problems.length > 0) return 2;
  return options.check && unformatted > 0 ? 1 : 0;
}
