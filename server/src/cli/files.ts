/** Files of the command line: reading them, walking folders, and the service that analyzes them. */
import {
  closeSync,
  type Dirent,
  existsSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { MAX_TEXT, tooLarge as tooManyCharacters } from "../service/limits.ts";
import { t } from "../text/l10n.ts";
import { errno, UnreadableError, UsageError } from "./errors.ts";

/** The path that denotes standard input. */
export const STDIN = "-";
/** Folders without topologies. */
export const SKIPPED_FOLDERS: ReadonlySet<string> = new Set(["node_modules", ".git"]);

/** Bytes per read of a file of unknown size. */
const CHUNK = 1 << 16;
/** UTF-8 needs at most three bytes for a UTF-16 code unit, so a larger file exceeds the limit without decoding it. */
const MAX_BYTES = 3 * MAX_TEXT;
/** Open file descriptors, such as of the shell's `<(command)`; a pipe or a device by any other name does not end, or blocks. */
const OPEN_FILE = /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/;

/** The text of a file or of standard input, as the user names it. Throws UnreadableError if it is not readable UTF-8 text. */
export function readText(file: string): string {
  return isReadTwice(file) ? readRegular(file) : decoded(file, readInput(file, TEXT_LIMIT));
}

/** How many bytes are read, before one more is an error: `large` if the start of a longer input is accepted. */
export interface ReadLimit {
  readonly small: number;
  readonly large: number;
  accepts(start: Uint8Array): boolean;
}

const TEXT_LIMIT: ReadLimit = { small: MAX_BYTES, large: MAX_BYTES, accepts: () => false };

/** The bytes of a file, of standard input, or of an open descriptor; at most one read more than the limit. */
export function readInput(file: string, limit: ReadLimit): Uint8Array {
  if (file === STDIN) return readBytes(file, 0, 0, limit);
  if (!isReadTwice(file)) return readOpened(file, 0, limit);
  return readOpened(file, Math.min(sizeOf(file), limit.large), limit);
}

/** The size of a regular file; reading a folder fails with its own error. */
function sizeOf(file: string): number {
  const stat = tried(file, () => statSync(file));
  if (!stat.isFile() && !stat.isDirectory()) throw new UnreadableError(file, t`not a regular file`);
  return stat.size;
}

/** The first bytes of a regular file. */
export function readStart(file: string, length: number): Uint8Array {
  const descriptor = tried(file, () => openSync(file, "r"));
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(
      0,
      tried(file, () => readSync(descriptor, bytes)),
    );
  } finally {
    closeSync(descriptor);
  }
}

/** The text of a regular file; its size is checked first. */
export function readRegular(file: string): string {
  const size = sizeOf(file);
  if (size > MAX_BYTES) throw tooLarge(file);
  return decoded(file, readOpened(file, size, TEXT_LIMIT));
}

function readOpened(file: string, size: number, limit: ReadLimit): Uint8Array {
  const descriptor = tried(file, () => openSync(file, "r"));
  try {
    return readBytes(file, descriptor, size, limit);
  } finally {
    closeSync(descriptor);
  }
}

/** Reads to the end, or until the limit is exceeded: standard input can be endless. `size` is a guess. */
function readBytes(file: string, descriptor: number, size: number, limit: ReadLimit): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // One byte more than expected: the read that finds the end of the file needs no second buffer.
  let free = new Uint8Array(size > 0 ? size + 1 : CHUNK);
  let most = limit.small;
  while (length <= most || (most < limit.large && limit.accepts(chunks[0] ?? free))) {
    if (length > most) most = limit.large;
    if (free.length === 0) free = new Uint8Array(CHUNK);
    const into = free;
    const count = tried(file, () => readSync(descriptor, into));
    if (count === 0) break;
    chunks.push(free.subarray(0, count));
    free = free.subarray(count);
    length += count;
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/** Throws UnreadableError if the bytes are not text. */
export function decoded(file: string, bytes: Uint8Array): string {
  if (bytes.byteLength > MAX_BYTES) throw tooLarge(file);
  const nul = bytes.indexOf(0);
  if (nul >= 0) throw new UnreadableError(file, t`not a text file (NUL byte at offset ${nul})`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UnreadableError(file, t`not valid UTF-8`);
  }
  if (text.length > MAX_TEXT) throw tooLarge(file);
  return text;
}

function tooLarge(file: string): UnreadableError {
  return new UnreadableError(file, tooManyCharacters());
}

/** The result of a system call. Throws UnreadableError with the name of the error. */
function tried<T>(file: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const problem = errno(error);
    throw new UnreadableError(file, problem, t`${file}: cannot be read (${problem})`);
  }
}

