/** Manifests and dumps as documents: one per file for its text, and one for the cluster that all files declare together. */
import type { Change } from "../../declared/change.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Document } from "../../declared/document.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import type { FrontEnd } from "../../declared/front-end.ts";
import type { Origin } from "../../declared/origin.ts";
import { plainDocument } from "../../declared/plain.ts";
import { pointer, withoutQuotes } from "../../declared/point.ts";
import { withLazy } from "../../memo/lazy.ts";
import { memo, once } from "../../memo/memo.ts";
import { backwards, editedText } from "../../text/edit.ts";
import type { Span } from "../../text/span.ts";
import type { TextFile } from "../containers/unpack.ts";
import { type Around, type ClusterOptions, importCluster, NOTHING_AROUND } from "./cluster.ts";
import { type KubeObject, placeOf, spanOfPlace } from "./object.ts";
import { maskedText } from "./private.ts";
import { type ReadRules, renderedChange } from "./render.ts";
import { readObjects } from "./source.ts";
import { currentObjects } from "./versions.ts";

export type { TextFile } from "../containers/unpack.ts";
export type { Around } from "./cluster.ts";

export interface ManifestDocuments {
  /** The first one has the declarations; the others are the texts in which they are located. */
  readonly documents: readonly [Document, ...Document[]];
  readonly problems: readonly FileProblem[];
  /** The number of objects, and of those that are not modeled. */
  readonly objects: number;
  readonly unread: number;
}

/** The path component of everything in the cluster. */
const CLUSTER = "cluster";

interface Read {
  readonly decls: readonly Decl[];
  readonly problems: readonly FileProblem[];
  /** The number of objects, and of the ones that are not modeled. */
  readonly objects: number;
  readonly unread: number;
}

function readAll(files: readonly TextFile[], options: ClusterOptions): Read {
  const read = files.map((file) => ({ file, ...objectsOf(file) }));
  const { objects, problems: versions } = currentObjects(read.flatMap((one) => one.objects));
  const { decls, problems, unread } = importCluster(objects, options);
  const own = read.flatMap(({ file, problems: found }) => [...(file.failures ?? []), ...found]);
  return { decls, problems: [...own, ...versions, ...problems], objects: objects.length, unread };
}

/** Files that have not changed are read once. */
const objectsOf = memo((file: TextFile) => readObjects(file.file, file.text));

/** `source`: identifies the input as a whole. */
export function manifestDocuments(source: string, files: readonly TextFile[], name = CLUSTER): ManifestDocuments {
  const read = readAll(files, { name, origin: wholeOf(source), around: NOTHING_AROUND });
  const main = files.find(({ file }) => file === source) ?? { file: source, text: "" };
  const others = files.filter(({ file }) => file !== source);
  return {
    documents: [
      withoutSecrets(
        main,
        manifestDocument(main, () => read),
      ),
      ...others.map((one) =>
        withoutSecrets(
          one,
          manifestDocument(one, () => NOTHING),
        ),
      ),
    ],
    problems: read.problems,
    objects: read.objects,
    unread: read.unread,
  };
}

const NOTHING: ClusterSource = { objects: 0, decls: [], problems: [] };

/** For the reports of the command line, which show the lines of a text next to findings: without the values of Secrets. */
function withoutSecrets(file: TextFile, document: Document): Document {
  if (!/secret/i.test(file.file) && !file.text.includes("Secret")) return document;
  const shown = once(() => masked(file.text, objectsOf(file).secrets()));
  return Object.defineProperty(document, "text", { get: shown, enumerable: true });
}

function masked(text: string, spans: readonly Span[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end } of spans) {
    if (end <= at) continue;
    parts.push(text.slice(at, start), maskedText(text.slice(Math.max(at, start), end)));
    at = end;
  }
  return [...parts, text.slice(at)].join("");
}

/**
 * The declarations of manifests inside of a cluster block. `file`: of the block, in which values without evidence are
 * located.
 */
export function importInto(file: string, name: string, around: Around, files: readonly TextFile[]): ClusterSource {
  return readAll(files, { name, origin: wholeOf(file), around });
}

export interface ClusterSource {
  readonly objects: number;
  /** The cluster, and the segments and routers of its nodes. */
  readonly decls: readonly Decl[];
  readonly problems: readonly FileProblem[];
}

/** Span of a declaration of an object; undefined if it is from a different source. */
export function manifestSpan({ decl, part }: Origin): Span | undefined {
  const place = placeOf(decl.handle);
  return place && spanOfPlace(place, part);
}

/** The same span, without quotation marks. */
export function manifestInnerSpan(text: string, source: Origin): Span | undefined {
  const span = manifestSpan(source);
  return span && withoutQuotes(text, span);
}

/** The document, with changes as edits of its text. */
export function withChanges(document: Document, text: string, readRules: ReadRules): Document {
  return Object.assign(document, { render: (change: Change) => renderedChange(text, change, readRules) });
}

/**
 * A single file of manifests is a topology. Changes are in the notation of `.knet` files, whose front end reads them; without
 * `readRules`, no change is rendered.
 */
export function manifestFrontEnd(readRules?: ReadRules): FrontEnd {
  const read = (file: string, text: string): Document => {
    const content = (): ClusterSource =>
      readAll([{ file, text }], { name: CLUSTER, origin: wholeOf(file), around: NOTHING_AROUND });
    const document = manifestDocument({ file, text }, content, (changed) => read(file, changed));
    return readRules ? withChanges(document, text, readRules) : document;
  };
  return {
    name: "kubernetes",
    // knet.json has the settings of checks.
    accepts: (file) => /(?<!(?:^|[/\\])knet)\.(?:ya?ml|json)$/i.test(file),
    read,
  };
}

export const kubernetesFrontEnd: FrontEnd = manifestFrontEnd();

/** The input as an object without fields. */
function wholeOf(file: string): KubeObject {
  return {
    file,
    apiVersion: "v1",
    kind: "List",
    namespace: undefined,
    name: file,
    value: {},
    locate: () => ({ start: 0, end: 0 }),
  };
}

/** `contentOf` is called on first use: a file that nothing reads costs nothing. */
function manifestDocument(
  { file, text }: TextFile,
  contentOf: () => ClusterSource,
  readAgain: (text: string) => Document = (changed) => kubernetesFrontEnd.read(file, changed),
): Document {
  const content = once(contentOf);
  const point = once(() => pointer({ file, text, spanOf: manifestSpan }, content().decls));
  const { decls: _, ...plain } = plainDocument(file, text);
  const rest: Omit<Document, "decls"> = {
    ...plain,
    language: "kubernetes",
    problems: () => content().problems,
    spanOf: manifestSpan,
    innerSpanOf: (source) => manifestInnerSpan(text, source),
    pointAt: (offset) => point()(offset),
    edited: (edits) => readAgain(backwards(edits).reduce(editedText, text)),
  };
  return withLazy(rest, { decls: () => content().decls });
}
