/** The handles of this front end are statements. */

import type { Decl } from "../../declared/decl.ts";
import type { Handle } from "../../declared/handle.ts";
import type { Read } from "../../declared/values.ts";
import type { Arg, Statement } from "./tree.ts";

export function handleOf(statement: Statement): Handle {
  return statement as object as Handle;
}

/** The statement of a declaration; only for declarations of a `.knet` file. */
export function statementOf({ handle }: { readonly handle: Handle }): Statement {
  return handle as object as Statement;
}

/** The argument that a value was read from. */
export function argOf(decl: Decl, { index, item }: Read): Arg {
  const arg = statementOf(decl).args[index]!;
  return item === undefined ? arg : (arg.items?.[item] ?? arg);
}
