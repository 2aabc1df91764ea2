/** The texts that the service has: of files that are open in an editor, and of files that the shell has provided. */
import type { Document } from "../declared/document.ts";
import type { FrontEnd } from "../declared/front-end.ts";
import { plainDocument } from "../declared/plain.ts";
import { sameMembers } from "../memo/same.ts";
import type { TextEdit } from "../text/edit.ts";
import { combined } from "./edits.ts";
import { MAX_SOURCE, MAX_TEXT } from "./limits.ts";

/** A file that exists but cannot be read; `problem` is a clause: "not a regular file". */
export interface Unreadable {
  readonly problem: string;
}

/** A folder or an archive: everything in it, at any depth. */
export interface Folder {
  readonly files: readonly string[];
}

/** What a shell found: the text of a file, the content of a folder, the reason why it cannot be read, or undefined if it does not exist. */
export type Provided = string | Folder | Unreadable | undefined;

export function isFolder(found: Provided): found is Folder {
  return typeof found === "object" && "files" in found;
}

export interface Entry {
  readonly document: Document;
  readonly open: boolean;
  /** The text exceeds the limit; the document is empty. */
  readonly oversized: boolean;
}

export interface Files {
  /** The file as a document; undefined if it is absent, unreadable, or unknown. An open text takes precedence. */
  entryOf(file: string): Entry | undefined;
  /** Whether the text of the file or its absence is known. */
  isKnown(file: string): boolean;
  /** Whether the shell has provided the file, regardless of whether it is open. */
  isProvided(file: string): boolean;
  provided(file: string): Provided;
  /** The file belongs to a source (`manifests`, `network`, `state`): it is not a `.knet` file, and it can be larger. */
  markSource(file: string): void;
  isSource(file: string): boolean;
  openFiles(): readonly string[];
  /** False if nothing changes. */
  setText(file: string, text: string): boolean;
  edit(file: string, edits: readonly TextEdit[]): void;
  close(file: string): void;
  /** False if the same was provided before. */
  provide(file: string, found: Provided): boolean;
  /** Forgets the matching files that the shell has provided; false if nothing matches. */
  drop(isMeant: (file: string) => boolean): boolean;
}

/** More edits are combined: each separate one copies the list of statements around it. */
const MANY_EDITS = 16;

export function createFiles(frontEnds: readonly FrontEnd[]): Files {
  const entries = new Map<string, Entry>();
  const given = new Map<string, Provided>();
  const sources = new Set<string>();

  const read = (file: string, text: string, open: boolean): Entry => {
    const isSource = sources.has(file);
    const found = frontEnds.find((one) => one.accepts(file));
    // The last one also accepts the output of commands.
    const frontEnd = isSource && found === frontEnds.at(-1) ? PLAIN : found;
    if (!frontEnd) throw new Error(`no front end reads ${file}`);
    const oversized = text.length > (isSource ? MAX_SOURCE : MAX_TEXT);
    const entry = { document: frontEnd.read(file, oversized ? "" : text), open, oversized };
    entries.set(file, entry);
    return entry;
  };
  const forget = (file: string): void => {
    given.delete(file);
    if (entries.get(file)?.open === false) entries.delete(file);
  };

  return {
    entryOf(file) {
      const known = entries.get(file);
      if (known) return known;
      const text = given.get(file);
      return typeof text === "string" ? read(file, text, false) : undefined;
    },
    isKnown: (file) => entries.has(file) || given.has(file),
    isProvided: (file) => given.has(file),
    isSource: (file) => sources.has(file),
    markSource(file) {
      if (sources.has(file)) return;
      sources.add(file);
      const known = entries.get(file);
      if (known) read(file, known.document.text, known.open);
    },
    provided: (file) => given.get(file),
    openFiles: () => [...entries].flatMap(([file, { open }]) => (open ? file : [])),
    setText(file, text) {
      const entry = entries.get(file);
      if (entry?.open && !entry.oversized && entry.document.text === text) return false;
      given.delete(file);
      read(file, text, true);
      return true;
    },
    edit(file, edits) {
      const entry = entries.get(file);
      if (!entry) throw new Error(`${file} is not open`);
      const few = edits.length > MANY_EDITS ? [combined(entry.document.text, edits)] : edits;
      const document = few.reduce((before, edit) => before.edited([edit]), entry.document);
      entries.set(file, { ...entry, document });
    },
    close(file) {
      entries.delete(file);
      given.delete(file);
    },
    provide(file, found) {
      if (given.has(file) && isSame(given.get(file), found)) return false;
      forget(file);
      given.set(file, found);
      return true;
    },
    drop(isMeant) {
      const gone = [...given.keys()].filter(isMeant);
      gone.forEach(forget);
      return gone.length > 0;
    },
  };
}

const PLAIN: Pick<FrontEnd, "read"> = { read: plainDocument };

function isSame(a: Provided, b: Provided): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  if (isFolder(a)) return isFolder(b) && sameMembers(a.files, b.files);
  return !isFolder(b) && a.problem === b.problem;
}
