/** Files with the state of real machines: the folder of `knet collect`, or any files with outputs of commands. */
import type { RealState } from "../../dataplane/real/state.ts";
import { fileNames } from "./names.ts";
import { stateDocument } from "./place.ts";
import { type MachineFile, readMachine } from "./read.ts";

export { isOutputName } from "./names.ts";

export interface TextFile {
  readonly file: string;
  readonly text: string;
}

/** Never throws: what cannot be read is a problem, and the rest is used. */
export function readState(files: readonly TextFile[]): RealState {
  const names = fileNames(files.map(({ file }) => file));
  const byMachine = new Map<string, MachineFile[]>();
  files.forEach(({ file, text }, index) => {
    const name = names[index];
    if (!name) return;
    const list = byMachine.get(name.machine) ?? [];
    list.push({ file, text, name });
    byMachine.set(name.machine, list);
  });
  const read = [...byMachine].map(([name, own]) => readMachine(name, own));
  return {
    machines: read.flatMap(({ machine }) => (machine.outputs.size > 0 ? machine : [])),
    documents: files.map(({ file, text }) => stateDocument(file, text)),
    problems: read.flatMap(({ problems }) => problems),
  };
}
