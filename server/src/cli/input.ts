/** The topology that a FILE argument denotes: a `.knet` file, or Kubernetes manifests. */
import type { Analysis } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import { UsageError } from "./errors.ts";
import { readText, STDIN } from "./files.ts";
import { isManifests, looksLikeManifests, manifestAnalysis, notesOf, readManifests } from "./manifests.ts";
import { diskService } from "./open.ts";
import { complain } from "./output.ts";
import { stated } from "./state.ts";

/** `state`: the folder of `--state`. Throws UsageError if a file cannot be read. Writes what the manifests do not show to standard error. */
export function analysisOf(file: string, state?: string): Analysis {
  return stated(declaredAnalysis(file), state);
}

function declaredAnalysis(file: string): Analysis {
  if (isManifests(file)) return manifests(file);
  const text = readText(file);
  if (file === STDIN && looksLikeManifests(text)) return manifests(file, text);
  const service = diskService([file]);
  service.setText(file, text);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new UsageError(t`${file}: cannot be read`);
  return analysis;
}

/** `text`: of standard input. */
function manifests(file: string, text?: string): Analysis {
  const read = readManifests([file], text);
  for (const note of notesOf(read)) complain(note);
  return manifestAnalysis(read);
}
