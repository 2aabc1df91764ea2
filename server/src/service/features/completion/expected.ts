/** The arguments and literals that can follow the tokens before the cursor. */

import { all } from "../../../declared/access.ts";
import type { Decl } from "../../../declared/decl.ts";
import { type ArgSpec, type FlagSpec, isFlag, type KeywordSpec } from "../../../declared/schema/index.ts";
import { statementOf } from "../../../frontends/knet/handle.ts";
import type { Arg } from "../../../frontends/knet/tree.ts";

export interface Literal {
  readonly text: string;
  readonly summary: string;
  readonly followed: boolean;
}

interface Expected {
  readonly values: readonly ArgSpec[];
  readonly literals: readonly Literal[];
}

/** What can follow the arguments `before`, which are read in the same way as in `decode`. */
export function expectedAt(decl: Decl, spec: KeywordSpec, before: readonly Arg[]): Expected {
  const readBy = new Map<Arg, ArgSpec>();
  for (const arg of spec.args) {
    if (isFlag(arg)) continue;
    for (const read of all(decl, arg.name)) {
      const outer = statementOf(decl).args[read.index];
      if (outer) readBy.set(outer, arg);
    }
  }
  const positional = spec.args.filter((arg): arg is ArgSpec => !isFlag(arg) && arg.after === undefined);
  const used = new Set<ArgSpec | FlagSpec>();
  let open: ArgSpec | undefined;
  let waiting = false;
  let rest: { readonly arg: ArgSpec; readonly words: readonly string[] } | undefined;
  for (let index = 0; index < before.length; index++) {
    const word = before[index];
    if (!word) break;
    // `in` alone is a direction, `in eth0` a device.
    const literal = readBy.has(word) ? undefined : literalIn(spec, word);
    rest = undefined;
    if (literal && isFlag(literal)) {
      used.add(literal);
      open = undefined;
      waiting = false;
    } else if (literal) {
      let missing = literal.after?.split(" ").slice(1) ?? [];
      while (missing.length > 0 && before[index + 1]?.text === missing[0]) {
        missing = missing.slice(1);
        index += 1;
      }
      if (missing.length > 0) rest = { arg: literal, words: missing };
      open = literal;
      waiting = true;
    } else {
      const target = waiting ? open : (readBy.get(word) ?? open ?? positional.find((arg) => !used.has(arg)));
      if (target) used.add(target);
      // Earlier positional arguments are skipped.
      const at = target ? positional.indexOf(target) : -1;
      for (const earlier of positional.slice(0, Math.max(at, 0))) used.add(earlier);
      open = target?.many === true ? target : undefined;
      waiting = false;
    }
  }
  if (rest)
    return { values: [], literals: [{ text: rest.words.join(" "), summary: rest.arg.summary, followed: true }] };
  if (waiting && open) {
    // `from namespaces team=a`: the peer can begin with a different literal, but not with the one for the ports.
    const others = spec.args.filter((arg) => isFlag(arg) || (arg.after !== undefined && arg.type.kind !== "ports"));
    return {
      values: [open],
      literals: open.opens === true ? literalsOf(others.filter((arg) => !used.has(arg) && arg !== open)) : [],
    };
  }

  const expected: ArgSpec[] = open ? [open] : [];
  const last = before.at(-1);
  const started = last && literalIn(spec, last);
  if (started && !isFlag(started) && !used.has(started) && !open) expected.push(started);
  let mayEnd = true;
  for (const arg of positional) {
    if (used.has(arg)) continue;
    expected.push(arg);
    if (arg.optional !== true) {
      mayEnd = false;
      break;
    }
  }
  if (!mayEnd) return { values: expected, literals: [] };
  const names = new Set([...used].map(({ name }) => name));
  const excluded = (spec.atMostOneOf ?? []).some((name) => names.has(name))
    ? new Set(spec.atMostOneOf)
    : new Set<string>();
  // `expect a`: only the arrow can follow. `rule`: what the row lists before the mandatory `lookup` can precede it.
  const needed = spec.args.findIndex((arg) => !isFlag(arg) && arg.optional !== true && !used.has(arg));
  const left = needed < 0 ? spec.args : spec.args.slice(0, needed + 1);
  const literals = literalsOf(left.filter((arg) => !used.has(arg) && !excluded.has(arg.name)));
  return { values: expected, literals: literals.filter(({ text }) => !expected.some((arg) => isChoice(arg, text))) };
}

/** `in` is both a direction and the literal of an interface. */
function isChoice({ type }: ArgSpec, text: string): boolean {
  return type.kind === "enum" && type.values.some(({ value }) => value === text);
}

/** The argument that a word introduces, or the flag. */
function literalIn(spec: KeywordSpec, word: Arg): ArgSpec | FlagSpec | undefined {
  return spec.args.find((arg) => (isFlag(arg) ? arg.name : arg.after?.split(" ")[0]) === word.text);
}

function literalsOf(args: readonly (ArgSpec | FlagSpec)[]): readonly Literal[] {
  return args.flatMap((arg): readonly Literal[] => {
    const text = isFlag(arg) ? arg.name : arg.after;
    return text === undefined ? [] : [{ text, summary: arg.summary, followed: !isFlag(arg) }];
  });
}
