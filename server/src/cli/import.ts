/** `knet import`: Kubernetes manifests and dumps → `.knet`. */

import { format } from "../frontends/knet/format.ts";
import { compactText } from "../service/compact/index.ts";
import { t } from "../text/l10n.ts";
import { STDIN, writeText } from "./files.ts";
import { notesOf, readManifests } from "./manifests.ts";
import { complain, writeOut } from "./output.ts";

/** 1 if an object could not be converted. */
export function importFiles(sources: readonly string[], output: string | undefined): number {
  const read = readManifests(sources);
  const notes = notesOf(read);
  const header = [t`Imported from ${sources.join(", ")}`, ...notes].map((line) => `# ${line}\n`).join("");
  const text = format(`${header}\n${compactText(read)}`);
  if (output === undefined || output === STDIN) writeOut(text);
  else writeText(output, text);
  for (const note of notes) complain(note);
  return read.unread > 0 || read.problems.some(({ code }) => code === "KN802") ? 1 : 0;
}
