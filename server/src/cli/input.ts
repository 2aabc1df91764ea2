/** The topology that a FILE argument denotes: a `.knet` file, or Kubernetes manifests. */
import type { Analysis } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import { defaultsOf, type TopologyOptions } from "./defaults.ts";
import { UsageError } from "./errors.ts";
import { diskService, readText, STDIN } from "./files.ts";
import { isManifests, looksLikeManifests, manifestAnalysis } from "./manifests.ts";

/** Throws UsageError if the file cannot be read. Writes what the manifests do not show to standard error. */
export function analysisOf(file: string, options: TopologyOptions): Analysis {
  const defaults = defaultsOf(options);
  if (isManifests(file)) return manifestAnalysis(file, undefined, defaults);
  const text = readText(file);
  if (file === STDIN && looksLikeManifests(text)) return manifestAnalysis(file, text, defaults);
  const service = diskService([file], defaults);
  service.setText(file, text);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new UsageError(t`${file}: cannot be read`);
  return analysis;
}
