/** Values of a dump together with the field that shows each of them. */
import { parse as parseYaml } from "yaml";
import { hostPrefix, type Prefix, parseIp, parsePrefix } from "../../addressing/ip.ts";
import type { Arguments, Draft } from "../../declared/build.ts";
import { at, type Json, listAt, type Path, textAt } from "../../text/json.ts";
import { annotationsOf, drafted, groupOf, type KubeObject } from "./object.ts";

/** A value with the field that shows it. */
export interface Evidence<T> {
  readonly value: T;
  readonly object: KubeObject;
  /** Can continue inside of a string that is YAML or JSON. */
  readonly path: Path;
}

/** The objects of a cluster. */
export interface Objects {
  readonly all: readonly KubeObject[];
  readonly nodes: readonly KubeObject[];
  /** Without ended ones. */
  readonly pods: readonly KubeObject[];
}

/** The objects of a cluster, by kind. */
export interface Dump extends Objects {
  ofKind(kind: string): readonly KubeObject[];
}

export function dumpOf(objects: Objects): Dump {
  const kinds = new Map<string, KubeObject[]>();
  for (const object of objects.all) {
    const known = kinds.get(object.kind);
    if (known) known.push(object);
    else kinds.set(object.kind, [object]);
  }
  return { ...objects, ofKind: (kind) => kinds.get(kind) ?? [] };
}

/** The objects of a kind of an API group, of any version. `group` can be the end of the name: "projectcalico.org". */
export function resources(dump: Dump, kind: string, group: string): readonly KubeObject[] {
  return dump.ofKind(kind).filter((object) => groupOf(object).endsWith(group));
}

/** The resource with this name; FelixConfiguration `default`. */
export function resource(dump: Dump, kind: string, group: string, name: string): KubeObject | undefined {
  return resources(dump, kind, group).find((object) => object.name === name);
}

/* ------------------------------------------------------------------ fields */

/** The text of a field. */
export function textOf(object: KubeObject | undefined, ...path: Path): Evidence<string> | undefined {
  const value = object && textAt(object.value, ...path);
  return object && value !== undefined ? { value, object, path } : undefined;
}

/** Whether a field is true or false. */
export function flagOf(object: KubeObject | undefined, ...path: Path): Evidence<boolean> | undefined {
  const value = object && at(object.value, ...path);
  return object && typeof value === "boolean" ? { value, object, path } : undefined;
}

/** The texts of a list, and of a single text. */
export function textsOf(object: KubeObject | undefined, ...path: Path): readonly Evidence<string>[] {
  if (!object) return [];
  const found = at(object.value, ...path);
  if (typeof found === "string") return [{ value: found, object, path }];
  return listAt(object.value, ...path).flatMap((one, index) =>
    typeof one === "string" ? { value: one, object, path: [...path, index] } : [],
  );
}

export function annotationOf(object: KubeObject, name: string): Evidence<string> | undefined {
  const value = annotationsOf(object).get(name);
  return value === undefined ? undefined : { value, object, path: ["metadata", "annotations", name] };
}

/** Inside of a document that is itself a string; see `parsed`. */
export function inside(document: Evidence<Json> | undefined, ...path: Path): Evidence<Json> | undefined {
  const value = document && at(document.value, ...path);
  return document && value !== undefined && value !== null
    ? { ...document, value, path: [...document.path, ...path] }
    : undefined;
}

export function textIn(document: Evidence<Json> | undefined, ...path: Path): Evidence<string> | undefined {
  const found = inside(document, ...path);
  if (!found || (typeof found.value !== "string" && typeof found.value !== "number")) return undefined;
  return { ...found, value: String(found.value) };
}

export function flagIn(document: Evidence<Json> | undefined, ...path: Path): Evidence<boolean> | undefined {
  const found = inside(document, ...path);
  return found && typeof found.value === "boolean" ? { ...found, value: found.value } : undefined;
}

export function textsIn(document: Evidence<Json> | undefined, ...path: Path): readonly Evidence<string>[] {
  const found = inside(document, ...path);
  if (!found) return [];
  if (typeof found.value === "string") return [{ ...found, value: found.value }];
  return listAt(found.value).flatMap((one, index) =>
    typeof one === "string" ? { ...found, value: one, path: [...found.path, index] } : [],
  );
}

/** A document inside of a string; undefined if it is not valid YAML or JSON, or a scalar. */
export function parsed(evidence: Evidence<string> | undefined): Evidence<Json> | undefined {
  if (!evidence) return undefined;
  try {
    const value = parseYaml(evidence.value, { maxAliasCount: 100, uniqueKeys: false, logLevel: "silent" }) as Json;
    return typeof value === "object" && value !== null ? { ...evidence, value } : undefined;
  } catch {
    return undefined;
  }
}

/** The key of a ConfigMap; `names` in the order of preference. */
export function configMap(dump: Dump, names: readonly string[], key: string): Evidence<string> | undefined {
  const maps = dump.ofKind("ConfigMap");
  for (const name of names) {
    const found = textOf(
      maps.find((object) => object.name === name),
      "data",
      key,
    );
    if (found) return found;
  }
  return undefined;
}

/** The prefixes of a text: separated by commas or blanks. */
export function prefixesIn(text: string): readonly Prefix[] {
  return text.split(/[\s,]+/).flatMap((one) => parsePrefix(one)?.prefix ?? []);
}

/** The prefixes of a list of networks, in which an address alone is one as well. */
export function networksIn(text: string): readonly Prefix[] {
  const ip = parseIp(text.trim());
  return ip === undefined ? prefixesIn(text) : [hostPrefix(ip)];
}

export function rangesIn(...texts: readonly (Evidence<string> | undefined)[]): readonly Evidence<Prefix>[] {
  return texts.flatMap((one) => (one ? prefixesIn(one.value).map((value) => ({ ...one, value })) : []));
}

/* ------------------------------------------------------------------ drafts */

/** A declaration at the field that shows its value. */
export function shown(
  evidence: Evidence<unknown>,
  keyword: string,
  args?: Arguments,
  children?: readonly Draft[],
): Draft {
  const paths = Object.fromEntries(Object.keys(args ?? {}).map((name) => [name, evidence.path]));
  return drafted(
    evidence.object,
    evidence.path,
    { keyword, ...(args ? { args } : {}), ...(children ? { children } : {}) },
    paths,
  );
}

/** A setting with the argument `value`; none without evidence. */
export function setting(keyword: string, evidence: Evidence<string | boolean> | undefined): readonly Draft[] {
  return evidence ? [shown(evidence, keyword, { value: String(evidence.value) })] : [];
}

/** The evidence if its value is not the default, which a person would not write. */
export function unless<T>(evidence: Evidence<T> | undefined, ...defaults: readonly T[]): Evidence<T> | undefined {
  return evidence && !defaults.includes(evidence.value) ? evidence : undefined;
}

/** The evidence with its value as the schema writes it. */
export function mapped<T, U>(
  evidence: Evidence<T> | undefined,
  to: (value: T) => U | undefined,
): Evidence<U> | undefined {
  const value = evidence && to(evidence.value);
  return evidence && value !== undefined ? { ...evidence, value } : undefined;
}

/** For a value of a table; a key that it does not have is absent. */
export function lookedUp(
  evidence: Evidence<string> | undefined,
  table: Readonly<Record<string, string>>,
): Evidence<string> | undefined {
  return mapped(evidence, (value) => (Object.hasOwn(table, value) ? table[value] : undefined));
}
