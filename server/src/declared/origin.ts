import type { Decl } from "./decl.ts";
import type { Part } from "./handle.ts";

/** The location in a user's file that causes a result. Plain data: only its front end converts it to a text range or an edit. */
export interface Origin {
  /** Identifier of the file: a URI or a path. */
  readonly file: string;
  readonly decl: Decl;
  readonly part: Part;
}
