/** The files of one topology: a root and all files that it imports. */
import type { Document } from "../declared/document.ts";
import type { FileProblem, FileProblemData } from "../declared/file-problem.ts";
import type { Origin } from "../declared/origin.ts";
import { plainDocument } from "../declared/plain.ts";
import { manifestInnerSpan, manifestSpan } from "../frontends/kubernetes/document.ts";
import { memo } from "../memo/memo.ts";
import { t } from "../text/l10n.ts";
import { type Entry, isFolder, type Provided } from "./files.ts";
import type { Import, SourceKind } from "./imports.ts";
import { fullWith, MAX_SOURCE, tooLarge } from "./limits.ts";

/** What the walk reads from the service. */
export interface Reader {
  entryOf(file: string): Entry | undefined;
  provided(file: string): Provided;
  importsOf(document: Document): readonly Import[];
  /** The files of a source: of a folder, or the file itself. */
  filesOf(kind: SourceKind, target: string): readonly string[];
}

/** A statement that reads a source, and the files of the source. */
export interface SourceUse {
  readonly kind: SourceKind;
  /** The statement's file, and its path as written. */
  readonly file: string;
  readonly path: string;
  readonly files: readonly string[];
}

export interface Closure {
  /** The root first, the files of sources last. Each file appears once, so import cycles terminate. */
  readonly files: readonly Document[];
  readonly sources: readonly SourceUse[];
  /** Imports that failed. */
  readonly problems: readonly FileProblem<"KN015">[];
  /** The imported files that cannot be read. */
  readonly absent: readonly string[];
}

/** Breadth first, up to the limits of a topology. */
export function closureOf(root: string, reader: Reader): Closure {
  const { entryOf, provided, importsOf } = reader;
  const files: Document[] = [];
  const found: Found[] = [];
  const problems: FileProblem<"KN015">[] = [];
  const absent: string[] = [];
  const queue = [root];
  const seen = new Set(queue);
  let length = entryOf(root)?.document.text.length ?? 0;
  let isFull = false;
  for (const file of queue) {
    const entry = entryOf(file);
    if (!entry) continue;
    files.push(entry.document);
    for (const one of importsOf(entry.document)) {
      const { kind, source, path, target } = one;
      if (kind !== "import") {
        found.push(sourceOfImport({ ...one, kind }, reader));
        continue;
      }
      if (target !== undefined && seen.has(target)) continue;
      const imported = target === undefined ? undefined : entryOf(target);
      if (target === undefined || !imported) {
        if (target !== undefined) absent.push(target);
        problems.push(unreadable(source, path, target === undefined ? undefined : provided(target)));
        continue;
      }
      if (imported.oversized) {
        problems.push(failedImport(source, { path, cause: "oversized", limit: tooLarge() }));
        continue;
      }
      const own = imported.document.text.length;
      const full = fullWith(queue.length + 1, length + own);
      if (full === undefined) {
        seen.add(target);
        queue.push(target);
        length += own;
      } else if (!isFull) {
        // One finding for the topology: the next imports also exceed the limit.
        isFull = true;
        problems.push(failedImport(source, { path, cause: "full", limit: full }));
      }
    }
  }
  for (const one of found) {
    if (one.problem) problems.push(one.problem);
    absent.push(...one.absent);
  }
  const documents = new Map(found.flatMap((one) => one.documents.map((document) => [document.file, document])));
  const sources = found.flatMap((one) => one.use ?? []);
  return { files: [...files, ...documents.values()], sources, problems, absent };
}

interface Found {
  readonly use: SourceUse | undefined;
  readonly documents: readonly Document[];
  readonly problem: FileProblem<"KN015"> | undefined;
  readonly absent: readonly string[];
}

function sourceOfImport(one: Import & { readonly kind: SourceKind }, { entryOf, provided, filesOf }: Reader): Found {
  const { kind, source, path, target } = one;
  const failed = (data: FileProblemData["KN015"], absent: readonly string[] = []): Found => {
    return { use: undefined, documents: [], problem: failedImport(source, data), absent };
  };
  if (target === undefined) return failed({ path, cause: "unreadable", reason: undefined });
  const files = filesOf(kind, target);
  const entries = files.map((file) => entryOf(file));
  const oversized = entries.find((entry) => entry?.oversized);
  if (oversized) return failed({ path, cause: "oversized", limit: tooLarge(MAX_SOURCE) });
  const documents = entries.flatMap((entry) => (entry ? sourceDocument(entry.document) : []));
  const absent = files.filter((_, index) => entries[index] === undefined);
  if (documents.length === 0) {
    const found = provided(target);
    const reason = isFolder(found) ? t`the folder contains no file to read` : problemOf(found);
    return failed({ path, cause: "unreadable", reason }, absent);
  }
  return { use: { kind, file: source.file, path, files }, documents, problem: undefined, absent };
}

/** The text of a source, in which findings are located; the statement that reads it has its declarations. */
export const sourceDocument = memo((document: Document): Document => {
  const { file, text, language } = document;
  return {
    ...plainDocument(file, text),
    language,
    spanOf: manifestSpan,
    innerSpanOf: (source) => manifestInnerSpan(text, source),
    render: document.render,
    edited: (edits) => sourceDocument(document.edited(edits)),
  };
});

function problemOf(found: Provided): string | undefined {
  return typeof found === "object" && !isFolder(found) ? found.problem : undefined;
}

function failedImport(source: Origin, data: FileProblemData["KN015"]): FileProblem<"KN015"> {
  return { code: "KN015", source, data, related: [] };
}

function unreadable(source: Origin, path: string, found: Provided): FileProblem<"KN015"> {
  const reason = isFolder(found) ? t`it is a folder` : problemOf(found);
  return failedImport(source, { path, cause: "unreadable", reason });
}
