/**
 * The language service: keeps the trees of the given files, re-parses the edited part, follows imports, and analyzes any
 * file as root. It has no editor, protocol, or clock; file access is a function of the host.
 */
import { codeOf } from "../checks/catalog.ts";
import { one } from "../declared/access.ts";
import type { Document } from "../declared/document.ts";
import type { FileProblem, FileProblemData } from "../declared/file-problem.ts";
import type { Origin } from "../declared/origin.ts";
import { type Levels, NO_LEVELS } from "../findings/levels.ts";
import { decodeCache } from "../frontends/knet/decode.ts";
import { knetDocument } from "../frontends/knet/document.ts";
import { reparse } from "../frontends/knet/incremental.ts";
import { parse } from "../frontends/knet/parser.ts";
import type { SyntaxTree } from "../frontends/knet/tree.ts";
import type { TextEdit } from "../text/edit.ts";
import { number } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { topologyCache } from "../topology/stages.ts";
import { type Analysis, analyse } from "./analysis.ts";
import { type Config, readConfig } from "./config.ts";
import { combined } from "./edits.ts";
import { rootsOf } from "./imports.ts";

/**
 * Maximum length of a file, and of all files of a topology, in UTF-16 code units; more is reported instead of analyzed. The
 * densest text of this length needs 1.7 GB, so a server with a heap of 2 GB survives it.
 */
export const MAX_TEXT = 4_000_000;
const MAX_FILES = 1000;
/** More edits are combined: each separate one copies the list of statements around it. */
const MANY_EDITS = 16;
/** Maximum number of files that are read from disk to find the importers of a file. */
const MAX_FOLLOWED = 10_000;
/** Name of the file with a project's check settings; see `config.ts`. */
export const CONFIG_FILE = "knet.json";

/** A file that exists but cannot be read; `problem` is a clause: "not a regular file". */
export interface Unreadable {
  readonly problem: string;
}

export interface ServiceHost {
  /** Text of a file that is not open in an editor, or undefined if it does not exist. Called once, and again after `invalidate` and `forget`. */
  readFile(file: string): string | Unreadable | undefined;
  /** Identity of the file that `path` refers to in an import of `from`. */
  resolveImport(from: string, path: string): string | undefined;
  /** Possible locations of a `knet.json` for this file, nearest first; they need not exist. */
  configFiles?(file: string): readonly string[];
}

export interface Service {
  /** Sets the text of a file that is open in an editor; it takes precedence over the text on disk. */
  setText(file: string, text: string): void;
  /** Offsets refer to the text after the previous edit. Throws if the file is not open, which is a bug in the caller. */
  edit(file: string, edits: readonly TextEdit[]): void;
  close(file: string): void;
  /** Check severities from the editor settings; a `knet.json` takes precedence over them. */
  configure(levels: Levels): void;
  /** A file, or a folder with its contents, appeared, changed, or disappeared on disk. False if nothing depends on it. */
  invalidate(file: string): boolean;
  /** Anything on disk might have changed, including which files can be read. */
  forget(): void;
  textOf(file: string): string | undefined;
  treeOf(file: string): SyntaxTree | undefined;
  /** The analysis of `file` in its project: rooted at an open file that imports it, or at the file itself. */
  analysisOf(file: string): Analysis | undefined;
  /** Drops the analysis of a root, to free its memory; the next request creates it again. */
  release(root: string): void;
  /** Root of the project of a file: the open file that imports it, or the file itself. */
  rootOf(file: string): string;
  /** Roots of all open files, for workspace-wide reports. */
  roots(): readonly string[];
  /** Incremented by every state change. */
  readonly version: number;
}

interface Loaded {
  tree: SyntaxTree;
  readonly open: boolean;
  /** The text exceeds the limit; the tree is empty. */
  readonly oversized: boolean;
  document: Document | undefined;
  imports: readonly Import[] | undefined;
}

interface Import {
  readonly source: Origin;
  readonly path: string;
  /** Undefined if this file must not import the path. */
  readonly target: string | undefined;
}

function loadedOf(text: string, open: boolean): Loaded {
  const oversized = text.length > MAX_TEXT;
  return { tree: parse(oversized ? "" : text), open, oversized, document: undefined, imports: undefined };
}

