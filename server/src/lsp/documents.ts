/** The documents that are open in the client, and the language service that analyzes them. */

import type { Document } from "../declared/document.ts";
import type { Analysis } from "../service/analysis.ts";
import { CONFIG_FILE } from "../service/front-ends.ts";
import { MAX_TEXT } from "../service/limits.ts";
import { pulling } from "../service/pull.ts";
import { createService, type Service } from "../service/service.ts";
import { editedText, type TextEdit } from "../text/edit.ts";
import { type LineIndex, lineIndex } from "../text/line-index.ts";
import { applyChanges, type ContentChange } from "./changes.ts";
import type { Disk } from "./disk.ts";
import { beside, keyOf } from "./uri.ts";

export interface OpenDocument {
  readonly key: string;
  /** As written by the client. */
  readonly uri: string;
  version: number;
  /** The text if it is too large to be analyzed; the service then has an empty text. */
  oversized: string | undefined;
}

export interface Documents {
  readonly service: Service;
  open(uri: string, version: number, text: string): void;
  /** False if the document is not open. */
  change(uri: string, version: number, changes: readonly ContentChange[]): boolean;
  close(uri: string): void;
  get(uri: string): OpenDocument | undefined;
  all(): Iterable<OpenDocument>;
  analysisOf(uri: string): Analysis | undefined;
  /** The client's URI of a file of the service. */
  uriOf(key: string): string;
  linesOf(key: string): LineIndex | undefined;
}

/** With more changes in one notification, parsing the new text is cheaper than applying them incrementally. */
const MANY_CHANGES = 16;

export function createDocuments(disk: Disk): Documents {
  const open = new Map<string, OpenDocument>();
  const lines = new WeakMap<Document, LineIndex>();
  const files = createService({
    resolveImport(from, path) {
      const target = beside(from, path);
      return target !== undefined && disk.mayImport(from, target) ? target : undefined;
    },
    configFiles: (file) => disk.upwards(file, CONFIG_FILE),
  });
  const service = pulling(files, disk.read);

  const linesOf = (key: string): LineIndex | undefined => {
    const document = service.documentOf(key);
    if (!document) return undefined;
    let index = lines.get(document);
    if (!index) {
      index = lineIndex(document.text);
      lines.set(document, index);
    }
    return index;
  };
  const setText = (document: OpenDocument, text: string): void => {
    document.oversized = text.length > MAX_TEXT ? text : undefined;
    service.setText(document.key, text);
  };

  return {
    service,
    open(uri, version, text) {
      const key = keyOf(uri);
      const document: OpenDocument = { key, uri, version, oversized: undefined };
      open.set(key, document);
      setText(document, text);
    },
    change(uri, version, changes) {
      const document = open.get(keyOf(uri));
      if (!document) return false;
      document.version = version;
      const whole = changes.findLastIndex(({ range }) => range === undefined);
      const rest = changes.slice(whole + 1);
      if (whole >= 0) setText(document, changes[whole]?.text ?? "");
      if (document.oversized !== undefined && rest.length <= MANY_CHANGES) {
        // Dividing the text into lines, as for many changes, would take most of a second.
        const apply = (text: string, change: ContentChange): string =>
          editedText(text, editOf(lineIndex(text), change));
        setText(document, rest.reduce(apply, document.oversized));
        return true;
      }
      if (rest.length > MANY_CHANGES) {
        setText(document, applyChanges(document.oversized ?? service.textOf(document.key) ?? "", rest));
        return true;
      }
      for (const change of rest) {
        const index = linesOf(document.key);
        const edit = index && editOf(index, change);
        const length = service.textOf(document.key)?.length ?? 0;
        if (!edit) continue;
        if (length + edit.text.length > MAX_TEXT)
          setText(document, editedText(service.textOf(document.key) ?? "", edit));
        else service.edit(document.key, [edit]);
      }
      return true;
    },
    close(uri) {
      const key = keyOf(uri);
      open.delete(key);
      service.close(key);
    },
    get: (uri) => open.get(keyOf(uri)),
    all: () => open.values(),
    analysisOf: (uri) => service.analysisOf(keyOf(uri)),
    uriOf: (key) => open.get(key)?.uri ?? key,
    linesOf,
  };
}

function editOf(index: LineIndex, { range, text }: ContentChange): TextEdit {
  if (!range) return { start: 0, end: 0, text };
  const start = index.offsetAt(range.start);
  const end = index.offsetAt(range.end);
  return { start: Math.min(start, end), end: Math.max(start, end), text };
}
