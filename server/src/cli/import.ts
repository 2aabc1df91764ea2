/** `knet import`: Kubernetes manifests and dumps → `.knet`. */

import { importedText, notesOf } from "../service/importing.ts";
import { STDIN, writeText } from "./files.ts";
import { readManifests } from "./manifests.ts";
import { complain, writeOut } from "./output.ts";

/** 1 if an object could not be converted. */
export function importFiles(sources: readonly string[], output: string | undefined): number {
  const read = readManifests(sources);
  const text = importedText(read, sources);
  if (output === undefined || output === STDIN) writeOut(text);
  else writeText(output, text);
  for (const note of notesOf(read)) complain(note);
  const isIncomplete = read.problems.some(
    (one) => one.code === "KN802" || (one.code === "KN806" && one.data.cause === "truncated"),
  );
  return read.unread > 0 || isIncomplete ? 1 : 0;
}
