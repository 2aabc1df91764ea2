/** Declarations from values: for front ends whose files are not statements. */

import { contextInside } from "./access.ts";
import { withBlock } from "./block.ts";
import type { Decl, DeclProblem } from "./decl.ts";
import { type Handle, type Part, partOf } from "./handle.ts";
import { readValue, unreadProblem } from "./reading.ts";
import { isFlag, specFor } from "./schema/index.ts";
import type { ArgSpec, Context, KeywordSpec } from "./schema/types.ts";
import type { Read, Value } from "./values.ts";

/** A text that the schema's type reads, or a value with its text. */
export type Given = string | { readonly text: string; readonly value: Value };

/** By argument name; `true` sets a flag. Arguments and items are numbered in this order (`Read.index`, `Read.item`). */
export type Arguments = Readonly<Record<string, Given | readonly Given[] | true | undefined>>;

/** A declaration to build. */
export interface Draft {
  readonly keyword: string;
  readonly args?: Arguments;
  readonly children?: readonly Draft[];
  readonly handle: Handle;
  readonly file: string;
}

/** Throws if the context has no such keyword or argument, which is a bug of the front end. */
export function declare(draft: Draft, context: Context = "file"): Decl {
  const spec = specFor(context, draft.keyword);
  if (!spec) throw new Error(`${draft.keyword} is not allowed in ${context}`);
  const { values, problems } = readArguments(spec, draft.args ?? {});
  const inner = contextInside({ spec, values });
  const children = inner === undefined ? [] : (draft.children ?? []).map((child) => declare(child, inner));
  const block = inner !== undefined && draft.children !== undefined;
  return withBlock({ handle: draft.handle, file: draft.file, spec, values, children, block, problems });
}

interface Reading {
  readonly values: readonly Read[];
  readonly problems: readonly DeclProblem[];
}

function readArguments(spec: KeywordSpec, args: Arguments): Reading {
  const values: Read[] = [];
  const problems: DeclProblem[] = [];
  for (const [index, [name, given]] of Object.entries(args).entries()) {
    const arg = spec.args.find((one) => one.name === name);
    if (given === undefined) continue;
    if (arg === undefined) throw new Error(`${spec.keyword} has no argument ${name}`);
    if (isFlag(arg) || given === true) {
      values.push({ name, value: { kind: "flag" }, text: name, index, item: undefined });
      continue;
    }
    const list: readonly Given[] = isList(given) ? given : [given];
    for (const [at, one] of list.entries()) {
      const item = isList(given) ? at : undefined;
      const read = typeof one === "string" ? readText(spec, arg, one, partOf({ index, item })) : one;
      if ("code" in read) problems.push(read);
      else values.push({ name, ...read, index, item });
    }
  }
  return { values, problems };
}

function isList(given: Given | readonly Given[]): given is readonly Given[] {
  return Array.isArray(given);
}

function readText(
  spec: KeywordSpec,
  arg: ArgSpec,
  text: string,
  part: Part,
): { readonly text: string; readonly value: Value } | DeclProblem {
  const value = readValue(arg.type, text);
  if (value.kind !== "unread") return { text, value };
  // A prefix with host bits is usable.
  if (value.value !== undefined) return { text, value: value.value };
  return unreadProblem(spec, arg, part, value);
}
