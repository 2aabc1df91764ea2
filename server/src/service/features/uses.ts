/** The name that a declaration defines, and the names that it uses, derived from the schema. */

import { all, one } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import { partOf } from "../../declared/handle.ts";
import { RANK } from "../../declared/naming.ts";
import { sourceOf } from "../../declared/origin.ts";
import {
  type ArgSpec,
  blockContexts,
  isFlag,
  type KeywordSpec,
  keywordsIn,
  type SymbolKind,
} from "../../declared/schema/index.ts";
import type { NamedSymbol, NameUse } from "./symbol.ts";

/** All kinds except services, which send nothing. */
export const SENDERS: readonly SymbolKind[] = Object.keys(RANK)
  .filter((kind) => kind !== "service")
  .filter(isKind);

function isKind(text: string): text is SymbolKind {
  return text in RANK;
}

/** The properties of a schema row that concern names, computed once. */
interface Shape {
  readonly defines: SymbolKind | undefined;
  /** The argument that turns the name into a pool. */
  readonly index: string | undefined;
  readonly refers: readonly ArgSpec[];
  /** Whether a nested statement can define a name. */
  readonly holdsNames: boolean;
}

const NO_SHAPE: Shape = { defines: undefined, index: undefined, refers: [], holdsNames: false };
const shapes = new WeakMap<KeywordSpec, Shape>();

function shapeOf({ spec }: Decl): Shape {
  if (!spec) return NO_SHAPE;
  let shape = shapes.get(spec);
  if (!shape) {
    const args = spec.args.filter((arg): arg is ArgSpec => !isFlag(arg));
    shape = {
      defines: spec.defines,
      index: args.find(({ type }) => type.kind === "index-range")?.name,
      refers: args.filter(({ type }) => type.kind === "ref" || type.kind === "endpoint" || isAlias(type)),
      holdsNames: holdsNames(spec, new Set()),
    };
    shapes.set(spec, shape);
  }
  return shape;
}

function holdsNames(spec: KeywordSpec, seen: Set<KeywordSpec>): boolean {
  if (seen.has(spec)) return false;
  seen.add(spec);
  const inner = blockContexts(spec).flatMap((context) => [...keywordsIn(context).values()]);
  return inner.some((one) => one.defines !== undefined || holdsNames(one, seen));
}

/** Whether a declaration in the block can define a name. */
export function canHoldNames(decl: Decl): boolean {
  return decl.children.length > 0 && shapeOf(decl).holdsNames;
}

/** The name of the symbol that the declaration defines. */
export function definedName(decl: Decl): string | undefined {
  const read = shapeOf(decl).defines && one(decl, "name");
  return read?.value.kind === "name" ? read.value.text : undefined;
}

/** The symbol that the declaration defines. */
export function definedBy(file: string, decl: Decl, parent: NamedSymbol | undefined): NamedSymbol | undefined {
  const { defines, index } = shapeOf(decl);
  const read = defines && one(decl, "name");
  if (!defines || read?.value.kind !== "name") return undefined;
  const range = index === undefined ? undefined : one(decl, index)?.value;
  return {
    kind: defines,
    name: read.value.text,
    parent,
    decl,
    source: sourceOf(file, decl, partOf(read)),
    range: range?.kind === "index-range" ? range : undefined,
  };
}

/** The names that the declaration uses. `scope`: the symbol that contains it. */
export function usesOf(file: string, decl: Decl, scope: NamedSymbol | undefined): readonly NameUse[] {
  const { refers } = shapeOf(decl);
  return refers.flatMap(({ name, type }) =>
    all(decl, name).flatMap((read): readonly NameUse[] => {
      const { value } = read;
      const source = sourceOf(file, decl, partOf(read));
      const use = { source, scope };
      if (value.kind === "ref" && type.kind === "ref" && value.address === undefined)
        return [{ ...use, path: value.path, kinds: type.to, dns: false, withKind: type.withKind === true }];
      if (value.kind === "endpoint" && value.address === undefined)
        return [{ ...use, path: value.path.split("/"), kinds: sends(type) ? SENDERS : [], dns: true, withKind: true }];
      if (value.kind === "name") return [{ ...use, path: [value.text], kinds: ["host"], dns: true, withKind: true }];
      return [];
    }),
  );
}

function isAlias(type: ArgSpec["type"]): boolean {
  return type.kind === "name" && type.alias === true;
}

function sends(type: ArgSpec["type"]): boolean {
  return type.kind === "endpoint" && !type.port;
}
