/** `--state`: the state of real machines, in a folder or a file. */
import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import type { RealState } from "../dataplane/real/state.ts";
import { readState, type TextFile } from "../frontends/hoststate/index.ts";
import { machinesOf } from "../questions/drift/machines.ts";
import { uncollected } from "../questions/drift/uncollected.ts";
import { type Analysis, withState } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import { errno, UnreadableError, UsageError } from "./errors.ts";
import { attempt, readText, SKIPPED_FOLDERS } from "./files.ts";
import { complain } from "./output.ts";

/** Throws UsageError if the path cannot be read or contains no state. A file in the folder that is not text is skipped. */
export function stateAt(path: string): RealState {
  const files: TextFile[] = [];
  const problems: string[] = [];
  const found = filesBelow(path);
  for (const file of found ?? [path]) {
    const text = found === undefined ? readText(file) : attempt(problems, () => readText(file));
    if (text !== undefined) files.push({ file, text });
  }
  for (const problem of problems) complain(problem);
  const state = readState(files);
  if (state.machines.length === 0) throw new UsageError(t`${path}: no state of a machine found`);
  return state;
}

/** The topology with the state, if the option is set. */
export function stated(analysis: Analysis, path: string | undefined): Analysis {
  return path === undefined ? analysis : withState(analysis, stateAt(path));
}

/** Names the outputs that are absent, on standard error. `netns`: the only machine to name. */
export function complainUncollected({ topology, network, options: { state } }: Analysis, netns?: string): void {
  if (!state) return;
  const { known } = machinesOf(topology, state);
  const asked = netns === undefined ? known : new Map([...known].filter(([id]) => id === netns));
  for (const line of uncollected(network, asked)) complain(line);
}

/** All files in name order; undefined if the path is not a folder. */
function filesBelow(path: string): readonly string[] | undefined {
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (errno(error).startsWith("ENOTDIR")) return undefined;
    throw new UnreadableError(path, errno(error), t`${path}: cannot be read (${errno(error)})`);
  }
  return entries
    .filter(({ name }) => !name.startsWith("."))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const below = join(path, entry.name);
      if (entry.isFile()) return [below];
      return entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name) ? (filesBelow(below) ?? []) : [];
    });
}
