/** Kubernetes manifests and dumps as FILE arguments: a YAML or JSON file, a folder of them, or standard input. */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../checks/run.ts";
import { isNetworkSource, networkDocuments } from "../frontends/config/document.ts";
import {
  kubernetesFrontEnd,
  type ManifestDocuments,
  manifestDocuments,
  type TextFile,
} from "../frontends/kubernetes/document.ts";
import { type Analysis, analyse } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import { lineIndex } from "../text/line-index.ts";
import type { ClusterDefaults } from "../topology/cluster.ts";
import { errno, UnreadableError, UsageError } from "./errors.ts";
import { SKIPPED_FOLDERS, STDIN } from "./files.ts";

/** Whether the argument denotes manifests: by its name, or a folder. Standard input is decided by its text. */
export function isManifests(path: string): boolean {
  return acceptsSource(path) || isFolder(path);
}

/** A manifest, or a state of Terraform. */
function acceptsSource(file: string): boolean {
  return kubernetesFrontEnd.accepts(file) || file.endsWith(".tfstate");
}

function isFolder(path: string): boolean {
  return path !== STDIN && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** A manifest, or a folder with manifests and without `.knet` files: all its manifests are one cluster. */
export function isManifestInput(path: string): boolean {
  if (!isFolder(path)) return acceptsSource(path);
  let hasManifests = false;
  for (const file of filesBelow(path)) {
    if (file.endsWith(".knet")) return false;
    hasManifests ||= acceptsSource(file);
  }
  return hasManifests;
}

/** The text of a `.knet` file never starts with a document marker, a bracket, or a key with a colon. */
export function looksLikeManifests(text: string): boolean {
  return /^\s*(?:#[^\n]*\n\s*)*(?:---|[[{]|[A-Za-z][\w-]*:(?:\s|$))/.test(text.slice(0, 10_000));
}

/** Throws UsageError if a file cannot be read or no file contains an object. */
export function readManifests(paths: readonly string[], text?: string): ManifestDocuments {
  const files =
    text === undefined
      ? paths.flatMap((path) => filesIn(path)).map((file): TextFile => ({ file, text: readLarge(file) }))
      : [{ file: STDIN, text }];
  return readFiles(paths, files);
}

/** The same for files that were already read. */
export function readFiles(paths: readonly string[], files: readonly TextFile[]): ManifestDocuments {
  const read = sourceDocuments(paths[0] ?? STDIN, files);
  // Files below `templates/` of a chart are Go templates, not YAML.
  const template = read.problems.every(({ code }) => code !== "KN802")
    ? undefined
    : files.find(({ text: content }) => content.includes("{{"));
  if (template) throw new UsageError(t`${template.file}: Helm template; use the output of \`helm template\``);
  if (read.objects > 0) return read;
  const [first] = notesOf({ ...read, problems: read.problems.filter(({ code }) => code === "KN802") });
  throw new UsageError(first ?? t`${paths.join(", ")}: no Kubernetes object or cloud network found`);
}

/** Cloud networks and clusters from manifests are one topology. */
function sourceDocuments(source: string, files: readonly TextFile[]): ManifestDocuments {
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

/** The text of a manifest. PowerShell writes UTF-16 with a byte order mark. */
export function readLarge(file: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UnreadableError(file, errno(error), t`${file}: cannot be read (${errno(error)})`);
  }
  return decodedLarge(file, bytes);
}

/** The text of a manifest. PowerShell writes UTF-16 with a byte order mark. */
export function decodedLarge(file: string, bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8";
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    throw new UnreadableError(file, t`not valid UTF-8`);
  }
  throw new UnreadableError(file, t`not a text file`);
}

function filesIn(path: string): readonly string[] {
  if (!isFolder(path)) return [path];
  return [...filesBelow(path)].filter(acceptsSource);
}

/** In name order. Folders that cannot be read contain nothing. */
export function* filesBelow(folder: string): Generator<string> {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) yield* filesBelow(path);
  }
}

/** One line for each part that is not as in the files: values without evidence, kinds that are not read, invalid YAML. */
export function notesOf({ documents, problems }: ManifestDocuments): readonly string[] {
  return problems.map((problem) => {
    const { file } = problem.source;
    const text = documents.find((one) => one.file === file)?.text ?? "";
    return text === ""
      ? messageOf(problem)
      : `${placeText(file, text, problem.span?.start ?? 0)}: ${messageOf(problem)}`;
  });
}

function placeText(file: string, text: string, offset: number): string {
  const { line, character } = lineIndex(text).positionAt(offset);
  return `${file}:${line + 1}:${character + 1}`;
}

/** The topology of manifests. */
export function manifestAnalysis(read: ManifestDocuments, defaults?: ClusterDefaults): Analysis {
  return analyse(read.documents[0].file, read.documents, { defaults });
}
