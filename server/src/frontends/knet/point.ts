/** The declarations, the token, and the syntax at an offset of a `.knet` file. */
import type { Decl } from "../../declared/decl.ts";
import type { Point } from "../../declared/document.ts";
import type { Span } from "../../text/span.ts";
import { statementOf } from "./handle.ts";
import { type Path, partArg, positionsOf } from "./positions.ts";
import { isUnclosedString } from "./tokens.ts";
import type { Arg, SyntaxTree } from "./tree.ts";

interface Decoded {
  readonly tree: SyntaxTree;
  readonly decls: readonly Decl[];
}

/** The declarations of the statements of a path, as far as they could be decoded. */
function declsOn({ statements }: Path, decls: readonly Decl[]): readonly Decl[] {
  const found: Decl[] = [];
  let level = decls;
  for (const statement of statements) {
    const decl = level.find((one) => statementOf(one) === statement);
    if (!decl) break;
    found.push(decl);
    level = decl.children;
  }
  return found;
}

export interface KnetPoint extends Point {
  readonly path: Path;
}

export function pointAt({ tree, decls: all }: Decoded, offset: number): KnetPoint {
  const path = positionsOf(tree).path(offset);
  const decls = declsOn(path, all);
  const { statements, starts, part, inComment } = path;
  const start = starts.at(-1);
  const last = statements.at(-1);
  const arg = last === undefined || part === undefined || inComment ? undefined : partArg(last, part);
  if (decls.length < statements.length || start === undefined || part === undefined || !arg)
    return { path, decls, token: undefined };
  const from = start + arg.start;
  const span: Span = { start: from, end: from + arg.length };
  return { path, decls, token: { part, span, inner: innerSpan(arg, start, tree.text), text: arg.text } };
}

/** The span of an argument, without the quotes of a string. `start`: offset of its statement. */
export function innerSpan(arg: Arg, start: number, text: string): Span {
  const from = start + arg.start;
  const to = from + arg.length;
  if (arg.kind !== "string") return { start: from, end: to };
  return { start: from + 1, end: isUnclosedString(text.slice(from, to)) ? to : to - 1 };
}
