/** Kubernetes manifests and dumps as FILE arguments: YAML and JSON files, archives, folders of them, or standard input. */
import { statSync } from "node:fs";
import { problemInText } from "../declared/file-problem.ts";
import { decodedText } from "../frontends/containers/text.ts";
import { isArchive, isArchiveName, type TextFile, UNPACK_LIMITS, unpack } from "../frontends/containers/unpack.ts";
import { kubernetesFrontEnd } from "../frontends/kubernetes/document.ts";
import { shownLine } from "../frontends/kubernetes/private.ts";
import { KUSTOMIZATION } from "../frontends/kubernetes/source.ts";
import { notesOf, type Sources, sourceDocuments } from "../service/importing.ts";
import { number } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { UnreadableError, UsageError } from "./errors.ts";
import { isReadTwice, type ReadLimit, readableFiles, readInput, readStart, STDIN } from "./files.ts";
import { progress } from "./output.ts";

/**
 * Whether the argument denotes manifests: by its name, a folder, or by its first bytes. Standard input and open descriptors can be read
 * only once: `areManifests` decides.
 */
export function isManifests(path: string): boolean {
  if (isFolder(path) || isSource(path)) return true;
  if (!isReadTwice(path) || path.endsWith(".knet") || !isFile(path)) return false;
  try {
    return areManifests(readStart(path, START));
  } catch (error) {
    // The command that reads the file reports it.
    if (error instanceof UnreadableError) return false;
    throw error;
  }
}

/** Enough to recognize an archive, or manifests after comments. */
const START = 1 << 14;

/** Whether standard input is an archive or has manifests. The last character of a part of a file can be incomplete. */
export function areManifests(bytes: Uint8Array): boolean {
  if (isArchive(bytes)) return true;
  const decoded = decodedText(bytes.subarray(0, START));
  return looksLikeManifests(decoded.ok ? decoded.text : new TextDecoder().decode(bytes.subarray(0, START)));
}

function isFolder(path: string): boolean {
  return path !== STDIN && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Whether a file is a manifest, by its name. */
export function isManifestName(path: string): boolean {
  return kubernetesFrontEnd.accepts(path);
}

export type { TextFile };

/** By its name. */
function isSource(file: string): boolean {
  return isArchiveName(file) || isSourceName(file);
}

/**
 * A manifest, or a state of Terraform. Support bundles have a file with the errors next to each list of objects:
 * `pods-errors.json`.
 */
function isSourceName(file: string): boolean {
  return (kubernetesFrontEnd.accepts(file) && !/-errors\.json$/i.test(file)) || file.endsWith(".tfstate");
}

/** Manifests, or a folder with manifests and without `.knet` files: all its manifests are one cluster. */
export function isManifestInput(path: string): boolean {
  if (!isFolder(path)) return isManifests(path);
  let hasManifests = false;
  for (const file of readableFiles(path)) {
    if (file.endsWith(".knet")) return false;
    hasManifests ||= isSource(file);
  }
  return hasManifests;
}

/** The text of a `.knet` file never starts with a document marker, a bracket, or a key with a colon. */
export function looksLikeManifests(text: string): boolean {
  return /^\s*(?:#[^\n]*\n\s*)*(?:---|[[{]|[A-Za-z][\w-]*:(?:\s|$))/.test(text.slice(0, 10_000));
}

/** Throws UsageError if a file cannot be read or no file contains an object. `input`: the content of a path that can be read only once. */
export function readManifests(paths: readonly string[], input?: string | Uint8Array): Sources {
  return readFiles(
    paths,
    paths.flatMap((path) => filesOf(path, input)),
  );
}

/** The same for files that were already read. */
export function readFiles(paths: readonly string[], files: readonly TextFile[]): Sources {
  const read = sourceDocuments(paths[0] ?? STDIN, files);
  progress(undefined);
  if (read.objects > 0) return read;
  throw new UsageError(reasonOf(read) ?? t`${paths.join(", ")}: no Kubernetes object or cloud network found`);
}

/** Why no object was found: the first text that is not valid, or that is only a part of something else. */
function reasonOf(read: Sources): string | undefined {
  const notes = (codes: readonly string[]): readonly string[] =>
    notesOf({ ...read, problems: read.problems.filter(({ code }) => codes.includes(code)) });
  const kustomization = read.problems.find((one) => one.code === "KN801" && one.data.kind === KUSTOMIZATION);
  if (kustomization) return t`${kustomization.source.file}: Kustomization; use the output of \`kustomize build\``;
  return notes(["KN802"])[0] ?? notes(["KN806"])[0];
}

/** Bytes above which reading is shown on a terminal. */
const LARGE = 12_000_000;

/** A long input that is not a source is rejected early: standard input can be endless. */
const LIMIT: ReadLimit = { small: LARGE, large: UNPACK_LIMITS.entry, accepts: areManifests };

/** The bytes of a source, compressed or not. */
export function readSource(file: string): Uint8Array {
  const bytes = readInput(file, isReadTwice(file) ? { ...LIMIT, small: LIMIT.large } : LIMIT);
  if (bytes.byteLength > LIMIT.large)
    throw new UnreadableError(file, t`the file has more than ${number(LIMIT.large / 1e6)} MB`);
  return bytes;
}

function filesOf(path: string, input: string | Uint8Array | undefined): readonly TextFile[] {
  if (!isReadTwice(path) && input !== undefined)
    return typeof input === "string" ? [{ file: path, text: input }] : unpacked(path, input);
  if (!isFolder(path)) return unpacked(path, readSource(path));
  return [...readableFiles(path)].filter(isSource).flatMap((file) => {
    try {
      return unpacked(file, readSource(file));
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      // The other files of the folder are read.
      const problem = problemInText("KN802", file, { start: 0, end: 0 }, { error: error.problem });
      return [{ file, text: "", failures: [problem] }];
    }
  });
}

export function unpacked(file: string, bytes: Uint8Array): readonly TextFile[] {
  if (bytes.byteLength > LARGE) progress(t`Reading ${file} (${number(Math.round(bytes.byteLength / 1e6))} MB)`);
  return unpack(file, bytes, isSourceName);
}

/** The text of a source. PowerShell writes UTF-16 with a byte order mark. Throws UnreadableError. */
export function decodedLarge(file: string, bytes: Uint8Array): string {
  const found = decodedText(bytes);
  if (!found.ok) throw new UnreadableError(file, found.error);
  return found.text;
}

export { shownLine };
