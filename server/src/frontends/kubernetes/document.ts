/** Manifests and dumps as documents: one per file for its text, and one for the cluster that all files declare together. */
import type { Decl } from "../../declared/decl.ts";
import type { Document } from "../../declared/document.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import type { FrontEnd } from "../../declared/front-end.ts";
import { plainDocument } from "../../declared/plain.ts";
import { backwards, editedText } from "../../text/edit.ts";
import type { Span } from "../../text/span.ts";
import type { TextFile } from "../containers/unpack.ts";
import { importCluster } from "./cluster.ts";
import { type KubeObject, placeOf, spanOfPlace } from "./object.ts";
import { maskedText } from "./private.ts";
import { readObjects } from "./source.ts";
import { withoutCopies } from "./versions.ts";

export type { TextFile } from "../containers/unpack.ts";

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

/** What a document contains in addition to its text. */
interface Content {
  readonly decls: readonly Decl[];
  readonly problems: readonly FileProblem[];
  /** In its own text. */
  secrets(): readonly Span[];
}

interface Read {
  readonly texts: readonly (TextFile & { secrets(): readonly Span[] })[];
  readonly decls: readonly Decl[];
  readonly problems: readonly FileProblem[];
  readonly objects: number;
  readonly unread: number;
}

function readAll(source: string, files: readonly TextFile[], name: string): Read {
  const read = files.map((file) => ({ file, ...readObjects(file.file, file.text) }));
  const objects = withoutCopies(read.flatMap((one) => one.objects));
  const imported = importCluster(objects, { name, origin: wholeOf(source) });
  const own = read.flatMap(({ file, problems }) => [...(file.problems ?? []), ...problems]);
  return {
    texts: read.map(({ file, secrets }) => ({ ...file, secrets })),
    decls: imported.decls,
    problems: [...own, ...imported.problems],
    objects: objects.length,
    unread: imported.unread,
  };
}

/** `source`: identifies the input as a whole. */
export function manifestDocuments(source: string, files: readonly TextFile[], name = CLUSTER): ManifestDocuments {
  const { texts, decls, problems, objects, unread } = readAll(source, files, name);
  const main = texts.find(({ file }) => file === source);
  const secretsOf = main?.secrets ?? none;
  return {
    documents: [
      manifestDocument(source, main?.text ?? "", () => ({ decls, problems, secrets: secretsOf })),
      ...texts.flatMap(({ file, text, secrets }) =>
        file === source ? [] : manifestDocument(file, text, () => ({ decls: [], problems: [], secrets })),
      ),
    ],
    problems,
    objects,
    unread,
  };
}

function none(): readonly Span[] {
  return [];
}

/** A single file of manifests is a topology. */
export const kubernetesFrontEnd: FrontEnd = {
  name: "kubernetes",
  // knet.json has the settings of checks.
  accepts: (file) => /(?<!(?:^|[/\\])knet)\.(?:ya?ml|json)$/i.test(file),
  read: (file, text) =>
    manifestDocument(file, text, () => {
      const { texts, decls, problems } = readAll(file, [{ file, text }], CLUSTER);
      return { decls, problems, secrets: texts[0]?.secrets ?? none };
    }),
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

/** `contentOf` is called on first use: a file that nothing reads costs nothing. */
function manifestDocument(file: string, text: string, contentOf: () => Content): Document {
  let content: Content | undefined;
  const read = (): Content => (content ??= contentOf());
  let shown: string | undefined;
  return {
    ...plainDocument(file, text),
    language: "kubernetes",
    // The lines of a text are shown next to findings: without the values of Secrets.
    get text() {
      shown ??= /secret/i.test(file) || text.includes("Secret") ? masked(text, read().secrets()) : text;
      return shown;
    },
    get decls() {
      return read().decls;
    },
    problems: () => read().problems,
    spanOf: ({ decl, part }) => {
      const place = placeOf(decl.handle);
      return place && spanOfPlace(place, part);
    },
    edited: (edits) => kubernetesFrontEnd.read(file, backwards(edits).reduce(editedText, text)),
  };
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
