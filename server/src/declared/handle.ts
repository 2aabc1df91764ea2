/** What the rest of knet knows about the place of a declaration in its file. */

declare const handle: unique symbol;

/**
 * What a front end read a declaration from: a statement, an object of a manifest. Only that front end can look inside;
 * for all others, two declarations with the same handle are the same declaration, also in a later analysis.
 */
export interface Handle {
  readonly [handle]: never;
}

/**
 * A part of a declaration: the whole, its keyword, a value (`Read.index`), or an item of a list (`Read.item`).
 */
export type Part = "whole" | "keyword" | number | readonly [index: number, item: number];

/** The part of a declaration that a value was read from. */
export function partOf({ index, item }: { readonly index: number; readonly item: number | undefined }): Part {
  return item === undefined ? index : [index, item];
}
