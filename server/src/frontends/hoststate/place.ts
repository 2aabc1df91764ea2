/** The locations of entries in the files of a machine's state. */
import type { Document } from "../../declared/document.ts";
import type { Handle } from "../../declared/handle.ts";
import { NO_DECL } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import { plainDocument } from "../../declared/plain.ts";
import type { Span } from "../../text/span.ts";

const spans = new WeakMap<Handle, Span>();

/** Creates the locations of entries in one file. */
export type Locate = (span: Span) => Origin;

export function locating(file: string): Locate {
  return (span) => {
    const handle = {} as Handle;
    spans.set(handle, span);
    return { file, decl: { ...NO_DECL, handle }, part: "whole" };
  };
}

/** A file of a machine's state: text without declarations. */
export function stateDocument(file: string, text: string): Document {
  const spanOf = ({ decl }: Origin): Span | undefined => spans.get(decl.handle);
  return { ...plainDocument(file, text), language: "hoststate", spanOf, innerSpanOf: spanOf };
}
