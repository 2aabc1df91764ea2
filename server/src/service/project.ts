/** How the known files are related: imports, roots, and the `knet.json` of a root; and the files that are needed to know it. */
import { codeOf } from "../checks/catalog.ts";
import type { Document } from "../declared/document.ts";
import { valueAt } from "../memo/memo.ts";
import { type Closure, closureOf } from "./closure.ts";
import { type Config, readConfig } from "./config.ts";
import { type Files, isFolder } from "./files.ts";
import { type Following, following } from "./following.ts";
import { type Import, importsIn, isRead, rootsOf, type SourceKind } from "./imports.ts";

/** Maximum number of files, in addition to the open ones, that are read to find the importers of a file. */
const MAX_FOLLOWED = 10_000;

export interface ProjectHost {
  /** Identity of the file that `path` refers to in an import of `from`. */
  resolveImport(from: string, path: string): string | undefined;
  /** Possible locations of a `knet.json` for this file, nearest first; they need not exist. */
  configFiles?(file: string): readonly string[];
}

export interface Project {
  /** The files that are needed for this file, or for all open files, and are not known. */
  wanted(file: string | undefined): readonly string[];
  rootOf(file: string): string;
  /** Roots of all open files. */
  roots(): readonly string[];
  closureOf(root: string): Closure;
  isSource(file: string): boolean;
  hasSources(): boolean;
  configOf(root: string): Config | undefined;
  /** Whether a result depends on the absence of this file, which was unknown. */
  isAssumed(file: string): boolean;
  /** A file became known on which no result depends. */
  arrived(file: string): void;
  /** Any file might have changed. */
  changed(): void;
  /** Other paths might be importable. */
  forget(): void;
  release(root: string): void;
}

/** Results for one state of the files. */
interface State {
  readonly following: Following;
  roots: ReadonlyMap<string, string> | undefined;
  readonly closures: Map<string, Closure>;
  /** The files, and undefined for all open files, that need nothing more. */
  readonly complete: Set<string | undefined>;
  /** The unknown files that were treated as absent. */
  readonly assumed: Set<string>;
}

export function createProject(files: Files, host: ProjectHost): Project {
  const links = createLinks(files, host);
  const configs = createConfigs(files, host);
  let state: State | undefined;
  const current = (): State => {
    state ??= startState(files, links.targetsOf);
    return state;
  };

  const assume = (absent: readonly string[]): void => {
    for (const file of absent) if (!files.isProvided(file)) current().assumed.add(file);
  };
  const roots = (): ReadonlyMap<string, string> => {
    const now = current();
    if (!now.roots) {
      assume(now.following.missing());
      now.roots = rootsOf(files.openFiles(), links.targetsOf);
    }
    return now.roots;
  };
  const rootOf = (file: string): string => roots().get(file) ?? file;
  const openRoots = (): readonly string[] => [...new Set(files.openFiles().map(rootOf))];
  const closure = (root: string): Closure => {
    const { closures } = current();
    let known = closures.get(root);
    if (!known) {
      known = closureOf(root, { ...files, ...links });
      assume(known.absent);
      closures.set(root, known);
    }
    return known;
  };

  const missing = (file: string | undefined): readonly string[] => {
    if (file !== undefined && !files.isKnown(file)) return [file];
    const follow = current().following;
    if (file !== undefined) follow.start(file);
    const followed = follow.missing();
    if (followed.length > 0) return followed;
    const wanted = file === undefined ? openRoots() : [rootOf(file)];
    // Imports beyond the maximum that is followed.
    const absent = wanted.flatMap((root) => closure(root).absent).filter((one) => !files.isProvided(one));
    return [...new Set(absent.length > 0 ? absent : wanted.flatMap((root) => configs.next(root) ?? []))];
  };

  return {
    wanted(file) {
      const { complete } = current();
      if (complete.has(file)) return [];
      const found = missing(file);
      if (found.length === 0) complete.add(file);
      return found;
    },
    rootOf,
    roots: openRoots,
    closureOf: closure,
    hasSources: () => openRoots().some((root) => closure(root).sources.length > 0),
    isSource: (file) =>
      files.isSource(file) && openRoots().some((root) => closure(root).sources.some((use) => use.files.includes(file))),
    configOf(root) {
      const next = configs.next(root);
      if (next !== undefined) assume([next]);
      return configs.of(root);
    },
    isAssumed: (file) => state?.assumed.has(file) === true,
    arrived: (file) => state?.following.arrived(file),
    changed() {
      state = undefined;
    },
    forget: links.forget,
    release: (root) => void state?.closures.delete(root),
  };
}

type TargetsOf = (file: string) => readonly string[];

function startState(files: Files, targetsOf: TargetsOf): State {
  const open = files.openFiles();
  const followed = following({ isKnown: files.isKnown, targetsOf }, MAX_FOLLOWED + open.length);
  open.forEach(followed.start);
  return { following: followed, roots: undefined, closures: new Map(), complete: new Set(), assumed: new Set() };
}

/** The imports of each document, resolved once. */
function createLinks(files: Files, { resolveImport }: ProjectHost) {
  let known = new WeakMap<Document, { readonly imports: readonly Import[]; readonly targets: readonly string[] }>();
  /** The kinds of the sources with this folder. */
  const kinds = new Map<string, Set<SourceKind>>();
  const filesOf = (kind: SourceKind, target: string): readonly string[] => {
    const found = files.provided(target);
    if (!isFolder(found)) return [target];
    const own = found.files.filter((file) => isRead(kind, file)).slice(0, MAX_FOLLOWED);
    own.forEach(files.markSource);
    return own;
  };
  const of = (document: Document) => {
    let found = known.get(document);
    if (!found) {
      const imports = importsIn(document, resolveImport);
      for (const { kind, target } of imports) {
        if (kind === "import" || target === undefined) continue;
        files.markSource(target);
        valueAt(kinds, target, () => new Set<SourceKind>()).add(kind);
      }
      found = { imports, targets: imports.flatMap(({ target }) => target ?? []) };
      known.set(document, found);
    }
    return found;
  };
  return {
    importsOf: (document: Document): readonly Import[] => of(document).imports,
    filesOf,
    /** Of a folder: its files. */
    targetsOf(file: string): readonly string[] {
      const own = kinds.get(file);
      if (own) return isFolder(files.provided(file)) ? [...own].flatMap((kind) => filesOf(kind, file)) : [];
      const entry = files.isSource(file) ? undefined : files.entryOf(file);
      return entry ? of(entry.document).targets : [];
    },
    forget(): void {
      known = new WeakMap();
    },
  };
}

/** The `knet.json` that applies to a root: the nearest one that exists. */
function createConfigs(files: Files, host: ProjectHost) {
  const known = new Map<string, Config>();
  const candidates = (root: string): readonly string[] => host.configFiles?.(root) ?? [];
  const isText = (file: string): boolean => typeof files.provided(file) === "string";
  return {
    /** The next candidate that must be known. */
    next(root: string): string | undefined {
      const first = candidates(root).find((file) => isText(file) || !files.isProvided(file));
      return first !== undefined && files.isProvided(first) ? undefined : first;
    },
    of(root: string): Config | undefined {
      const file = candidates(root).find(isText);
      const text = file === undefined ? undefined : files.provided(file);
      if (file === undefined || typeof text !== "string") return undefined;
      let config = known.get(file);
      if (config?.text !== text) {
        config = readConfig(file, text, codeOf);
        known.set(file, config);
      }
      return config;
    },
  };
}
