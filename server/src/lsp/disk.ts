/** Files that are not open in an editor: read only within the workspace, and found for completion and search. */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isArchiveName, unpack } from "../frontends/containers/unpack.ts";
import { kubernetesFrontEnd } from "../frontends/kubernetes/document.ts";
import type { Provided } from "../service/files.ts";
import { MAX_SOURCE, MAX_TEXT, tooLarge } from "../service/limits.ts";
import { t } from "../text/l10n.ts";
import { diskPath, folderOf, isInside, keyOf } from "./uri.ts";

export interface Disk {
  setFolders(uris: readonly string[]): void;
  /** Whether `from` is allowed to import `file`: both are in the workspace, or `file` is in or below the folder of `from`. */
  mayImport(from: string, file: string): boolean;
  read(key: string): Provided;
  /** Possible locations of a file with this name: the folder of `near` and its parent folders within the workspace. */
  upwards(near: string, name: string): readonly string[];
  /** The `.knet` files of the workspace; for a file outside the workspace, the files in its folder. */
  knetFiles(near: string): readonly string[];
  /** The `.knet` files of the workspace, and those in the folders of files outside it. */
  allKnetFiles(near: readonly string[]): readonly string[];
  /** This file or folder appeared or disappeared. */
  changed(key: string): void;
}

const MOST_FILES = 2000;
const MOST_FOLDERS = 5000;
/** Maximum number of files of a source. */
const MOST_CONTENTS = 10_000;
const SKIPPED = new Set(["node_modules", ".git"]);

export function createDisk(): Disk {
  let folders: readonly string[] = [];
  const found = new Map<string, readonly string[]>();
  const isInWorkspace = (file: string): boolean => folders.some((folder) => isInside(folder, file));
  /** The files in a folder; for a workspace folder, also the files below it. */
  const filesIn = (place: string): readonly string[] => {
    let files = found.get(place);
    if (!files) {
      const path = diskPath(place);
      files = path === undefined ? [] : search(path, folders.includes(place));
      found.set(place, files);
    }
    return files;
  };
  /** The texts in archives that were read. */
  const unpacked = new Map<string, string>();
  const opened = (key: string, path: string): Provided => {
    const files = unpack(key, readFileSync(path), (name) => kubernetesFrontEnd.accepts(name));
    const [failure] = files.flatMap((one) => one.failures ?? []);
    if (failure?.code === "KN802" && files.length === 1) return { problem: failure.data.error };
    for (const { file, text } of files) unpacked.set(file, text);
    return { files: files.map(({ file }) => file) };
  };
  return {
    setFolders(uris) {
      folders = uris.map(keyOf);
      found.clear();
    },
    mayImport: (from, file) =>
      isInside(folderOf(from), file) ||
      (folders.some((folder) => isInside(folder, from)) && folders.some((folder) => isInside(folder, file))),
    read(key) {
      const inside = unpacked.get(key);
      if (inside !== undefined) return inside;
      const path = diskPath(key);
      if (path === undefined) return undefined;
      try {
        const stat = statSync(path);
        if (stat.isDirectory()) return { files: contents(path) };
        if (stat.isFile() && isArchiveName(path)) return opened(key, path);
        // Only regular files: reading a device or a pipe does not terminate.
        if (!stat.isFile()) return { problem: t`not a regular file` };
        // UTF-8 needs at most three bytes for a UTF-16 code unit.
        const most = key.endsWith(".knet") ? MAX_TEXT : MAX_SOURCE;
        if (stat.size > 3 * most) return { problem: tooLarge(most) };
        return readFileSync(path, "utf8").replace(/^\uFEFF/, "");
      } catch {
        return undefined;
      }
    },
    upwards(near, name) {
      const places: string[] = [];
      let folder = folderOf(near);
      // An unsaved file has no location on disk.
      if (!near.startsWith("file://")) return places;
      for (;;) {
        places.push(`${folder}${name}`);
        const above = folderOf(folder.slice(0, -1));
        if (above.length >= folder.length || !folders.some((one) => isInside(one, folder))) return places;
        folder = above;
      }
    },
    knetFiles: (near) => [...new Set((isInWorkspace(near) ? folders : [folderOf(near)]).flatMap(filesIn))],
    allKnetFiles(near) {
      const outside = near.filter((file) => !isInWorkspace(file)).map(folderOf);
      return [...new Set([...folders, ...outside].flatMap(filesIn))];
    },
    changed(key) {
      for (const file of unpacked.keys()) if (isInside(key, file)) unpacked.delete(file);
      const isKnown = (file: string): boolean => file === key || isInside(key, file);
      if (key.endsWith(".knet") || [...found.values()].some((files) => files.some(isKnown))) found.clear();
    },
  };
}

/** The files in a folder, at any depth: a source. */
function contents(root: string): readonly string[] {
  const files: string[] = [];
  const queue = [root];
  for (let at = 0; at < queue.length && at < MOST_FOLDERS && files.length < MOST_CONTENTS; at++) {
    const path = queue[at]!;
    for (const entry of entriesOf(path)) {
      const inner = keyOf(pathToFileURL(join(path, entry.name)).href);
      if (entry.isFile()) files.push(inner);
      else if (entry.isDirectory() && !SKIPPED.has(entry.name)) queue.push(join(path, entry.name));
    }
  }
  return files.sort();
}

/** Folders without read permission have no entries. */
function entriesOf(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

function search(root: string, deep: boolean): readonly string[] {
  const files: string[] = [];
  const queue = [root];
  for (let at = 0; at < queue.length && at < MOST_FOLDERS && files.length < MOST_FILES; at++) {
    const folder = queue[at];
    if (folder === undefined) break;
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (deep && !SKIPPED.has(entry.name)) queue.push(path);
      } else if (entry.isFile() && entry.name.endsWith(".knet")) {
        files.push(keyOf(pathToFileURL(path).href));
      }
    }
  }
  return files.sort();
}
