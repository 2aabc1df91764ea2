/**
 * The language service: keeps the documents of the files that it is given, follows imports, and analyzes any file as root.
 * It reads no files: `wanted` names the files that it needs, and the shell provides them. It has no editor, protocol, or
 * clock.
 */

import type { Document } from "../declared/document.ts";
import type { FrontEnd } from "../declared/front-end.ts";
import { type Levels, NO_LEVELS } from "../findings/levels.ts";
import type { TextEdit } from "../text/edit.ts";
import type { TopologyMemo } from "../topology/build.ts";
import type { ClusterDefaults } from "../topology/cluster.ts";
import { type Analysis, analyse } from "./analysis.ts";
import { createFiles, type Provided } from "./files.ts";
import { frontEnds } from "./front-ends.ts";
import { createProject, type Project, type ProjectHost } from "./project.ts";
import { createExpander } from "./sources.ts";

export interface ServiceHost extends ProjectHost {
  /** The notations of files; by default, all notations of knet. The first that accepts a file reads it. */
  readonly frontEnds?: readonly FrontEnd[];
  /** For clusters that do not state their own values. */
  readonly defaults?: ClusterDefaults | undefined;
}

export interface Service {
  /** Sets the text of a file that is open in an editor; it takes precedence over a provided text. */
  setText(file: string, text: string): void;
  /** Offsets refer to the text after the previous edit. Throws if the file is not open, which is a bug in the caller. */
  edit(file: string, edits: readonly TextEdit[]): void;
  close(file: string): void;
  /**
   * The files that the analysis of `file`, or of all open files, needs and that were not provided: the file itself, files
   * that are imported, and files that can be its `knet.json`. More can be needed after these were provided. Until then,
   * they are treated as absent.
   */
  wanted(file?: string): readonly string[];
  /** The text of a file, the reason why it cannot be read, or undefined if it does not exist. */
  provide(file: string, found: Provided): void;
  /** Check severities from the editor settings; a `knet.json` takes precedence over them. */
  configure(levels: Levels): void;
  /**
   * A file, or a folder with its contents, appeared, changed, or disappeared: what was provided is forgotten. False if
   * nothing depends on it.
   */
  invalidate(file: string): boolean;
  /** Any file might have changed, including which files can be read. */
  forget(): void;
  textOf(file: string): string | undefined;
  documentOf(file: string): Document | undefined;
  /** The analysis of `file` in its project: rooted at an open file that imports it, or at the file itself. */
  analysisOf(file: string): Analysis | undefined;
  /** Drops the analysis of a root, to free its memory; the next request creates it again. */
  release(root: string): void;
  /** Root of the project of a file: the open file that imports it, or the file itself. */
  rootOf(file: string): string;
  /** Whether the topology of an open file reads this file as a source. */
  isSource(file: string): boolean;
  /** Whether the topology of an open file reads any source. */
  hasSources(): boolean;
  /** Roots of all open files, for workspace-wide reports. */
  roots(): readonly string[];
  /** Incremented by every state change. */
  readonly version: number;
}

export function createService(host: ServiceHost): Service {
  const files = createFiles(host.frontEnds ?? frontEnds());
  const project = createProject(files, host);
  const analyses = createAnalyses(project, host.defaults);
  let version = 0;
  const changed = (): void => {
    version += 1;
    project.changed();
    analyses.changed();
  };
  return {
    setText(file, text) {
      if (files.setText(file, text)) changed();
    },
    edit(file, edits) {
      files.edit(file, edits);
      changed();
    },
    close(file) {
      files.close(file);
      analyses.close(file);
      changed();
    },
    wanted: (file) => project.wanted(file),
    provide(file, found) {
      const isNew = !files.isProvided(file);
      if (!files.provide(file, found)) return;
      // Results that did not need the file remain valid.
      if (isNew && !project.isAssumed(file)) project.arrived(file);
      else changed();
    },
    configure(levels) {
      analyses.configure(levels);
      changed();
    },
    invalidate(file) {
      // A folder changes with its content, and a missing one appears with its first file.
      const isFolderOf = (one: string): boolean =>
        file.startsWith(`${one}/`) && typeof files.provided(one) !== "string";
      const isKnown = files.drop((one) => one === file || one.startsWith(`${file}/`) || isFolderOf(one));
      if (isKnown) changed();
      return isKnown;
    },
    forget() {
      files.drop(() => true);
      project.forget();
      changed();
    },
    textOf: (file) => files.entryOf(file)?.document.text,
    documentOf: (file) => files.entryOf(file)?.document,
    analysisOf: (file) => (files.entryOf(file) ? analyses.of(project.rootOf(file)) : undefined),
    release: (root) => analyses.release(root),
    rootOf: (file) => project.rootOf(file),
    isSource: (file) => project.isSource(file),
    hasSources: () => project.hasSources(),
    roots: () => project.roots(),
    get version() {
      return version;
    },
  };
}

/** One analysis per root, for the current state of the files. */
function createAnalyses(project: Project, defaults: ClusterDefaults | undefined) {
  let settings: Levels = NO_LEVELS;
  const known = new Map<string, Analysis>();
  const topologies: TopologyMemo = new Map();
  const expand = createExpander();
  return {
    configure(levels: Levels): void {
      settings = levels;
    },
    changed: (): void => known.clear(),
    of(root: string): Analysis {
      let analysis = known.get(root);
      if (!analysis) {
        const { files, problems, sources } = project.closureOf(root);
        const config = project.configOf(root);
        const levels = config ? new Map([...settings, ...config.levels]) : settings;
        const extra = [...problems, ...(config?.problems ?? [])];
        const options = { extra, levels, config, sources, expand, defaults };
        analysis = analyse(root, files, options, topologies);
        known.set(root, analysis);
      }
      return analysis;
    },
    release(root: string): void {
      known.delete(root);
      project.release(root);
      topologies.delete(root);
    },
    close: (file: string): void => void topologies.delete(file),
  };
}
