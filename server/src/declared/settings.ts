/** Reads settings: declarations with one value in blocks of settings. */
import type { Ip, Prefix } from "../addressing/ip.ts";
import { type Origin, sourceIn } from "./origin.ts";
import type { Value, ValueKind } from "./values.ts";

/** Blocks in order of precedence; a setting of an earlier block hides the same setting of the later blocks. */
export type Settings = readonly Origin[];

export type Setting = Pick<Origin, "decl">;

/** All declarations with this keyword, from the first block that has one. */
export function statements(settings: Settings, keyword: string): readonly Origin[] {
  for (const block of settings) {
    const found = block.decl.children.filter((child) => child.spec?.keyword === keyword);
    if (found.length > 0) return found.map((child) => sourceIn(block, child));
  }
  return [];
}

export function statement(settings: Settings, keyword: string): Origin | undefined {
  return statements(settings, keyword)[0];
}

/** The first value of this kind, regardless of the argument's name. */
function firstOf<K extends ValueKind>(setting: Setting | undefined, kind: K): Extract<Value, { kind: K }> | undefined {
  if (!setting) return undefined;
  for (const { value } of setting.decl.values) if (isKind(value, kind)) return value;
  return undefined;
}

function isKind<K extends ValueKind>(value: Value, kind: K): value is Extract<Value, { kind: K }> {
  return value.kind === kind;
}

export function numberIn(setting: Setting | undefined): number | undefined {
  return firstOf(setting, "number")?.value;
}

/** `learning` alone is equivalent to `learning true`; an invalid value is equivalent to no setting. */
export function booleanIn(setting: Setting | undefined, otherwise: boolean): boolean {
  if (!setting) return otherwise;
  const isAlone = setting.decl.values.length === 0 && setting.decl.problems.length === 0;
  return firstOf(setting, "boolean")?.value ?? (isAlone ? true : otherwise);
}

export function wordIn(setting: Setting | undefined): string | undefined {
  return firstOf(setting, "word")?.text ?? firstOf(setting, "name")?.text ?? firstOf(setting, "string")?.text;
}

export function lengthIn(setting: Setting | undefined): number | undefined {
  return firstOf(setting, "length")?.len ?? numberIn(setting);
}

export function addressIn(setting: Setting | undefined): Ip | undefined {
  return firstOf(setting, "address")?.ip ?? firstOf(setting, "interface-address")?.ip;
}

export function prefixesIn(setting: Setting): readonly Prefix[] {
  const prefixes: Prefix[] = [];
  for (const { value } of setting.decl.values) if (value.kind === "prefix") prefixes.push(value.prefix);
  return prefixes;
}
