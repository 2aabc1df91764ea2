/** A `.knet` file as a document. */

import type { Document } from "../../declared/document.ts";
import type { FrontEnd } from "../../declared/front-end.ts";
import { withLazy } from "../../memo/lazy.ts";
import { backwards } from "../../text/edit.ts";
import { type DecodeCache, decodeCache, decodeFile } from "./decode.ts";
import { faultsIn } from "./faults.ts";
import { statementOf } from "./handle.ts";
import { reparse } from "./incremental.ts";
import { parse } from "./parser.ts";
import { innerSpan, type KnetPoint, pointAt } from "./point.ts";
import { partArg, positionsOf } from "./positions.ts";
import { textEdit } from "./render.ts";
import { silencesIn } from "./silences.ts";
import type { SyntaxTree } from "./tree.ts";

/** Features that present or edit `.knet` text also need its tree. */
export interface KnetDocument extends Document {
  readonly language: "knet";
  readonly tree: SyntaxTree;
  pointAt(offset: number): KnetPoint;
}

export function isKnet(document: Document | undefined): document is KnetDocument {
  return document?.language === "knet";
}

/** `cache`: the declarations of unchanged statements are kept. */
export function knetDocument(file: string, tree: SyntaxTree, cache: DecodeCache = decodeCache()): KnetDocument {
  const rest: Omit<KnetDocument, "decls"> = {
    file,
    language: "knet",
    tree,
    text: tree.text,
    faults: () => faultsIn(file, tree, self.decls),
    problems: () => [],
    silences: () => silencesIn(file, tree),
    spanOf: ({ decl, part }) => positionsOf(tree).spanOf(statementOf(decl), part),
    innerSpanOf({ decl, part }) {
      const statement = statementOf(decl);
      const start = positionsOf(tree).startOf(statement);
      const arg = partArg(statement, part);
      return start === undefined ? undefined : arg && innerSpan(arg, start, tree.text);
    },
    pointAt: (offset) => pointAt(self, offset),
    prepare: (sources) => positionsOf(tree).prepare(sources.map(({ decl }) => statementOf(decl))),
    render: (change) => textEdit(tree, change),
    edited: (edits) => knetDocument(file, backwards(edits).reduce<SyntaxTree>(reparse, tree), cache),
  };
  const self: KnetDocument = withLazy(rest, { decls: () => decodeFile(tree, cache) });
  return self;
}

/** All its documents share the declarations of unchanged statements. */
export function knetFrontEnd(): FrontEnd {
  const cache = decodeCache();
  return { name: "knet", accepts: () => true, read: (file, text) => knetDocument(file, parse(text), cache) };
}
