/**
 * The language service: keeps the trees of the given files, re-parses the edited part, follows imports, and analyzes any
 * file as root. It has no editor, protocol, or clock; file access is a function of the host.
 */
import { codeOf } from "../checks/catalog.ts";
import type { CheckedFile, Finding } from "../checks/check.ts";
import { type Config, readConfig } from "../checks/config.ts";
import { type Levels, NO_LEVELS } from "../checks/levels.ts";
import { type Decl, decodeCache, decodeFile, one } from "../language/decode.ts";
import { reparse } from "../language/incremental.ts";
import { parse } from "../language/parser.ts";
import type { SyntaxTree } from "../language/tree.ts";
import { t } from "../text/l10n.ts";
import { topologyCache } from "../topology/cache.ts";
import { type Analysis, analyse } from "./analysis.ts";

/** Maximum length of a file in UTF-16 code units. Larger files are reported instead of parsed. */
export const MAX_TEXT = 16 * 1024 * 1024;
const MAX_IMPORTS = 1000;
/** Name of the file with a project's check settings; see `checks/config.ts`. */
export const CONFIG_FILE = "knet.json";

export interface ServiceHost {
  /** Text of a file that is not open in an editor, or undefined. Called once, and again after `invalidate` and `forget`. */
  readFile(file: string): string | undefined;
  /** Identity of the file that `path` refers to in an import of `from`. */
  resolveImport(from: string, path: string): string | undefined;
  /** Possible locations of a `knet.json` for this file, nearest first; they need not exist. */
  configFiles?(file: string): readonly string[];
}

export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Service {
  /** Sets the text of a file that is open in an editor; it takes precedence over the text on disk. */
  setText(file: string, text: string): void;
  /** Offsets refer to the text before the edit. Throws if the file is not open, which is a bug in the caller. */
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
  /** Roots of all open files, for workspace-wide reports. */
  roots(): readonly string[];
  /** Incremented by every state change. */
  readonly version: number;
}

interface Loaded {
  tree: SyntaxTree;
  open: boolean;
  decls: readonly Decl[] | undefined;
}

export function createService(host: ServiceHost): Service {
  let settings: Levels = NO_LEVELS;
  /** Configurations by file name; undefined if the file does not exist. */
  const configs = new Map<string, Config | undefined>();
  /** Requested files that cannot be read. */
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

  /** Drops the matching files that were read from disk; false if nothing matches. */
  const drop = (isMeant: (file: string) => boolean): boolean => {
    const read = [...loaded].filter(([file, { open }]) => !open && isMeant(file)).map(([file]) => file);
    const gone = [...missing].filter(isMeant);
    const decided = [...configs.keys()].filter(isMeant);
    for (const file of read) loaded.delete(file);
    for (const file of gone) missing.delete(file);
    for (const file of decided) configs.delete(file);
    return read.length + gone.length + decided.length > 0;
  };

  /** The root and all its imports, breadth first. Each file appears once, so import cycles terminate. */
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
            message: t`\`${path.value.text}\` cannot be read (paths are relative to this file)`,
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

  /** An open file that imports `file`, directly or indirectly; otherwise the file itself. */
  const rootOf = (file: string): string => {
    for (const [candidate, entry] of loaded) {
      if (!entry.open || candidate === file) continue;
      const imports = closure(candidate).files;
      if (imports.some((one) => one.file === file)) {
        // If two files import each other, the first in name order is the root of both.
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

  /** Most workspaces have one file, so the search for importers is skipped unless an open file has an import. */
  function hasImports(): boolean {
    for (const entry of loaded.values()) {
      if (entry.open && declsOf(entry).some((decl) => decl.spec?.keyword === "import")) return true;
    }
    return false;
  }
}
