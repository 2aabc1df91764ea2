/** One declaration from two: as a file states it, and as a source shows it. */
import { child, nameOf } from "./access.ts";
import type { Decl } from "./decl.ts";

/**
 * The stated declaration, completed by the declarations that only the source shows. A statement without a name replaces
 * the statements of the source with the same keyword; declarations with the same name are completed in turn.
 */
export function completed(stated: Decl, shown: Decl): Decl {
  const named = new Map(shown.children.flatMap((one) => (keyOf(one) === undefined ? [] : [[keyOf(one), one]])));
  const used = new Set<Decl>();
  const own = stated.children.map((one) => {
    const same = keyOf(one) === undefined ? undefined : named.get(keyOf(one));
    if (same === undefined || used.has(same)) return one;
    used.add(same);
    return completed(one, same);
  });
  const added = shown.children.filter((one) => !used.has(one) && !isStated(stated, one));
  if (used.size === 0 && added.length === 0) return stated;
  return withChildren(stated, [...own, ...added]);
}

/** "node n1"; undefined for declarations that define no name. */
function keyOf(decl: Decl): string | undefined {
  const name = decl.spec?.defines && nameOf(decl);
  return name === undefined ? undefined : `${decl.spec?.keyword} ${name}`;
}

function isStated(stated: Decl, one: Decl): boolean {
  const keyword = one.spec?.keyword;
  return keyword !== undefined && one.spec?.defines === undefined && child(stated, keyword) !== undefined;
}

function withChildren(decl: Decl, children: readonly Decl[]): Decl {
  const problemCount = children.reduce((sum, one) => sum + one.problemCount, decl.problems.length);
  return { ...decl, children, block: true, problemCount };
}
