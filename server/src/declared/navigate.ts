/** Navigates from a location to related declarations and values. */

import type { Prefix } from "../addressing/ip.ts";
import { child, childrenOf } from "./access.ts";
import type { Decl } from "./decl.ts";
import { type Handle, type Part, partOf } from "./handle.ts";
import { type Origin, sourceIn } from "./origin.ts";
import type { Read } from "./values.ts";

export function sourceAt({ file, decl }: Origin, part: Part): Origin {
  return { file, decl, part };
}

/** The value at the location; undefined for a whole declaration and its keyword. */
export function readAt({ decl, part }: Origin): Read | undefined {
  if (part === "whole" || part === "keyword") return undefined;
  const [index, item] = typeof part === "number" ? [part, undefined] : part;
  return decl.values.find((read) => read.index === index && read.item === item);
}

export function keywordOf({ decl }: Origin): string | undefined {
  return decl.spec?.keyword;
}

/** The first value of this argument; undefined if it is not set. */
export function argument(source: Origin, name: string): Origin | undefined {
  const read = source.decl.values.find((one) => one.name === name);
  return read && sourceAt(source, partOf(read));
}

/** The prefix at the location, if it is one. */
export function prefixAt(source: Origin | undefined): Prefix | undefined {
  const value = source && readAt(source)?.value;
  return value?.kind === "prefix" ? value.prefix : undefined;
}

/** The first value that is a prefix. */
export function prefixIn(source: Origin): Origin | undefined {
  const read = source.decl.values.find(({ value }) => value.kind === "prefix");
  return read && sourceAt(source, partOf(read));
}

/** The first value with a wanted text if the source is a whole declaration; otherwise the source itself. */
export function argumentWith(source: Origin, isWanted: (text: string) => boolean): Origin {
  if (source.part !== "whole") return source;
  const read = source.decl.values.find(({ text }) => isWanted(text));
  return read === undefined ? source : sourceAt(source, partOf(read));
}

/** The declaration with this keyword in the block of `source`; `source` itself if it does not exist. */
export function childOf(source: Origin, keyword: string, part: Part = "whole"): Origin {
  const found = child(source.decl, keyword);
  return found ? sourceIn(source, found, partIn(found, part)) : source;
}

export function hasChild({ decl }: Origin, keyword: string): boolean {
  return child(decl, keyword) !== undefined;
}

/** All declarations with this keyword in the block of `source`. */
export function childrenAt(source: Origin, keyword: string): readonly Origin[] {
  return childrenOf(source.decl, keyword).map((one) => sourceIn(source, one));
}

function partIn({ values }: Decl, part: Part): Part {
  return typeof part === "number" && !values.some(({ index }) => index === part) ? "whole" : part;
}

/** The part to underline instead of a whole block: the first argument (the name), or the keyword. */
export function headOf(source: Origin): Origin {
  if (source.part !== "whole" || !source.decl.block) return source;
  return sourceAt(source, source.decl.values.length > 0 ? 0 : "keyword");
}

/** Whether the declaration is `wanted`, or `wanted` is in its block. */
export function holds(root: Decl, wanted: Handle): boolean {
  return root.handle === wanted || root.children.some((one) => holds(one, wanted));
}

/** The first declaration in the block, at any depth, that is wanted. */
export function within(root: Decl, isWanted: (one: Decl) => boolean): Decl | undefined {
  for (const one of root.children) {
    const found = isWanted(one) ? one : within(one, isWanted);
    if (found) return found;
  }
  return undefined;
}

/** A placeholder for files without declarations and for locations outside declarations. */
export const NO_DECL: Decl = {
  handle: {} as Handle,
  spec: undefined,
  values: [],
  children: [],
  block: false,
  problems: [],
  problemCount: 0,
};

/** A file as a whole. */
export function fileOrigin(file: string): Origin {
  return { file, decl: NO_DECL, part: "whole" };
}

/** " out": the direction of an access list rule, with a leading space; "" if the rule has no direction. */
export function directionIn({ values }: Decl): string {
  const direction = values.find(({ name }) => name === "direction");
  return direction ? ` ${direction.text}` : "";
}
