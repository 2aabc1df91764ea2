/** A file as its front end presents it: all that the layers above know about a file. */
import type { TextEdit } from "../text/edit.ts";
import type { Span } from "../text/span.ts";
import type { Change } from "./change.ts";
import type { Decl } from "./decl.ts";
import type { FaultKind, FileProblem } from "./file-problem.ts";
import type { Part } from "./handle.ts";
import type { Origin } from "./origin.ts";

export interface Document {
  /** Identifier of the file: a URI or a path. */
  readonly file: string;
  /** The name of its front end. */
  readonly language: string;
  readonly text: string;
  readonly decls: readonly Decl[];
  /** Text that is not in the language. */
  faults(): readonly Fault[];
  /** What the front end could not read, or had to assume. */
  problems(): readonly FileProblem[];
  /** Comments that suppress findings. */
  silences(): readonly Silence[];
  /** Span of a location in the text; undefined if the location is not in this version of the file. */
  spanOf(source: Origin): Span | undefined;
  /** The same without the quotes around a value. */
  innerSpanOf(source: Origin): Span | undefined;
  pointAt(offset: number): Point;
  /** Finds the positions of all these locations in one walk, before they are needed. */
  prepare(sources: readonly Origin[]): void;
  /** The text edit for a change; undefined if the file cannot express the change. */
  render(change: Change): TextEdit | undefined;
  /** The file after edits, which do not overlap. Declarations that they do not touch keep their handles. */
  edited(edits: readonly TextEdit[]): Document;
}

/** The declarations and the token at an offset of a text. */
export interface Point {
  /** The declarations that contain the offset, outermost first. */
  readonly decls: readonly Decl[];
  /** Undefined between declarations and in comments. */
  readonly token: Token | undefined;
}

/** The part of the innermost declaration that contains or touches an offset. */
export interface Token {
  readonly part: Part;
  readonly span: Span;
  /** The same without quotes. */
  readonly inner: Span;
  /** As written, without quotes. */
  readonly text: string;
}

export interface Fault {
  readonly kind: FaultKind;
  /** The text that does not fit. */
  readonly text: string;
  readonly span: Span;
  /** The declaration that contains the fault, or one near it. */
  readonly source: Origin;
  /** Undefined if no single change repairs it. */
  readonly repair: Change | undefined;
}

/** A comment that suppresses findings. */
export interface Silence {
  readonly file: string;
  readonly comment: Span;
  readonly codes: readonly string[];
  readonly reason: string;
  /** Undefined if nothing follows the comment. */
  readonly scope: Span | undefined;
}
