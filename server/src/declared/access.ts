/** Typed access to declarations: their statements, arguments, and settings. */

import type { Ip } from "../addressing/ip.ts";
import type { Decl } from "./decl.ts";
import { partOf } from "./handle.ts";
import { type Origin, sourceOf } from "./origin.ts";
import type { Context } from "./schema/types.ts";
import { addressIn, booleanIn, numberIn, type Setting, wordIn } from "./settings.ts";
import type { Read, Value, ValueKind } from "./values.ts";

const nothing: readonly never[] = [];

export type ValueOf<K extends ValueKind> = Extract<Value, { readonly kind: K }>;

/** The first value of an argument. */
export function one(decl: Pick<Decl, "values"> | undefined, argument: string): Read | undefined {
  if (decl === undefined) return undefined;
  for (const read of decl.values) if (read.name === argument) return read;
  return undefined;
}

/** All values of an argument. */
export function all(decl: Decl | undefined, argument: string): readonly Read[] {
  if (decl === undefined) return nothing;
  const { values } = decl;
  return values.every(({ name }) => name === argument) ? values : values.filter(({ name }) => name === argument);
}

/** The first value of an argument if it has this kind. */
export function oneOf<K extends ValueKind>(
  decl: Pick<Decl, "values"> | undefined,
  argument: string,
  kind: K,
): ValueOf<K> | undefined {
  const value = one(decl, argument)?.value;
  return value !== undefined && isKind(value, kind) ? value : undefined;
}

function isKind<K extends ValueKind>(value: Value, kind: K): value is ValueOf<K> {
  return value.kind === kind;
}

/** The first statement with this keyword in the block. */
export function child(decl: Decl | undefined, keyword: string): Decl | undefined {
  return decl?.children.find((candidate) => candidate.spec?.keyword === keyword);
}

/** All statements with this keyword in the block, in order. */
export function childrenOf(decl: Decl | undefined, keyword: string): readonly Decl[] {
  if (decl === undefined || decl.children.length === 0) return nothing;
  return decl.children.filter((candidate) => candidate.spec?.keyword === keyword);
}

/** Whether the argument or flag is present. */
export function has(decl: Decl | undefined, argument: string): boolean {
  return one(decl, argument) !== undefined;
}

/** The name that the statement defines. */
export function nameOf(decl: Decl): string | undefined {
  return oneOf(decl, "name", "name")?.text;
}

/** The number in the declaration with this keyword in the block: `vni 1` → 1. The following functions work the same way. */
export function numberOf(decl: Decl | undefined, keyword: string): number | undefined {
  return numberIn(settingOf(decl, keyword));
}

/** `strict-arp` alone is equivalent to `strict-arp true`. */
export function booleanOf(decl: Decl | undefined, keyword: string, otherwise: boolean): boolean {
  return booleanIn(settingOf(decl, keyword), otherwise);
}

/** `backend vxlan` → "vxlan" */
export function wordOf(decl: Decl | undefined, keyword: string): string | undefined {
  return wordIn(settingOf(decl, keyword));
}

export function addressOf(decl: Decl | undefined, keyword: string): Ip | undefined {
  return addressIn(settingOf(decl, keyword));
}

function settingOf(decl: Decl | undefined, keyword: string): Setting | undefined {
  const found = child(decl, keyword);
  return found && { decl: found };
}

/**
 * The context of the block of a declaration; undefined if it takes no block, or if the argument that determines the context
 * is missing.
 */
export function contextInside({ spec, values }: Pick<Decl, "spec" | "values">): Context | undefined {
  if (spec?.block === undefined || typeof spec.block === "string") return spec?.block;
  const choice = oneOf({ values }, spec.block.by, "word")?.text;
  return choice === undefined ? undefined : spec.block.contexts[choice];
}

/** The source location of a value. */
export function sourceOfRead(file: string, decl: Decl, read: Read): Origin {
  return sourceOf(file, decl, partOf(read));
}

/** Whether a part of the declaration has no value. A prefix with host bits (KN014) has one: the masked prefix. */
export function isBroken({ problems }: Decl): boolean {
  return problems.some(({ code }) => code !== "KN014");
}
