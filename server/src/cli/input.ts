/** The topology that a FILE argument denotes: a `.knet` file, Kubernetes manifests, or one of them in a git revision. */
import { existsSync } from "node:fs";
import type { Analysis } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import { UsageError } from "./errors.ts";
import { diskService, readText, STDIN } from "./files.ts";
import { manifestsIn, revisionOf, revisionService } from "./git.ts";
import { analysisOfFiles, isManifestName, isManifests, looksLikeManifests, manifestAnalysis } from "./manifests.ts";

/** Throws UsageError if the file cannot be read. Writes what the manifests do not show to standard error. */
export function analysisOf(file: string): Analysis {
  // A file whose name contains a colon is a file.
  if (file !== STDIN && file.includes(":") && !existsSync(file)) {
    const found = analysisInRevision(file);
    if (found) return found;
  }
  if (isManifests(file)) return manifestAnalysis(file);
  const text = readText(file);
  if (file === STDIN && looksLikeManifests(text)) return manifestAnalysis(file, text);
  const service = diskService([file]);
  service.setText(file, text);
  return known(file, service.analysisOf(file));
}

function analysisInRevision(argument: string): Analysis | undefined {
  const revision = revisionOf(argument);
  if (!revision) return undefined;
  const file = `${revision.prefix}${revision.path}`;
  if (revision.kind === "tree" || isManifestName(file)) return analysisOfFiles(file, manifestsIn(argument, revision));
  return known(argument, revisionService(argument, revision).analysisOf(file));
}

function known(file: string, analysis: Analysis | undefined): Analysis {
  if (!analysis) throw new UsageError(t`${file}: cannot be read`);
  return analysis;
}
