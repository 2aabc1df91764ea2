/** Kubernetes manifests and dumps as FILE arguments: a YAML or JSON file, a folder of them, or standard input. */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Document } from "../declared/document.ts";
import { type ManifestDocuments, manifestDocuments, type TextFile } from "../frontends/kubernetes/document.ts";
import { type Analysis, analyse } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import { lineIndex } from "../text/line-index.ts";
import { errno, UnreadableError, UsageError } from "./errors.ts";
import { STDIN } from "./files.ts";

/** knet.json has the settings of checks. */
const MANIFEST = /(?<!(?:^|[/\\])knet)\.(?:ya?ml|json)$/i;
/** Folders that contain no manifests of the cluster. */
const SKIPPED: ReadonlySet<string> = new Set([".git", "node_modules"]);
/** The path component of everything in an imported cluster. */
const CLUSTER = "cluster";

/** Whether the argument denotes manifests: by its name, or a folder. Standard input is decided by its text. */
export function isManifests(path: string): boolean {
  return MANIFEST.test(path) || (path !== STDIN && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
}

/** A manifest, or a folder with manifests and without `.knet` files: all its manifests are one cluster. */
export function isManifestInput(path: string): boolean {
  if (path === STDIN || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return MANIFEST.test(path);
  let hasManifests = false;
  for (const file of filesBelow(path)) {
    if (file.endsWith(".knet")) return false;
    hasManifests ||= MANIFEST.test(file);
  }
  return hasManifests;
}

/** The text of a `.knet` file never starts with a document marker, a bracket, or a key with a colon. */
export function looksLikeManifests(text: string): boolean {
  return /^\s*(?:#[^\n]*\n\s*)*(?:---|[[{]|[A-Za-z]+:(?:\s|$))/.test(text.slice(0, 10_000));
}

/** Throws UsageError if a file cannot be read or no file contains an object. */
export function readManifests(paths: readonly string[], text?: string): ManifestDocuments {
  const files =
    text === undefined
      ? paths.flatMap((path) => filesIn(path)).map((file): TextFile => ({ file, text: readLarge(file) }))
      : [{ file: STDIN, text }];
  const read = manifestDocuments(paths[0] ?? STDIN, CLUSTER, files);
  // Files below `templates/` of a chart are Go templates, not YAML.
  const template = read.problems.length === 0 ? undefined : files.find(({ text: content }) => content.includes("{{"));
  if (template) throw new UsageError(t`${template.file}: Helm template; use the output of \`helm template\``);
  if (read.objects > 0) return read;
  const [first] = read.problems;
  const problem =
    first && `${placeText(read.documents, first.file, first.problem.span.start)}: ${first.problem.message}`;
  throw new UsageError(problem ?? t`${paths.join(", ")}: no Kubernetes object found`);
}

/** The text of a manifest. PowerShell writes UTF-16 with a byte order mark. */
function readLarge(file: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UnreadableError(file, errno(error), t`${file}: cannot be read (${errno(error)})`);
  }
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
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return [...filesBelow(path)].filter((file) => MANIFEST.test(file));
}

/** In name order. Folders that cannot be read contain nothing. */
function* filesBelow(folder: string): Generator<string> {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* filesBelow(path);
  }
}

/** One line for each part that is not as in the files: values without evidence, kinds that are not read, invalid YAML. */
export function notesOf({ documents, notes, problems }: ManifestDocuments): readonly string[] {
  return [
    ...notes,
    ...problems.map(({ file, problem }) => t`${placeText(documents, file, problem.span.start)}: ${problem.message}`),
  ];
}

function placeText(documents: readonly Document[], file: string, offset: number): string {
  const text = documents.find((one) => one.file === file)?.text ?? "";
  const { line, character } = lineIndex(text).positionAt(offset);
  return `${file}:${line + 1}:${character + 1}`;
}

export function manifestAnalysis(read: ManifestDocuments): Analysis {
  const [first] = read.documents;
  if (!first) throw new Error("manifests have at least one document");
  return analyse(first.file, read.documents);
}
