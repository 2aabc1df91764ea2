/**
 * The read arguments of one statement, by name: plain entries, searched from the first. A statement has one to four of them
 * and a large file tens of thousands of statements; a Map for each would be most of the memory.
 */
import type { Read } from "./values.ts";

export interface ReadArgument {
  readonly name: string;
  /** One entry a value; a flag has none. */
  readonly reads: readonly Read[];
}

/** Undefined: the argument is not there. */
export function readsOf(values: readonly ReadArgument[], name: string): readonly Read[] | undefined {
  for (const argument of values) if (argument.name === name) return argument.reads;
  return undefined;
}
