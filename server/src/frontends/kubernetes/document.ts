/** Manifests and dumps as documents: one per file for its text, and one for the cluster that all files declare together. */
import type { Decl } from "../../declared/decl.ts";
import type { Document } from "../../declared/document.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import type { FrontEnd } from "../../declared/front-end.ts";
import type { Origin } from "../../declared/origin.ts";
import { plainDocument } from "../../declared/plain.ts";
import { pointer, withoutQuotes } from "../../declared/point.ts";
import { memo } from "../../memo/memo.ts";
import { backwards, editedText } from "../../text/edit.ts";
import type { Span } from "../../text/span.ts";
import { type Around, importCluster, NOTHING_AROUND, type OwnedPods } from "./cluster.ts";

export type { Around };

import { type KubeObject, placeOf, spanOfPlace } from "./object.ts";
import { readObjects } from "./source.ts";

export interface TextFile {
  readonly file: string;
  readonly text: string;
}

export interface ManifestDocuments {
  /** The first one has the declarations; the others are the texts in which they are located. */
  readonly documents: readonly [Document, ...Document[]];
  readonly problems: readonly FileProblem[];
  /** The number of objects, and of those that are not modeled. */
  readonly objects: number;
  readonly unread: number;
  /** The running pods of each workload. */
  readonly owned: readonly OwnedPods[];
}

/** The path component of everything in the cluster. */
const CLUSTER = "cluster";

/** `source`: identifies the input as a whole. */
export function manifestDocuments(source: string, files: readonly TextFile[], name = CLUSTER): ManifestDocuments {
  const read = files.map((file) => ({ ...file, ...readObjects(file.file, file.text) }));
  const objects = read.flatMap((one) => one.objects);
  const imported = importCluster(objects, { name, origin: wholeOf(source), around: NOTHING_AROUND });
  const problems = [...read.flatMap((one) => one.problems), ...imported.problems];
  return {
    documents: [
      manifestDocument(source, files.find(({ file }) => file === source)?.text ?? "", imported.decls, problems),
      ...read.flatMap(({ file, text }) => (file === source ? [] : manifestDocument(file, text))),
    ],
    problems,
    objects: objects.length,
    unread: imported.unread,
    owned: imported.owned,
  };
}

/**
 * The declarations of manifests inside of a cluster block. `file`: of the block, in which values without evidence are
 * located.
 */
export function importInto(file: string, name: string, around: Around, files: readonly TextFile[]): ClusterSource {
  const read = files.map((one) => objectsOf(one));
  const objects = read.flatMap((one) => one.objects);
  const { decls, problems } = importCluster(objects, { name, origin: wholeOf(file), around });
  return { decls, problems: [...read.flatMap((one) => one.problems), ...problems] };
}

export interface ClusterSource {
  /** The cluster, and the segments and routers of its nodes. */
  readonly decls: readonly Decl[];
  readonly problems: readonly FileProblem[];
}

/** Files that have not changed are read once. */
const objectsOf = memo((file: TextFile) => readObjects(file.file, file.text));

/** Span of a declaration of an object; undefined if it is from a different source. */
export function manifestSpan({ decl, part }: Origin): Span | undefined {
  const place = placeOf(decl.handle);
  return place && spanOfPlace(place, part);
}

/** A single file of manifests is a topology. */
export const kubernetesFrontEnd: FrontEnd = {
  name: "kubernetes",
  // knet.json has the settings of checks.
  accepts: (file) => /(?<!(?:^|[/\\])knet)\.(?:ya?ml|json)$/i.test(file),
  read: (file, text) => manifestDocuments(file, [{ file, text }]).documents[0],
};

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

function manifestDocument(
  file: string,
  text: string,
  decls: readonly Decl[] = [],
  problems: readonly FileProblem[] = [],
): Document {
  const located = { file, text, spanOf: manifestSpan };
  return {
    ...plainDocument(file, text),
    language: "kubernetes",
    decls,
    problems: () => problems,
    spanOf: manifestSpan,
    innerSpanOf(source) {
      const span = manifestSpan(source);
      return span && withoutQuotes(text, span);
    },
    pointAt: pointer(located, decls),
    edited: (edits) => kubernetesFrontEnd.read(file, backwards(edits).reduce(editedText, text)),
  };
}