/** `mode`: of a new file. Throws UsageError if the file cannot be written. */
export function writeText(file: string, text: string, mode = 0o666): true {
  try {
    writeFileSync(file, text, { mode });
    return true;
  } catch (error) {
    throw new UsageError(t`${file}: cannot be written (${errno(error)})`);
  }
}

export interface Found {
  /** Files unchanged, folders with everything below them, ordered by name, including links to files. */
  readonly files: readonly string[];
  /** What cannot be read, one line each. */
  readonly problems: readonly string[];
}

/** The `.knet` files that the paths denote. */
export function expandPaths(paths: readonly string[]): Found {
  // By absolute path: `a.knet` and `./a.knet` are one file, with its first name.
  const files = new Map<string, FoundFile>();
  const add = (file: FoundFile): void => {
    const key = file.path === STDIN ? STDIN : resolve(file.path);
    if (!files.has(key)) files.set(key, file);
  };
  const problems: string[] = [];
  for (const path of paths) {
    const isFolder = path !== STDIN && attempt(problems, () => tried(path, () => statSync(path).isDirectory()));
    if (isFolder === undefined) continue;
    if (!isFolder) {
      add({ path, isLink: false });
      continue;
    }
    const before = problems.length;
    const below = walk(path, problems);
    if (below.length === 0 && problems.length === before) problems.push(t`${path}: contains no .knet files`);
    below.forEach(add);
  }
  return { files: withoutAliases([...files.values()]), problems };
}

interface FoundFile {
  readonly path: string;
  /** A symbolic link that is not named on the command line. */
  readonly isLink: boolean;
}

/** The paths without links to files that have another name in the list. */
function withoutAliases(files: readonly FoundFile[]): readonly string[] {
  const paths = files.map(({ path }) => path);
  if (!files.some(({ isLink }) => isLink)) return paths;
  // Standard input and open file descriptors have no path.
  const realPath = (path: string): string => (isReadTwice(path) && existsSync(path) ? realpathSync(path) : path);
  const known = new Set(files.flatMap(({ path, isLink }) => (isLink ? [] : [realPath(path)])));
  return files.flatMap(({ path, isLink }) => {
    if (!isLink) return [path];
    const target = realPath(path);
    if (known.has(target)) return [];
    known.add(target);
    return [path];
  });
}

/** Emacs marks a file that is being edited with a link to `USER@HOST.PID` (GNU Emacs, src/filelock.c). */
const LOCK_FILE = /^\.#/;

/** Iterative: folders can be nested deeply. Links to folders are not followed, because they can form loops. */
function walk(root: string, problems: string[]): readonly FoundFile[] {
  const files: FoundFile[] = [];
  const stack: Entry[] = [{ path: root, kind: "folder" }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { path, kind } = next;
    if (kind === "folder") {
      const entries = attempt(problems, () => tried(path, () => readdirSync(path, { withFileTypes: true }))) ?? [];
      // In descending order, because the stack returns the last entry first.
      for (const entry of entries.sort((a, b) => (a.name < b.name ? 1 : -1))) {
        const found = kindOf(entry);
        if (found !== undefined) stack.push({ path: join(path, entry.name), kind: found });
      }
    } else if (kind === "file" || attempt(problems, () => tried(path, () => statSync(path).isFile())) === true)
      files.push({ path, isLink: kind === "link" });
  }
  return files;
}

interface Entry {
  readonly path: string;
  readonly kind: "folder" | "file" | "link";
}

/** Undefined: not a topology. */
function kindOf(entry: Dirent): Entry["kind"] | undefined {
  if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? undefined : "folder";
  if (!entry.name.endsWith(".knet")) return undefined;
  if (entry.isFile()) return "file";
  return entry.isSymbolicLink() && !LOCK_FILE.test(entry.name) ? "link" : undefined;
}

/** All files below a folder, in name order; undefined if the path is not a folder. Throws UnreadableError if one cannot be read. */
export function filesIn(path: string): readonly string[] | undefined {
  if (!tried(path, () => statSync(path)).isDirectory()) return undefined;
  return [...filesBelow(path, (folder) => tried(folder, () => readdirSync(folder, { withFileTypes: true })))];
}

/** All files below a folder, in name order. Folders that cannot be read contain nothing. */
export function readableFiles(folder: string): Generator<string> {
  return filesBelow(folder, (path) => {
    try {
      return readdirSync(path, { withFileTypes: true });
    } catch {
      return [];
    }
  });
}

/** Links are not followed: they can form loops. */
function* filesBelow(folder: string, list: (path: string) => Dirent[]): Generator<string> {
  for (const entry of list(folder).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) yield* filesBelow(path, list);
  }
}

/** The result, or undefined after adding the message of a UsageError to the problems. */
export function attempt<T>(problems: string[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

/** Whether a file can be read more than once: not standard input or an open descriptor. */
export function isReadTwice(file: string): boolean {
  return file !== STDIN && !OPEN_FILE.test(file);
}
