/** The topology that a FILE argument denotes: a `.knet` file, or Kubernetes manifests. */
import type { Analysis } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import type { ClusterDefaults } from "../topology/cluster.ts";
import { defaultsOf, type TopologyOptions } from "./defaults.ts";
import { UsageError } from "./errors.ts";
import { readText, STDIN } from "./files.ts";
import { isManifests, looksLikeManifests, manifestAnalysis, notesOf, readManifests } from "./manifests.ts";
import { diskService } from "./open.ts";
import { complain } from "./output.ts";
import { stated } from "./state.ts";

/** Throws UsageError if a file cannot be read. Writes what the manifests do not show to standard error. */
export function analysisOf(file: string, options: InputOptions): Analysis {
  return stated(declaredAnalysis(file, defaultsOf(options)), options.state);
}

export interface InputOptions extends TopologyOptions {
  /** The folder with the state of real machines. */
  readonly state?: string | undefined;
}

function declaredAnalysis(file: string, defaults: ClusterDefaults | undefined): Analysis {
  if (isManifests(file)) return manifests(file, defaults);
  const text = readText(file);
  if (file === STDIN && looksLikeManifests(text)) return manifests(file, defaults, text);
  const service = diskService([file], defaults);
  service.setText(file, text);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new UsageError(t`${file}: cannot be read`);
  return analysis;
}

/** `text`: of standard input. */
function manifests(file: string, defaults: ClusterDefaults | undefined, text?: string): Analysis {
  const read = readManifests([file], text);
  for (const note of notesOf(read)) complain(note);
  return manifestAnalysis(read, defaults);
}
