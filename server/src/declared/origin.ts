import type { Decl } from "./decl.ts";
import type { Part } from "./handle.ts";

/** The location in a user's file that causes a result. Plain data: only its front end converts it to a text range or an edit. */
export interface Origin {
  /** Identifier of the file: a URI or a path. */
  readonly file: string;
  readonly decl: Decl;
  readonly part: Part;
}

/** The source location of a declaration or of one part of it. */
export function sourceOf(file: string, decl: Decl, part: Part = "whole"): Origin {
  return { file: decl.file ?? file, decl, part };
}

/** The location of a declaration in the same file. */
export function sourceIn({ file }: Origin, decl: Decl, part: Part = "whole"): Origin {
  return sourceOf(file, decl, part);
}
