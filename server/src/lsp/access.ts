/** Shared by the handlers: documents at positions, the analysis of each project that contains a file, and edits in protocol form. */

import type { CancellationToken, Connection, WorkspaceEdit } from "vscode-languageserver/node";
import type { Document } from "../declared/document.ts";
import { isKnet, type KnetDocument } from "../frontends/knet/document.ts";
import type { Analysis } from "../service/analysis.ts";
import type { TextEdit } from "../text/edit.ts";
import type { LineIndex } from "../text/line-index.ts";
import type { ClientSupport } from "./capabilities.ts";
import { editsOf } from "./convert.ts";
import type { Disk } from "./disk.ts";
import type { Documents } from "./documents.ts";
import type { Position } from "./protocol.ts";
import type { Settings } from "./settings.ts";

export interface Server {
  readonly connection: Connection;
  readonly documents: Documents;
  readonly disk: Disk;
  readonly support: () => ClientSupport;
  readonly settings: () => Settings;
  readonly now: () => number;
  /** Whether the client has sent a change that is not handled yet, so current results are out of date. */
  readonly stale: () => boolean;
  /** URL of the documentation page of a diagnostic code; undefined if it is not installed. */
  readonly link: (code: string) => string | undefined;
}

/** A document with everything that a query needs. */
export interface Whole {
  readonly key: string;
  readonly uri: string;
  readonly version: number;
  readonly analysis: Analysis;
  readonly document: Document;
  readonly index: LineIndex;
}

export interface WholeKnet extends Whole {
  readonly document: KnetDocument;
}

export interface At extends Whole {
  readonly offset: number;
}

export interface Access {
  whole(uri: string): Whole | undefined;
  /** Undefined if the document is not a `.knet` file. */
  wholeKnet(uri: string): WholeKnet | undefined;
  at(uri: string, position: Position): At | undefined;
  /** The analysis of each project that contains a file, also if the importing files are not open. */
  analysesWith(key: string, token: CancellationToken): readonly Analysis[];
  workspaceEdit(edits: ReadonlyMap<string, readonly TextEdit[]>): WorkspaceEdit;
}

export function accessOf({ documents, disk, support }: Server): Access {
  const whole = (uri: string): Whole | undefined => {
    const open = documents.get(uri);
    const analysis = open && documents.analysisOf(uri);
    const index = open && documents.linesOf(open.key);
    const document = open && analysis?.fileOf(open.key);
    if (!open || !analysis || !index || !document) return undefined;
    return { key: open.key, uri, version: open.version, analysis, document, index };
  };
  return {
    whole,
    wholeKnet(uri) {
      const here = whole(uri);
      return here && isKnet(here.document) ? { ...here, document: here.document } : undefined;
    },
    at(uri, position) {
      const here = whole(uri);
      return here && { ...here, offset: here.index.offsetAt(position) };
    },
    analysesWith(key, token) {
      const { service } = documents;
      const found = new Map<string, Analysis>();
      for (const root of [key, ...service.roots(), ...disk.knetFiles(key)]) {
        if (token.isCancellationRequested) break;
        const analysis = service.analysisOf(root);
        if (analysis?.fileOf(key)) found.set(analysis.root, analysis);
      }
      return [...found.values()];
    },
    workspaceEdit(edits) {
      const changed = [...edits].flatMap(([file, own]) => {
        const index = documents.linesOf(file);
        const uri = documents.uriOf(file);
        return index ? [{ uri, version: documents.get(uri)?.version ?? null, edits: editsOf(index, own) }] : [];
      });
      if (!support().versionedEdits)
        return { changes: Object.fromEntries(changed.map(({ uri, edits: own }) => [uri, own])) };
      return {
        documentChanges: changed.map(({ uri, version, edits: own }) => ({
          textDocument: { uri, version },
          edits: own,
        })),
      };
    },
  };
}
