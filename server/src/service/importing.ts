/** Manifests, dumps, and cloud networks as one topology, and as the text of a `.knet` file. */
import { messageOf } from "../checks/run.ts";
import type { Document } from "../declared/document.ts";
import { isNetworkSource, networkDocuments } from "../frontends/config/document.ts";
import type { TextFile } from "../frontends/containers/unpack.ts";
import { format } from "../frontends/knet/format.ts";
import { type ManifestDocuments, manifestDocuments, withChanges } from "../frontends/kubernetes/document.ts";
import { t } from "../text/l10n.ts";
import { type LineIndex, lineIndex } from "../text/line-index.ts";
import { type Analysis, type AnalysisOptions, analyse } from "./analysis.ts";
import { compactText } from "./compact/index.ts";
import { ownedPods } from "./compact/owners.ts";
import { readRules } from "./front-ends.ts";
import type { Expand } from "./sources.ts";

/** What files contain. */
export interface Sources extends ManifestDocuments {
  readonly source: string;
  readonly files: readonly TextFile[];
}

/** Cloud networks and clusters from manifests are one topology. `source`: identifies the input as a whole. */
export function sourceDocuments(source: string, files: readonly TextFile[]): Sources {
  return { ...documentsOf(source, files), source, files };
}

function documentsOf(source: string, files: readonly TextFile[]): ManifestDocuments {
  const networks = files.filter(({ text }) => isNetworkSource(text));
  const others = files.filter((file) => !networks.includes(file));
  if (networks.length === 0) return manifestDocuments(source, others);
  const network = networkDocuments(source, networks);
  if (others.length === 0) return network;
  const manifests = manifestDocuments(others[0]?.file ?? source, others);
  if (manifests.objects === 0) return network;
  return {
    documents: [...network.documents, ...manifests.documents],
    problems: [...network.problems, ...manifests.problems],
    objects: network.objects + manifests.objects,
    unread: network.unread + manifests.unread,
  };
}

/** The topology of the files. Fixes are edits of single files, after which all files are read again. */
export function sourceAnalysis({ documents, source, files }: Sources, options: AnalysisOptions = {}): Analysis {
  const texts = new Map(files.map((one) => [one.file, one]));
  // The text of the file, in which Secrets are not hidden.
  const rendering = (list: readonly Document[], own: (file: string) => string | undefined): readonly Document[] =>
    list.map((one) => withChanges(one, own(one.file) ?? one.text, readRules));
  const all = rendering(documents, (file) => texts.get(file)?.text);
  const known = new Map(all.map((one) => [one, texts.get(one.file)]));
  const expand: Expand = (current) => {
    if (current.every((one) => known.has(one))) return { files: current };
    const changed = current.flatMap((one): readonly TextFile[] => {
      if (!known.has(one)) return [{ file: one.file, text: one.text }];
      const unchanged = known.get(one);
      return unchanged ? [unchanged] : [];
    });
    const now = new Map(changed.map(({ file, text }) => [file, text]));
    return { files: rendering(documentsOf(source, changed).documents, (file) => now.get(file)) };
  };
  return analyse(documents[0].file, all, { ...options, expand });
}

/** One line for each part that is not as in the files: values without evidence, kinds that are not read, invalid YAML. */
export function notesOf({ documents, problems }: ManifestDocuments): readonly string[] {
  const [main] = documents;
  const byName = new Map(documents.map((one) => [one.file, one]));
  const indexes = new Map<string, LineIndex>();
  const indexOf = (file: string, text: string): LineIndex => {
    const known = indexes.get(file) ?? lineIndex(text);
    indexes.set(file, known);
    return known;
  };
  return problems.map((problem) => {
    const { file } = problem.source;
    const text = byName.get(file)?.text ?? "";
    const message = messageOf(problem);
    // The input as a whole, such as a folder, has no text.
    if (text === "") return file === main.file && problem.code === "KN803" ? message : `${file}: ${message}`;
    const { line, character } = indexOf(file, text).positionAt(problem.span?.start ?? 0);
    return `${file}:${line + 1}:${character + 1}: ${message}`;
  });
}

/** The text of a `.knet` file. `names`: of the sources, as the user knows them. */
export function importedText(read: ManifestDocuments, names: readonly string[]): string {
  const isFolded = read.documents.some(({ decls }) => decls.some((decl) => ownedPods(decl).length > 0));
  const folded = !isFolded ? [] : [t`Pods of workloads can have other names and addresses than in the source`];
  const lines = [t`Imported from ${names.join(", ")}`, ...folded, ...notesOf(read)].map((line) => `# ${line}\n`);
  return format(`${lines.join("")}\n${compactText(read)}`);
}
