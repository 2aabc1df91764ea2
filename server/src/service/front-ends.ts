/** The front ends, and the choice of one for a file. */
import type { Change } from "../declared/change.ts";
import type { Decl } from "../declared/decl.ts";
import type { Document } from "../declared/document.ts";
import type { FrontEnd } from "../declared/front-end.ts";
import { plainDocument } from "../declared/plain.ts";
import { knetFrontEnd } from "../frontends/knet/document.ts";
import { kubernetesFrontEnd } from "../frontends/kubernetes/document.ts";
import { renderedChange } from "../frontends/kubernetes/render.ts";
import { withLazy } from "../memo/lazy.ts";
import type { TextEdit } from "../text/edit.ts";

/** Name of the file with a project's check settings; see `config.ts`. */
export const CONFIG_FILE = "knet.json";

const configuration: FrontEnd = {
  name: "plain",
  accepts: (file) => file.split(/[/\\]/).at(-1) === CONFIG_FILE,
  read: plainDocument,
};

/** Changes are in the notation of `.knet` files; manifests express a part of them. */
const kubernetes: FrontEnd = {
  ...kubernetesFrontEnd,
  read: (file, text) => rendering(kubernetesFrontEnd.read(file, text)),
};

/** A document of manifests whose changes are edits of its text. */
export function rendering(document: Document): Document {
  const { file, language, faults, problems, silences, spanOf, innerSpanOf, pointAt, prepare } = document;
  const rest = {
    file,
    language,
    faults,
    problems,
    silences,
    spanOf,
    innerSpanOf,
    pointAt,
    prepare,
    render: (change: Change) => renderedChange(document.text, change, readRules),
    edited: (edits: readonly TextEdit[]) => rendering(document.edited(edits)),
  };
  // Declarations are computed only if no `.knet` file reads the manifest, the text only if it is shown.
  return withLazy(rest, { decls: () => document.decls, text: () => document.text });
}

function readRules(text: string): readonly Decl[] {
  const { decls } = knetFrontEnd().read("", `cluster c { policy p {\n${text}\n} }`);
  return decls[0]?.children[0]?.children ?? [];
}

/** The first front end that accepts a file reads it. The last one accepts every file: a pipe has no suffix. */
export function frontEnds(): readonly FrontEnd[] {
  return [configuration, kubernetes, knetFrontEnd()];
}
