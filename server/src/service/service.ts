/**
 * The language service: texts in, analyses out. It keeps the trees of the files it was given, re-parses what an edit
 * touched, follows imports, and gives an analysis of any file as root. No editor, no protocol, no clock in it; the file
 * system comes in as a function.
 */
import { codeOf } from "../checks/catalogue.ts";
import type { CheckedFile, Finding } from "../checks/check.ts";
import { type Config, readConfig } from "../checks/config.ts";
import { type Levels, NO_LEVELS } from "../checks/levels.ts";
import { type Decl, decodeCache, decodeFile, one } from "../language/decode.ts";
import { reparse } from "../language/incremental.ts";
import { parse } from "../language/parser.ts";
import type { SyntaxTree } from "../language/tree.ts";
import { topologyCache } from "../topology/cache.ts";
import { type Analysis, analyse } from "./analysis.ts";

/** Larger files are refused with a finding instead of being read (bytes of UTF-16 text). */
export const MAX_TEXT = 16 * 1024 * 1024;
const MAX_IMPORTS = 1000;
/** Holds a project's decisions about the checks; see `checks/config.ts`. */
export const CONFIG_FILE = "knet.json";

export interface ServiceHost {
  /** The text of a file that no editor holds open, or undefined. Asked once, and again after `invalidate` and `forget`. */
  readFile(file: string): string | undefined;
  /** The identity of the file that `path` means inside `from`. */
  resolveImport(from: string, path: string): string | undefined;
  /** Where a `knet.json` for this file may be, nearest first; they need not exist. */
  configFiles?(file: string): readonly string[];
}

export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Service {
  /** A file that an editor holds open; its text wins over the disk's. */
  setText(file: string, text: string): void;
  /** Offsets in the text before the edit. Throws where the file is not open: a bug of the caller. */
  edit(file: string, edits: readonly TextEdit[]): void;
  close(file: string): void;
  /** What the editor's settings say about the checks; a `knet.json` wins over them. */
  configure(levels: Levels): void;
  /** A file on disk appeared, changed or disappeared, or a folder with all that is in it. False: nothing depends on it. */
  invalidate(file: string): boolean;
  /** Anything on disk may have changed, or may be read that was not before. */
  forget(): void;
  textOf(file: string): string | undefined;
  treeOf(file: string): SyntaxTree | undefined;
  /** The analysis of `file` in the project that it belongs to: rooted at an open file that imports it, or at itself. */
  analysisOf(file: string): Analysis | undefined;
  /** Roots of all open files: what a workspace-wide report goes over. */
  roots(): readonly string[];
  /** Every state change gives a new number. */
  readonly version: number;
}

interface Loaded {
  tree: SyntaxTree;
  open: boolean;
  decls: readonly Decl[] | undefined;
}

export function createService(host: ServiceHost): Service {
  let settings: Levels = NO_LEVELS;
  /** By name; undefined where there is none. */
  const configs = new Map<string, Config | undefined>();
  /** Files that were asked for and cannot be read. */
  const missing = new Set<string>();
  const loaded = new Map<string, Loaded>();
  const cache = decodeCache();
  const topologies = topologyCache();
  const analyses = new Map<string, Analysis>();
  let version = 0;

  const changed = (): void => {
    version += 1;
    analyses.clear();
  };
  const load = (file: string): Loaded | undefined => {
    const known = loaded.get(file);
    if (known || missing.has(file)) return known;
    const text = host.readFile(file);
    if (text === undefined) {
      missing.add(file);
      return undefined;
    }
    const fresh: Loaded = { tree: parse(text.length > MAX_TEXT ? "" : text), open: false, decls: undefined };
    loaded.set(file, fresh);
    return fresh;
  };
  const declsOf = (entry: Loaded): readonly Decl[] => {
    entry.decls ??= decodeFile(entry.tree, cache);
    return entry.decls;
  };

  /** Forgets what was read from disk; false where there is nothing of it. */
  const drop = (isMeant: (file: string) => boolean): boolean => {
    const read = [...loaded].filter(([file, { open }]) => !open && isMeant(file)).map(([file]) => file);
    const gone = [...missing].filter(isMeant);
    const decided = [...configs.keys()].filter(isMeant);
    for (const file of read) loaded.delete(file);
    for (const file of gone) missing.delete(file);
    for (const file of decided) configs.delete(file);
    return read.length + gone.length + decided.length > 0;
  };

  /** The root and everything that it imports, breadth first; each file once, so cycles end. */
  const closure = (root: string): { files: CheckedFile[]; extra: Finding[] } => {
    const files: CheckedFile[] = [];
    const extra: Finding[] = [];
    const queue = [root];
    const seen = new Set(queue);
    while (queue.length > 0 && files.length < MAX_IMPORTS) {
      const file = queue.shift() ?? root;
      const entry = load(file);
      if (!entry) continue;
      const decls = declsOf(entry);
      files.push({ file, tree: entry.tree, decls });
      for (const decl of decls) {
        if (decl.spec?.keyword !== "import") continue;
        const path = one(decl, "path");
        if (path?.value.kind !== "string") continue;
        const target = host.resolveImport(file, path.value.text);
        if (target === undefined || !load(target)) {
          extra.push({
            code: "KN015",
            severity: "error",
            message: `"${path.value.text}" cannot be read; the path is taken from this file's folder`,
            source: { file, statement: decl.statement, part: path.index },
            related: [],
            fixes: [],
          });
        } else if (!seen.has(target)) {
          seen.add(target);
          queue.push(target);
        }
      }
    }
    return { files, extra };
  };

  const configOf = (root: string): Config | undefined => {
    for (const file of host.configFiles?.(root) ?? []) {
      if (!configs.has(file)) {
        const text = host.readFile(file);
        configs.set(file, text === undefined ? undefined : readConfig(file, text, codeOf));
      }
      const known = configs.get(file);
      if (known) return known;
    }
    return undefined;
  };

  /** An open file that imports `file`, directly or not; the file itself otherwise. */
  const rootOf = (file: string): string => {
    for (const [candidate, entry] of loaded) {
      if (!entry.open || candidate === file) continue;
      const imports = closure(candidate).files;
      if (imports.some((one) => one.file === file)) {
        // Two files that import each other: the first in order of name is the root of both.
        const back = closure(file).files.some((one) => one.file === candidate);
        if (!back || candidate < file) return candidate;
      }
    }
    return file;
  };

  return {
    setText(file, text) {
      const entry = loaded.get(file);
      if (entry?.open && entry.tree.text === text) return;
      loaded.set(file, { tree: parse(text.length > MAX_TEXT ? "" : text), open: true, decls: undefined });
      changed();
    },
    edit(file, edits) {
      const entry = loaded.get(file);
      if (!entry) throw new Error(`${file} is not open`);
      for (const edit of edits) entry.tree = reparse(entry.tree, edit);
      entry.decls = undefined;
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
      changed();
    },
    textOf: (file) => load(file)?.tree.text,
    treeOf: (file) => load(file)?.tree,
    analysisOf(file) {
      if (!load(file)) return undefined;
      const root = hasImports() ? rootOf(file) : file;
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
    roots() {
      const all = [...loaded].filter(([, entry]) => entry.open).map(([file]) => file);
      return hasImports() ? [...new Set(all.map(rootOf))] : all;
    },
    get version() {
      return version;
    },
  };

  /** Most workspaces have one file: the search for importers is skipped unless some open file imports anything. */
  function hasImports(): boolean {
    for (const entry of loaded.values()) {
      if (entry.open && declsOf(entry).some((decl) => decl.spec?.keyword === "import")) return true;
    }
    return false;
  }
}
