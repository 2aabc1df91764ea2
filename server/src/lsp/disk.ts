/** The files that no editor holds open: read within the workspace only, found for completion and search. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { MAX_TEXT } from "../service/service.ts";
import { diskPath, folderOf, isInside, keyOf } from "./uri.ts";

export interface Disk {
  setFolders(uris: readonly string[]): void;
  /** May `file` be read because `from` imports it? In a folder of the workspace, or beside or below the importing file. */
  mayImport(from: string, file: string): boolean;
  read(key: string): string | undefined;
  /** Where a file of this name may be: beside `near` and in the folders above it, as far as the workspace goes. */
  upwards(near: string, name: string): readonly string[];
  /** The `.knet` files of the workspace; of a file outside it, those beside that file. */
  knetFiles(near: string): readonly string[];
  /** Those of the workspace, and those beside files outside it. */
  allKnetFiles(near: readonly string[]): readonly string[];
  /** This file or folder appeared or disappeared. */
  changed(key: string): void;
}

const MOST_FILES = 2000;
const MOST_FOLDERS = 5000;
const SKIPPED = new Set(["node_modules", ".git"]);

export function createDisk(): Disk {
  let folders: readonly string[] = [];
  const found = new Map<string, readonly string[]>();
  const isInWorkspace = (file: string): boolean => folders.some((folder) => isInside(folder, file));
  /** Of a folder of the workspace those below it as well. */
  const filesIn = (place: string): readonly string[] => {
    let files = found.get(place);
    if (!files) {
      const path = diskPath(place);
      files = path === undefined ? [] : search(path, folders.includes(place));
      found.set(place, files);
    }
    return files;
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
      const path = diskPath(key);
      if (path === undefined) return undefined;
      try {
        const { size } = statSync(path);
        // Devices and pipes would never end.
        if (!statSync(path).isFile() || size > 4 * MAX_TEXT) return undefined;
        return readFileSync(path, "utf8").replace(/^\uFEFF/, "");
      } catch {
        return undefined;
      }
    },
    upwards(near, name) {
      const places: string[] = [];
      let folder = folderOf(near);
      // An unsaved file is nowhere.
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
      const beside = near.filter((file) => !isInWorkspace(file)).map(folderOf);
      return [...new Set([...folders, ...beside].flatMap(filesIn))];
    },
    changed(key) {
      const isKnown = (file: string): boolean => file === key || isInside(key, file);
      if (key.endsWith(".knet") || [...found.values()].some((files) => files.some(isKnown))) found.clear();
    },
  };
}

function search(root: string, deep: boolean): readonly string[] {
  const files: string[] = [];
  const queue = [root];
  for (let at = 0; at < queue.length && at < MOST_FOLDERS && files.length < MOST_FILES; at++) {
    const folder = queue[at];
    if (folder === undefined) break;
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) {
          if (deep && !SKIPPED.has(entry.name)) queue.push(path);
        } else if (entry.isFile() && entry.name.endsWith(".knet")) {
          files.push(keyOf(pathToFileURL(path).href));
        }
      }
    } catch {
      // A folder that may not be read has no files for us.
    }
  }
  return files.sort();
}