export function createService(host: ServiceHost): Service {
  let settings: Levels = NO_LEVELS;
  /** Configurations by file name; undefined if the file does not exist. */
  const configs = new Map<string, Config | undefined>();
  /** Requested files that cannot be read, with the reason if they exist. */
  const missing = new Map<string, string | undefined>();
  const loaded = new Map<string, Loaded>();
  const cache = decodeCache();
  const topologies = topologyCache();
  const analyses = new Map<string, Analysis>();
  let version = 0;
  let importRoots: ReadonlyMap<string, string> | undefined;

  const changed = (): void => {
    version += 1;
    importRoots = undefined;
    analyses.clear();
  };
  const load = (file: string): Loaded | undefined => {
    const known = loaded.get(file);
    if (known || missing.has(file)) return known;
    const text = host.readFile(file);
    if (typeof text !== "string") {
      missing.set(file, text?.problem);
      return undefined;
    }
    const fresh = loadedOf(text, false);
    loaded.set(file, fresh);
    return fresh;
  };
  const documentOf = (file: string, entry: Loaded): Document => {
    entry.document ??= knetDocument(file, entry.tree, cache);
    return entry.document;
  };

  /** Drops the matching files that were read from disk; false if nothing matches. */
  const drop = (isMeant: (file: string) => boolean): boolean => {
    const read = [...loaded].filter(([file, { open }]) => !open && isMeant(file)).map(([file]) => file);
    const gone = [...missing.keys()].filter(isMeant);
    const decided = [...configs.keys()].filter(isMeant);
    for (const file of read) loaded.delete(file);
    for (const file of gone) missing.delete(file);
    for (const file of decided) configs.delete(file);
    return read.length + gone.length + decided.length > 0;
  };

  const importsOf = (file: string, entry: Loaded): readonly Import[] => {
    entry.imports ??= documentOf(file, entry).decls.flatMap((decl) => {
      const path = decl.spec?.keyword === "import" ? one(decl, "path") : undefined;
      if (path?.value.kind !== "string") return [];
      const { text } = path.value;
      const source: Origin = { file, decl, part: path.index };
      return { source, path: text, target: host.resolveImport(file, text) };
    });
    return entry.imports;
  };

  /** The root and all its imports, breadth first. Each file appears once, so import cycles terminate. */
  const closure = (root: string): { files: Document[]; extra: FileProblem[] } => {
    const files: Document[] = [];
    const extra: FileProblem[] = [];
    const queue = [root];
    const seen = new Set(queue);
    let length = load(root)?.tree.text.length ?? 0;
    let isFull = false;
    for (const file of queue) {
      const entry = load(file);
      if (!entry) continue;
      files.push(documentOf(file, entry));
      for (const { source, path, target } of importsOf(file, entry)) {
        const imported = target === undefined ? undefined : load(target);
        if (target !== undefined && seen.has(target)) continue;
        if (target === undefined || !imported) {
          extra.push(failedImport(source, { path, cause: "unreadable", reason: missing.get(target ?? "") }));
          continue;
        }
        if (imported.oversized) {
          extra.push(failedImport(source, { path, cause: "oversized", limit: tooLarge() }));
          continue;
        }
        const full = fullWith(queue.length + 1, length + imported.tree.text.length);
        if (full === undefined) {
          seen.add(target);
          queue.push(target);
          length += imported.tree.text.length;
        } else if (!isFull) {
          // One problem for the topology: the next imports also exceed the limit.
          isFull = true;
          extra.push(failedImport(source, { path, cause: "full", limit: full }));
        }
      }
    }
    return { files, extra };
  };

  const configOf = (root: string): Config | undefined => {
    for (const file of host.configFiles?.(root) ?? []) {
      if (!configs.has(file)) {
        const text = host.readFile(file);
        configs.set(file, typeof text === "string" ? readConfig(file, text, codeOf) : undefined);
      }
      const known = configs.get(file);
      if (known) return known;
    }
    return undefined;
  };

  /** Roots of the open files and of the files that they import. */
  const roots = (): ReadonlyMap<string, string> => {
    if (importRoots) return importRoots;
    const targets = new Map<string, readonly string[]>();
    const open = [...loaded].filter(([, entry]) => entry.open).map(([file]) => file);
    importRoots = rootsOf(open, (file) => {
      let known = targets.get(file);
      if (!known) {
        const entry = targets.size < MAX_FOLLOWED + open.length ? load(file) : undefined;
        known = entry ? importsOf(file, entry).flatMap(({ target }) => target ?? []) : [];
        targets.set(file, known);
      }
      return known;
    });
    return importRoots;
  };

  return {
    setText(file, text) {
      const entry = loaded.get(file);
      if (entry?.open && !entry.oversized && entry.tree.text === text) return;
      loaded.set(file, loadedOf(text, true));
      changed();
    },
    edit(file, edits) {
      const entry = loaded.get(file);
      if (!entry) throw new Error(`${file} is not open`);
      const few = edits.length > MANY_EDITS ? [combined(entry.tree.text, edits)] : edits;
      for (const edit of few) entry.tree = reparse(entry.tree, edit);
      entry.document = undefined;
      entry.imports = undefined;
      changed();
    },
    close(file) {
      loaded.delete(file);
      missing.delete(file);
      topologies.stages.delete(file);
      changed();
    },
    configure(levels) {
      settings = levels;
      changed();
    },
    invalidate(file) {
      const isMeant = (one: string): boolean => one === file || one.startsWith(`${file}/`);
      const isKnown = drop(isMeant);
      if (isKnown) changed();
      return isKnown;
    },
    forget() {
      drop(() => true);
      for (const entry of loaded.values()) entry.imports = undefined;
      changed();
    },
    textOf: (file) => load(file)?.tree.text,
    treeOf: (file) => load(file)?.tree,
    analysisOf(file) {
      if (!load(file)) return undefined;
      const root = roots().get(file) ?? file;
      let analysis = analyses.get(root);
      if (!analysis) {
        const { files, extra } = closure(root);
        const config = configOf(root);
        const levels = config ? new Map([...settings, ...config.levels]) : settings;
        const options = { extra: [...extra, ...(config?.problems ?? [])], levels, config };
        analysis = analyse(root, files, options, topologies);
        analyses.set(root, analysis);
      }
      return analysis;
    },
    rootOf: (file) => roots().get(file) ?? file,
    release(root) {
      analyses.delete(root);
      topologies.stages.delete(root);
    },
    roots() {
      const all = roots();
      return [...new Set([...loaded].flatMap(([file, entry]) => (entry.open ? (all.get(file) ?? file) : [])))];
    },
    get version() {
      return version;
    },
  };
}

function failedImport(source: Origin, data: FileProblemData["KN015"]): FileProblem {
  return { code: "KN015", source, data, related: [] };
}

/** Why a file is not read or analyzed. */
export function tooLarge(): string {
  return t`the file has more than ${number(MAX_TEXT)} characters`;
}

/** The limit that a topology of this size exceeds. */
function fullWith(files: number, length: number): string | undefined {
  if (files > MAX_FILES) return t`the topology has more than ${number(MAX_FILES)} files`;
  return length > MAX_TEXT ? t`the topology has more than ${number(MAX_TEXT)} characters` : undefined;
}
