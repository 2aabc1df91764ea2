/** Problems of a block as a whole, for every front end: statements that are repeated, and statements that are missing. */
import { perItem } from "../memo/list.ts";
import { memo } from "../memo/memo.ts";
import { either } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { contextInside } from "./access.ts";
import type { Decl, DeclProblem } from "./decl.ts";
import { describeContext, schema } from "./schema/index.ts";
import type { Context, KeywordSpec } from "./schema/types.ts";

const nothing: readonly never[] = [];

/** A declaration with the problems of its block as well, and the number of problems inside. */
export function withBlock(parts: Omit<Decl, "problemCount">): Decl {
  const { children, block } = parts;
  const context = block ? contextInside(parts) : undefined;
  const problems = context === undefined ? parts.problems : checkBlock(children, context, parts.problems);
  return { ...parts, problems, problemCount: problems.length + problemsIn(children) };
}

/** Of longer blocks, an edit affects only a few statements. */
const FEW = 64;

function problemsIn(children: readonly Decl[]): number {
  if (children.length > FEW) return sum(problemCounts(children));
  let count = 0;
  for (const child of children) count += child.problemCount;
  return count;
}

const problemCounts = perItem(({ problemCount }: Decl) => problemCount);
const sum = memo((counts: readonly number[]) => counts.reduce((before, count) => before + count, 0));

const specs = perItem(({ spec }: Decl) => spec);
const specsIn = memo((all: readonly (KeywordSpec | undefined)[]) => ({
  present: new Set(all),
  /** Indexes of the statements that can occur only once. */
  once: all.flatMap((spec, index) => (spec?.repeat === "once" ? [index] : [])),
}));

interface Block {
  readonly once: readonly Decl[];
  has(spec: KeywordSpec): boolean;
}

function blockOf(children: readonly Decl[]): Block {
  if (children.length <= FEW) return { once: children, has: (spec) => children.some((child) => child.spec === spec) };
  const { present, once } = specsIn(specs(children));
  return { once: once.flatMap((index) => children[index] ?? []), has: (spec) => present.has(spec) };
}

function checkBlock(
  children: readonly Decl[],
  context: Context,
  found: readonly DeclProblem[],
): readonly DeclProblem[] {
  const problems: DeclProblem[] = [];
  const { once, has } = blockOf(children);
  let firsts: Map<KeywordSpec, Decl> | undefined;
  for (const child of once) {
    const { spec } = child;
    if (spec?.repeat !== "once") continue;
    firsts ??= new Map();
    const first = firsts.get(spec);
    if (first === undefined) {
      firsts.set(spec, child);
      continue;
    }
    const data = { keyword: spec.keyword, context: inContexts([context]) };
    problems.push({ code: "KN008", part: "keyword", data, decl: child, related: [first] });
  }
  for (const spec of required.get(context) ?? nothing) {
    if (has(spec)) continue;
    const data = { keyword: spec.keyword, context: { text: describeContext(context) } };
    problems.push({ code: "KN011", part: "keyword", data });
  }
  return problems.length === 0 ? found : [...found, ...problems];
}

/** "at the top level", "in a `cluster` block", "in a `router` block or a `host` block". */
export function inContexts(contexts: readonly Context[]): string {
  const blocks = contexts.filter((context) => context !== "file").map(describeContext);
  const atTop = blocks.length < contexts.length;
  if (blocks.length === 0) return t`at ${describeContext("file")}`;
  return atTop ? t`at ${describeContext("file")} or in ${either(blocks)}` : t`in ${either(blocks)}`;
}

const required = requiredByContext();

function requiredByContext(): ReadonlyMap<Context, readonly KeywordSpec[]> {
  const groups = new Map<Context, KeywordSpec[]>();
  for (const spec of schema) {
    if (spec.required !== true) continue;
    for (const context of spec.in) groups.set(context, [...(groups.get(context) ?? []), spec]);
  }
  return groups;
}
