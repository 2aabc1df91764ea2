/** The documents that are open in the client, and the language service that analyzes them. */

import type { Document } from "../declared/document.ts";
import type { Analysis } from "../service/analysis.ts";
import { CONFIG_FILE } from "../service/front-ends.ts";
import { MAX_SOURCE, MAX_TEXT } from "../service/limits.ts";
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
  /** Not a `.knet` file: analyzed only if a topology reads it, or if a setting requires it. */
  readonly isManifest: boolean;
  /** The text of a manifest that is not analyzed; the service does not know it. */
  idle: string | undefined;
}

/** The languages of files that can be sources. */
export const SOURCE_LANGUAGES: readonly string[] = ["yaml", "json"];

export interface Documents {
  readonly service: Service;
  open(uri: string, version: number, text: string, language?: string): void;
  /** False if the document is not open. */
  change(uri: string, version: number, changes: readonly ContentChange[]): boolean;
  close(uri: string): void;
  /** Whether a topology of the workspace reads sources. */
  readsSources(): boolean;
  /** Decides which open manifests are analyzed. `isWanted`: regardless of topologies that read them. */
  settle(isWanted: (text: string) => boolean): void;
  /** A `.knet` file that is not open changed on disk. */
  changedOnDisk(key: string): void;
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
  const readers = createReaders(service, disk, (key) => open.has(key));
  const { setText, apply, settle } = createTexts(service, linesOf);

  return {
    service,
    open(uri, version, text, language = "knet") {
      const key = keyOf(uri);
      const isManifest = SOURCE_LANGUAGES.includes(language);
      const document: OpenDocument = { key, uri, version, oversized: undefined, isManifest, idle: undefined };
      open.set(key, document);
      readers.opened(key);
      if (isManifest) document.idle = text;
      else setText(document, text);
    },
    change(uri, version, changes) {
      const document = open.get(keyOf(uri));
      if (!document) return false;
      document.version = version;
      if (document.idle !== undefined) document.idle = applyChanges(document.idle, changes);
      else apply(document, changes);
      return true;
    },
    close(uri) {
      const key = keyOf(uri);
      open.delete(key);
      service.close(key);
    },
    readsSources: () => readers.exist([...open.keys()]),
    settle(isWanted) {
      const manifests = [...open.values()].filter((one) => one.isManifest);
      readers.follow(manifests.map(({ key }) => key));
      for (const one of manifests) settle(one, isWanted);
    },
    changedOnDisk: (key) => readers.changed(key),
    get: (uri) => open.get(keyOf(uri)),
    all: () => open.values(),
    analysisOf: (uri) => service.analysisOf(keyOf(uri)),
    uriOf: (key) => open.get(key)?.uri ?? key,
    linesOf,
  };
}

/** Changes of the texts that the service has. */
function createTexts(service: Service, linesOf: (key: string) => LineIndex | undefined) {
  const setText = (document: OpenDocument, text: string): void => {
    document.oversized = text.length > (document.isManifest ? MAX_SOURCE : MAX_TEXT) ? text : undefined;
    service.setText(document.key, text);
  };

  const apply = (document: OpenDocument, changes: readonly ContentChange[]): void => {
    const whole = changes.findLastIndex(({ range }) => range === undefined);
    const rest = changes.slice(whole + 1);
    if (whole >= 0) setText(document, changes[whole]?.text ?? "");
    if (document.oversized !== undefined && rest.length <= MANY_CHANGES) {
      // Dividing the text into lines, as for many changes, would take most of a second.
      const edited = (text: string, change: ContentChange): string => editedText(text, editOf(lineIndex(text), change));
      setText(document, rest.reduce(edited, document.oversized));
      return;
    }
    if (rest.length > MANY_CHANGES) {
      setText(document, applyChanges(document.oversized ?? service.textOf(document.key) ?? "", rest));
      return;
    }
    for (const change of rest) {
      const index = linesOf(document.key);
      const edit = index && editOf(index, change);
      const length = service.textOf(document.key)?.length ?? 0;
      if (!edit) continue;
      if (length + edit.text.length > MAX_TEXT) setText(document, editedText(service.textOf(document.key) ?? "", edit));
      else service.edit(document.key, [edit]);
    }
  };

  const settle = (document: OpenDocument, isWanted: (text: string) => boolean): void => {
    const text = document.idle ?? service.textOf(document.key) ?? "";
    const isRead = service.isSource(document.key) || isWanted(text);
    if (isRead && document.idle !== undefined) {
      document.idle = undefined;
      setText(document, text);
    } else if (!isRead && document.idle === undefined) {
      document.idle = text;
      service.close(document.key);
    }
  };
  return { setText, apply, settle };
}

/** The topologies of the workspace that read an open manifest and are not open themselves. */
interface Readers {
  /** Whether a `.knet` file reads a source; `near`: the open files. */
  exist(near: readonly string[]): boolean;
  opened(key: string): void;
  changed(key: string): void;
  /** `manifests`: the open ones. */
  follow(manifests: readonly string[]): void;
}

function createReaders(service: Service, disk: Disk, isOpen: (key: string) => boolean): Readers {
  const texts = new Map<string, string>();
  /** Texts that `exist` has read, until `follow` uses them. */
  const found = new Map<string, string>();
  /** The files that read no source. */
  const others = new Set<string>();
  const drop = (key: string): void => {
    if (texts.delete(key)) service.close(key);
  };
  /** The text of a file that reads a source; undefined for each other file. */
  const readerText = (key: string): string | undefined => {
    const known = found.get(key);
    if (known !== undefined) return known;
    const text = disk.read(key);
    if (typeof text === "string" && READS.test(text)) {
      found.set(key, text);
      return text;
    }
    others.add(key);
    return undefined;
  };
  const add = (key: string): void => {
    const text = readerText(key);
    if (text === undefined) return;
    found.delete(key);
    texts.set(key, text);
    service.setText(key, text);
  };
  const reads = (key: string): boolean => !isOpen(key) && !others.has(key) && readerText(key) !== undefined;
  return {
    exist: (near) => service.hasSources() || disk.allKnetFiles(near).some(reads),
    opened(key) {
      texts.delete(key);
      found.delete(key);
    },
    changed(key) {
      others.delete(key);
      found.delete(key);
      drop(key);
    },
    follow(manifests) {
      if (manifests.length === 0) for (const key of [...texts.keys()]) drop(key);
      if (manifests.every((key) => service.isSource(key))) return;
      for (const key of disk.allKnetFiles(manifests)) {
        if (!isOpen(key) && !texts.has(key) && !others.has(key)) add(key);
      }
    },
  };
}

/** A statement that reads a source. */
const READS = /(?:^|[{;])\s*(?:manifests|network|state)\s+["\w./]/m;

function editOf(index: LineIndex, { range, text }: ContentChange): TextEdit {
  if (!range) return { start: 0, end: 0, text };
  const start = index.offsetAt(range.start);
  const end = index.offsetAt(range.end);
  return { start: Math.min(start, end), end: Math.max(start, end), text };
}
