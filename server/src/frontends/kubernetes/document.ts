/** Manifests and dumps as documents: one per file for its text, and one for the cluster that all files declare together. */
import type { Decl } from "../../declared/decl.ts";
import type { Document } from "../../declared/document.ts";
import type { FrontEnd } from "../../declared/front-end.ts";
import { plainDocument } from "../../declared/plain.ts";
import { backwards, editedText } from "../../text/edit.ts";
import { importCluster, type OwnedPods } from "./cluster.ts";
import { type KubeObject, placeOf, spanOfPlace } from "./object.ts";
import { readObjects, type SourceProblem } from "./source.ts";

export interface TextFile {
  readonly file: string;
  readonly text: string;
}

export interface ManifestDocuments {
  /** The first one has the declarations; the others are the texts in which they are located. */
  readonly documents: readonly [Document, ...Document[]];
  readonly notes: readonly string[];
  /** The number of objects, and of those that are not modeled. */
  readonly objects: number;
  readonly unread: number;
  /** The running pods of each workload. */
  readonly owned: readonly OwnedPods[];
  readonly problems: readonly { readonly file: string; readonly problem: SourceProblem }[];
}

/** The path component of everything in the cluster. */
const CLUSTER = "cluster";

/** `source`: identifies the input as a whole. */
export function manifestDocuments(source: string, files: readonly TextFile[], name = CLUSTER): ManifestDocuments {
  const read = files.map((file) => ({ ...file, ...readObjects(file.file, file.text) }));
  const objects = read.flatMap((one) => one.objects);
  const { decls, notes, unread, owned } = importCluster(objects, { name, origin: wholeOf(source) });
  return {
    documents: [
      manifestDocument(source, files.find(({ file }) => file === source)?.text ?? "", decls),
      ...read.flatMap(({ file, text }) => (file === source ? [] : manifestDocument(file, text, []))),
    ],
    notes,
    objects: objects.length,
    unread,
    owned,
    problems: read.flatMap(({ file, problems }) => problems.map((problem) => ({ file, problem }))),
  };
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

function manifestDocument(file: string, text: string, decls: readonly Decl[]): Document {
  return {
    ...plainDocument(file, text),
    language: "kubernetes",
    decls,
    spanOf: ({ decl, part }) => {
      const place = placeOf(decl.handle);
      return place && spanOfPlace(place, part);
    },
    edited: (edits) => kubernetesFrontEnd.read(file, backwards(edits).reduce(editedText, text)),
  };
}
