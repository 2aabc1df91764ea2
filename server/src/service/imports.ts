/** The imports of files, and the import graph of the open files: which root a file belongs to. */
import { one } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import type { Document } from "../declared/document.ts";
import type { Origin } from "../declared/origin.ts";
import { perItem } from "../memo/list.ts";
import { memo } from "../memo/memo.ts";

/** The statements that read other files: `import` adds declarations of the same kind, the others are sources. */
export type ImportKind = "import" | SourceKind;
export type SourceKind = "manifests" | "network" | "state";

export interface Import {
  readonly kind: ImportKind;
  readonly source: Origin;
  /** As written. */
  readonly path: string;
  /** Undefined if this file must not import the path. */
  readonly target: string | undefined;
}

/** The files that the document imports. `resolve`: the identity of the file that a path refers to. */
export function importsIn(
  { file, decls }: Document,
  resolve: (from: string, path: string) => string | undefined,
): readonly Import[] {
  const inside = decls.flatMap((decl) => (decl.spec?.keyword === "cluster" ? importing(decl.children) : []));
  return [...importing(decls), ...inside].flatMap((decl) => {
    const kind = kindOf(decl);
    const path = kind && one(decl, "path");
    if (kind === undefined || path?.value.kind !== "string") return [];
    const { text } = path.value;
    return { kind, source: { file, decl, part: path.index }, path: text, target: resolve(file, text) };
  });
}

const kinds = perItem(kindOf);
const places = memo((all: readonly (ImportKind | undefined)[]) =>
  all.flatMap((kind, index) => (kind === undefined ? [] : [index])),
);

function importing(decls: readonly Decl[]): readonly Decl[] {
  return places(kinds(decls)).flatMap((index) => decls[index] ?? []);
}

function kindOf({ spec }: Decl): ImportKind | undefined {
  switch (spec?.keyword) {
    case "import":
    case "manifests":
    case "network":
    case "state":
      return spec.keyword;
    default:
      return undefined;
  }
}

/** Whether a file in the folder of a source belongs to it; a dump also contains logs. */
export function isRead(kind: SourceKind, file: string): boolean {
  switch (kind) {
    case "manifests":
      return /\.(?:ya?ml|json)$/i.test(file);
    case "network":
      return /\.(?:json|tfstate)$/i.test(file);
    case "state":
      return !/\.(?:log|gz|knet)$/i.test(file);
  }
}

/** The files that a file imports; unreadable files are omitted. */
export type ImportsOf = (file: string) => readonly string[];

/**
 * The root of each file that can be reached from the open files: the open file that no other file imports, directly or
 * indirectly. If several roots import a file, or if files import each other, the first in name order is the root. Linear in
 * the number of imports.
 */
export function rootsOf(open: readonly string[], importsOf: ImportsOf): ReadonlyMap<string, string> {
  const order = finishOrder(open, importsOf);
  const importers = new Map<string, string[]>();
  for (const file of order) {
    for (const target of importsOf(file)) {
      const known = importers.get(target);
      if (known) known.push(file);
      else importers.set(target, [file]);
    }
  }
  // A file that finishes after everything else that is still unreached has no importer outside its import cycle (Kosaraju).
  const reached = new Set<string>();
  const isOpen = new Set(open);
  const roots: string[] = [];
  for (let at = order.length - 1; at >= 0; at--) {
    const file = order[at]!;
    if (reached.has(file)) continue;
    visit(file, importsOf, (one) => reached.size < reached.add(one).size);
    const cycle = new Set<string>();
    visit(
      file,
      (one) => importers.get(one) ?? [],
      (one) => cycle.size < cycle.add(one).size,
    );
    roots.push([...cycle].filter((one) => isOpen.has(one)).sort()[0] ?? file);
  }
  const rootOf = new Map<string, string>();
  for (const root of roots.sort()) {
    visit(root, importsOf, (file) => {
      if (rootOf.has(file)) return false;
      rootOf.set(file, root);
      return true;
    });
  }
  return rootOf;
}

/** Visits a file and all files that it imports. `enter` returns false for a file that was visited before. */
function visit(start: string, next: ImportsOf, enter: (file: string) => boolean): void {
  const stack = [start];
  for (let file = stack.pop(); file !== undefined; file = stack.pop()) {
    if (!enter(file)) continue;
    for (const target of next(file)) stack.push(target);
  }
}

/** All files in depth-first order, each after the files that it imports. Without recursion: an import chain can be long. */
function finishOrder(open: readonly string[], importsOf: ImportsOf): readonly string[] {
  const order: string[] = [];
  const seen = new Set<string>();
  for (const start of open) {
    if (seen.has(start)) continue;
    seen.add(start);
    const stack = [{ file: start, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const target = importsOf(top.file)[top.next];
      top.next += 1;
      if (target === undefined) {
        order.push(top.file);
        stack.pop();
      } else if (!seen.has(target)) {
        seen.add(target);
        stack.push({ file: target, next: 0 });
      }
    }
  }
  return order;
}
