/** The topology that a FILE argument denotes: a `.knet` file, or Kubernetes manifests. */
import type { Analysis } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import { UsageError } from "./errors.ts";
import { decoded, diskService, isReadTwice, readText } from "./files.ts";
import { areManifests, isManifests, manifestAnalysis, notesOf, readManifests, readSource } from "./manifests.ts";
import { complain } from "./output.ts";

/** Throws UsageError if the file cannot be read. Writes what the manifests do not show to standard error. */
export function analysisOf(file: string): Analysis {
  if (isManifests(file)) return manifests(file);
  const bytes = isReadTwice(file) ? undefined : readSource(file);
  if (bytes && areManifests(bytes)) return manifests(file, bytes);
  const text = bytes ? decoded(file, bytes) : readText(file);
  const service = diskService([file]);
  service.setText(file, text);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new UsageError(t`${file}: cannot be read`);
  return analysis;
}

/** `bytes`: of standard input. */
function manifests(file: string, bytes?: Uint8Array): Analysis {
  const read = readManifests([file], bytes);
  for (const note of notesOf(read)) complain(note);
  return manifestAnalysis(read);
}
