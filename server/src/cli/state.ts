/** `--state`: the state of real machines, in a folder or a file. */
import { relative, sep } from "node:path";
import type { RealState } from "../dataplane/real/state.ts";
import { isOutputName, readState, type TextFile } from "../frontends/hoststate/index.ts";
import { machinesOf } from "../questions/drift/machines.ts";
import { uncollected } from "../questions/drift/uncollected.ts";
import { type Analysis, withState } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import { UnreadableError, UsageError } from "./errors.ts";
import { filesIn } from "./files.ts";
import { decodedLarge, readSource } from "./manifests.ts";
import { complain } from "./output.ts";

/**
 * Throws UsageError if the path or an output in it cannot be read, or if it contains no state. Other files of the folder, such as
 * captures, are named on standard error.
 */
export function stateAt(path: string): RealState {
  const found = filesIn(path);
  const paths = (found ?? [path]).filter((file) => found === undefined || !isHidden(path, file));
  const texts = paths.flatMap((file): readonly TextFile[] => {
    try {
      return [{ file, text: decodedLarge(file, readSource(file)) }];
    } catch (error) {
      if (!(error instanceof UnreadableError) || found === undefined || isOutputName(file)) throw error;
      complain(error.message);
      return [];
    }
  });
  const state = readState(texts);
  if (state.machines.length === 0) throw new UsageError(t`${path}: no state of a machine found`);
  return state;
}

function isHidden(folder: string, file: string): boolean {
  return relative(folder, file)
    .split(sep)
    .some((part) => part.startsWith("."));
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
