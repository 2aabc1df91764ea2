/** Manifests and dumps as documents: one per file for its text, and one for the cluster that all files declare together. */
import type { Decl } from "../../declared/decl.ts";
import type { Document, Fault } from "../../declared/document.ts";
import type { FrontEnd } from "../../declared/front-end.ts";
import { plainDocument } from "../../declared/plain.ts";
import type { TextEdit } from "../../text/edit.ts";
import { importCluster } from "./cluster.ts";
import { type KubeObject, placeOf, spanOfPlace } from "./object.ts";
import { readObjects, type SourceProblem } from "./source.ts";

export interface TextFile {
  readonly file: string;
  readonly text: string;
}

export interface ManifestDocuments {
  /** The first one has the declarations; the others are the texts in which they are located. */
  readonly documents: readonly Document[];
  readonly notes: readonly string[];
  /** The number of objects, and of those that are not modeled. */
  readonly objects: number;
  readonly unread: number;
  readonly problems: readonly { readonly file: string; readonly problem: SourceProblem }[];
}

/** `name`: the cluster. `source`: identifies the input as a whole. */
export function manifestDocuments(source: string, name: string, files: readonly TextFile[]): ManifestDocuments {
  const read = files.map((file) => ({ ...file, ...readObjects(file.file, file.text) }));
  const objects = read.flatMap((one) => one.objects);
  const { decls, notes, unread } = importCluster(objects, { name, origin: wholeOf(source) });
  return {
    documents: [
      manifestDocument(source, files.find(({ file }) => file === source)?.text ?? "", decls),
      ...read.flatMap(({ file, text }) => (file === source ? [] : manifestDocument(file, text, []))),
    ],
    notes,
    objects: objects.length,
    unread,
    problems: read.flatMap(({ file, problems }) => problems.map((problem) => ({ file, problem }))),
  };
}

/** A single file of manifests is a topology. */
export const kubernetesFrontEnd: FrontEnd = {
  name: "kubernetes",
  accepts: (file) => /\.(?:ya?ml|json)$/i.test(file),
  read: (file, text) => manifestDocuments(file, "cluster", [{ file, text }]).documents[0] ?? plainDocument(file, text),
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

function manifestDocument(file: string, text: string, decls: readonly Decl[]): Document {
  const nothing: readonly Fault[] = [];
  return {
    ...plainDocument(file, text),
    language: "kubernetes",
    decls,
    faults: () => nothing,
    spanOf: ({ decl, part }) => {
      const place = placeOf(decl.handle);
      return place && spanOfPlace(place, part);
    },
    edited: (edits) => kubernetesFrontEnd.read(file, withEdits(text, edits)),
  };
}

/** From the end of the text, so the offsets of earlier edits remain valid. */
function withEdits(text: string, edits: readonly TextEdit[]): string {
  const backwards = [...edits].sort((a, b) => b.start - a.start || b.end - a.end);
  return backwards.reduce((now, { start, end, text: by }) => now.slice(0, start) + by + now.slice(end), text);
}
