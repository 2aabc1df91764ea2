/** Files of the command line: reading them, walking folders, and the service that analyzes them. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Netns } from "../dataplane/model.ts";
import type { Analysis } from "../service/analysis.ts";
import { CONFIG_FILE, createService, MAX_TEXT, type Service } from "../service/service.ts";
import { t } from "../text/l10n.ts";
import { namespaceOf } from "../trace/endpoints.ts";
import { UsageError } from "./errors.ts";

/** The path that denotes standard input. */
export const STDIN = "-";
const SKIPPED_FOLDERS = new Set(["node_modules", ".git"]);

/** The text of a file or of standard input. Throws UsageError with the file name if it is not readable UTF-8 text. */
export function readText(file: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file === STDIN ? 0 : file);
  } catch (error) {
    throw new UsageError(t`${file}: cannot be read (${errno(error)})`);
  }
  if (bytes.byteLength > MAX_TEXT) throw new UsageError(t`${file}: file is larger than ${MAX_TEXT / 1024 / 1024} MB`);
  const nul = bytes.indexOf(0);
  if (nul >= 0) throw new UsageError(t`${file}: not a text file (NUL byte at offset ${nul})`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(t`${file}: not valid UTF-8`);
  }
}

function errno(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** The `.knet` files that the paths denote: files unchanged, folders with everything below them, ordered by name. */
export function expandPaths(paths: readonly string[]): string[] {
  const files: string[] = [];
  const add = (file: string): void => {
    if (!files.includes(file)) files.push(file);
  };
  for (const path of paths) {
    if (path === STDIN) {
      add(STDIN);
      continue;
    }
    let folder: boolean;
    try {
      folder = statSync(path).isDirectory();
    } catch (error) {
      throw new UsageError(t`${path}: cannot be read (${errno(error)})`);
    }
    if (!folder) {
      add(path);
      continue;
    }
    const below = walk(path);
    if (below.length === 0) throw new UsageError(t`${path}: contains no .knet files`);
    for (const file of below) add(file);
  }
  return files;
}

function walk(folder: string): string[] {
  const files: string[] = [];
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(entry.name)) files.push(...walk(path));
    } else if (entry.isFile() && entry.name.endsWith(".knet")) {
      files.push(path);
    }
  }
  return files;
}

/** Where `knet.json` can be: next to the file and in the folders above it, up to the working folder. */
function configFiles(file: string): string[] {
  const here = process.cwd();
  const places: string[] = [];
  for (let folder = file === STDIN ? here : dirname(resolve(file)); ; folder = dirname(folder)) {
    const path = relative(here, join(folder, CONFIG_FILE));
    places.push(path.startsWith(`..${sep}`) ? join(folder, CONFIG_FILE) : path);
    if (folder === here || folder === dirname(folder) || relative(here, folder).startsWith("..")) return places;
  }
}

/** A service that reads from disk. Files keep the names given by the user; imported files are relative to the working folder. */
export function diskService(): Service {
  return createService({
    configFiles,
    readFile(file) {
      try {
        return readText(file);
      } catch {
        return undefined;
      }
    },
    resolveImport(from, path) {
      const base = from === STDIN ? process.cwd() : dirname(resolve(from));
      const target = resolve(base, path);
      // A file outside the working folder has an absolute name.
      const short = relative(process.cwd(), target);
      return short === "" || short.startsWith(`..${sep}`) ? target : short;
    },
  });
}

/** Opens the given files in one service. Throws UsageError if a file cannot be read. */
export function openFiles(files: readonly string[]): Service {
  const service = diskService();
  for (const file of files) service.setText(file, readText(file));
  return service;
}

/** The analysis of one file. Throws UsageError if it cannot be read. */
export function analysisOf(file: string): Analysis {
  const analysis = openFiles([file]).analysisOf(file);
  if (!analysis) throw new UsageError(t`${file}: cannot be read`);
  return analysis;
}

/** The network namespace of a node, pod, router, or host, by path. Throws UsageError if the path has no network namespace. */
export function netnsAt({ topology, network }: Analysis, where: string): Netns {
  const found = namespaceOf(topology, where);
  if (!found.ok) throw new UsageError(found.error);
  const netns = network.netns(found.netns);
  if (!netns) throw new UsageError(t`${where}: has no network namespace (it runs on no node)`);
  return netns;
}
