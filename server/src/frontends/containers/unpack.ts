/** The text files in archives: tar, gzip, zip, and archives in archives, within limits. Nothing is written, so names are only names. */
// The build for browsers: the other one loads `worker_threads`, for functions that are not used here.
import { Gunzip, unzipSync } from "fflate/browser";
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import { number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { isTar, tarEntries } from "./tar.ts";
import { decodedText } from "./text.ts";

export interface TextFile {
  readonly file: string;
  readonly text: string;
  /** A file that cannot be read, or only in part. */
  readonly failures?: readonly FileProblem[];
}

export interface UnpackLimits {
  /** Bytes of one file, unpacked. */
  readonly entry: number;
  /** Bytes of all files, unpacked. */
  readonly total: number;
  readonly entries: number;
}

/** A string of V8 has at most about 2^29 characters. */
export const UNPACK_LIMITS: UnpackLimits = { entry: 400_000_000, total: 1_000_000_000, entries: 100_000 };

/** Archives in archives: a support bundle can contain one of another tool. */
const MOST_NESTED = 1;

type Format = "gzip" | "tar" | "zip";

/** Formats that are recognized and not read, by the bytes that they start with. */
const OTHERS: readonly (readonly [string, readonly number[]])[] = [
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

const ARCHIVE = /\.(?:tar|tgz|gz|zip)$/i;

/** By its name. */
export function isArchiveName(file: string): boolean {
  return ARCHIVE.test(file);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

function formatOf(bytes: Uint8Array): Format | undefined {
  if (startsWith(bytes, [0x1f, 0x8b])) return "gzip";
  if (startsWith(bytes, [0x50, 0x4b, 3, 4]) || startsWith(bytes, [0x50, 0x4b, 5, 6])) return "zip";
  return isTar(bytes) ? "tar" : undefined;
}

/** Whether the bytes are an archive, also one that knet cannot read. */
export function isArchive(bytes: Uint8Array): boolean {
  return formatOf(bytes) !== undefined || OTHERS.some(([, magic]) => startsWith(bytes, magic));
}

/**
 * The file itself, or the wanted files in an archive: "dump.tar.gz/resources/core_v1_nodes.json". Never throws: what cannot be read is
 * a file with failures.
 */
export function unpack(
  file: string,
  bytes: Uint8Array,
  wants: (name: string) => boolean,
  limits: UnpackLimits = UNPACK_LIMITS,
): readonly TextFile[] {
  const budget: Budget = { ...limits, wants };
  const byName = new Map<string, TextFile>();
  // Like the file system: a later entry with the same name replaces the file.
  for (const one of read(budget, file, bytes, 0)) byName.set(one.file, one);
  return [...byName.values()];
}

/** The remaining limits, for all files of one call. */
interface Budget {
  entry: number;
  total: number;
  entries: number;
  readonly wants: (name: string) => boolean;
}

function read(budget: Budget, file: string, bytes: Uint8Array, depth: number): readonly TextFile[] {
  const other = OTHERS.find(([, magic]) => startsWith(bytes, magic));
  if (other) return [failed(file, t`compressed with ${other[0]}; unpack the file first`)];
  const format = formatOf(bytes);
  // A gzip file around a tar file is one archive.
  if (format !== undefined && depth > MOST_NESTED) return [beyond(file, t`an archive in an archive in an archive`)];
  switch (format) {
    case "gzip":
      return gunzipped(budget, file, bytes, depth);
    case "tar":
      return untarred(budget, file, bytes, depth);
    case "zip":
      return unzipped(budget, file, bytes, depth);
    case undefined: {
      if (bytes.byteLength > budget.entry) return [beyond(file, overSize(budget.entry))];
      const decoded = decodedText(bytes);
      return [decoded.ok ? { file, text: decoded.text } : failed(file, decoded.error)];
    }
  }
}

function problemFile(file: string, problem: FileProblem): TextFile {
  return { file, text: "", failures: [problem] };
}

const START = { start: 0, end: 0 };

function failed(file: string, error: string): TextFile {
  return problemFile(file, problemInText("KN802", file, START, { error }));
}

function beyond(file: string, limit: string): TextFile {
  return problemFile(file, problemInText("KN806", file, START, { cause: "limit", limit }));
}

function truncated(file: string): TextFile {
  return problemFile(file, problemInText("KN806", file, START, { cause: "truncated" }));
}

function overSize(bytes: number): string {
  return t`more than ${number(Math.floor(bytes / 1e6))} MB unpacked`;
}

/** Whether an entry is read: a text that is wanted, or an archive. Counts it. */
function isWanted(budget: Budget, name: string): boolean {
  return !name.endsWith("/") && (isArchiveName(name) || budget.wants(name));
}

/* ------------------------------------------------------------------ gzip */

/** Compressed bytes per step: each can unpack to about 1,000 times its size. */
const STEP = 1 << 14;

/** A header and a trailer (RFC 1952, section 2.3). */
const LEAST_GZIP = 18;

/** Unpacks until the end, an error, or the limit: the size that the file states can be wrong. */
function gunzipped(budget: Budget, file: string, bytes: Uint8Array, depth: number): readonly TextFile[] {
  const chunks: Uint8Array[] = [];
  const most = Math.min(budget.total, budget.entry);
  let length = 0;
  let isCut = false;
  const stream = new Gunzip((chunk) => {
    length += chunk.length;
    if (length <= most) chunks.push(chunk);
  });
  try {
    for (let at = 0; at < bytes.length && length <= most; at += STEP)
      stream.push(bytes.subarray(at, at + STEP), at + STEP >= bytes.length);
  } catch {
    isCut = true;
  }
  if (length > most) return [beyond(file, overSize(most))];
  budget.total -= length;
  const content = joined(chunks, length);
  if (isTar(content)) {
    const found = untarred(budget, file, content, depth);
    // The entry in which the data ends is reported once.
    return isCut && !found.some(({ failures }) => failures) ? [...found, truncated(file)] : found;
  }
  if (bytes.length < LEAST_GZIP || (length === 0 && isCut)) return [failed(file, t`not a valid gzip file`)];
  const inner = read(budget, `${file}/${innerName(file)}`, content, depth + 1);
  return isCut ? [...inner, truncated(file)] : inner;
}

/** "dump.json" for "out/dump.json.gz". */
function innerName(file: string): string {
  return (file.split(/[/\\]/).at(-1) ?? file).replace(/\.gz$/i, "");
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/* ------------------------------------------------------------------ tar and zip */

function untarred(budget: Budget, file: string, bytes: Uint8Array, depth: number): readonly TextFile[] {
  const { entries, end } = tarEntries(bytes, (name) => isWanted(budget, name), budget.entries);
  budget.entries -= entries.length;
  const files = entries.flatMap(({ name, data }) => read(budget, `${file}/${name}`, data, depth + 1));
  switch (end) {
    case "complete":
      return files;
    case "truncated":
      return [...files, truncated(file)];
    case "limit":
      return [...files, beyond(file, t`the remaining entries of a large archive`)];
  }
}

function unzipped(budget: Budget, file: string, bytes: Uint8Array, depth: number): readonly TextFile[] {
  const over: TextFile[] = [];
  let found: Readonly<Record<string, Uint8Array>>;
  try {
    // fflate unpacks at most the stated size of an entry.
    found = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (!isWanted(budget, name) || budget.entries < 0) return false;
        if (budget.entries === 0) over.push(beyond(file, t`the remaining entries of a large archive`));
        const most = Math.min(budget.entry, budget.total);
        if (originalSize > most) {
          over.push(beyond(`${file}/${name}`, overSize(most)));
          return false;
        }
        budget.entries -= 1;
        budget.total -= originalSize;
        return budget.entries >= 0;
      },
    });
  } catch {
    return [failed(file, t`not a valid zip file`)];
  }
  return [
    ...Object.entries(found).flatMap(([name, data]) => read(budget, `${file}/${name}`, data, depth + 1)),
    ...over,
  ];
}
