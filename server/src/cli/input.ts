/** The topology that a FILE argument denotes: a `.knet` file, Kubernetes manifests, or one of them in a git revision. */
import { existsSync } from "node:fs";
import type { Document } from "../declared/document.ts";
import { kubernetesFrontEnd } from "../frontends/kubernetes/document.ts";
import type { Analysis } from "../service/analysis.ts";
import { notesOf, type Sources, sourceAnalysis } from "../service/importing.ts";
import { t } from "../text/l10n.ts";
import type { ClusterDefaults } from "../topology/cluster.ts";
import { defaultsOf, type TopologyOptions } from "./defaults.ts";
import { UsageError } from "./errors.ts";
import { decoded, isReadTwice, readText, STDIN } from "./files.ts";
import { manifestsIn, revisionOf, revisionService } from "./git.ts";
import { areManifests, isManifests, readFiles, readManifests, readSource } from "./manifests.ts";
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
  // A file whose name contains a colon is a file.
  if (file !== STDIN && file.includes(":") && !existsSync(file)) {
    const found = analysisInRevision(file, defaults);
    if (found) return found;
  }
  if (isManifests(file)) return withNotes(readManifests([file]), defaults);
  const bytes = isReadTwice(file) ? undefined : readSource(file);
  if (bytes && areManifests(bytes)) return withNotes(readManifests([file], bytes), defaults);
  const text = bytes ? decoded(file, bytes) : readText(file);
  const service = diskService([file], defaults);
  service.setText(file, text);
  return known(file, service.analysisOf(file));
}

function analysisInRevision(argument: string, defaults: ClusterDefaults | undefined): Analysis | undefined {
  const revision = revisionOf(argument);
  if (!revision) return undefined;
  const file = `${revision.prefix}${revision.path}`;
  if (revision.kind === "tree" || kubernetesFrontEnd.accepts(file))
    return withNotes(readFiles([file], manifestsIn(argument, revision)), defaults);
  return known(argument, revisionService(argument, revision, defaults).analysisOf(file));
}

function known(file: string, analysis: Analysis | undefined): Analysis {
  if (!analysis) throw new UsageError(t`${file}: cannot be read`);
  const [main] = analysis.files;
  if (main && !isTopology(main))
    throw new UsageError(t`${file}: not a topology: it has no statement of the language; see \`knet check\``);
  return analysis;
}

/** Whether the text has at least one known statement, or nothing but comments. */
function isTopology(document: Document): boolean {
  const { decls } = document;
  return decls.some(({ spec }) => spec !== undefined) || (decls.length === 0 && document.faults().length === 0);
}

function withNotes(read: Sources, defaults: ClusterDefaults | undefined): Analysis {
  for (const note of notesOf(read)) complain(note);
  return sourceAnalysis(read, { defaults });
}
