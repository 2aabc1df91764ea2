/** Cloud resources, however their source writes them, and the places of their fields. */

import type { Draft } from "../../declared/build.ts";
import type { Handle } from "../../declared/handle.ts";
import { isRecord, type Json, type JsonRecord, type Path } from "../../text/json.ts";
import { drafted, type KubeObject } from "../kubernetes/object.ts";

export interface Resource {
  /** `kind`: the Terraform type, also for the output of a cloud's command line; `name`: its address or ID. */
  readonly object: KubeObject;
  readonly type: string;
  /** Proposed name in the topology. */
  readonly label: string;
  /** Where references of this resource are resolved; undefined in sources that have IDs. */
  readonly references: References | undefined;
}

/** The resources that an argument refers to, for values that are known only after apply. */
export interface References {
  /** `path`: of the argument; undefined: the argument refers to nothing. */
  of(path: Path): Referred;
}

export interface Referred {
  readonly resources: readonly Resource[];
  /** Whether a part of the expression (a local value) does not show what it refers to. */
  readonly isOpaque: boolean;
  /** The instance key of the referring resource if the expression uses its index or `each.key`. */
  readonly key: string | number | undefined;
}

export const NO_REFERENCE: Referred = { resources: [], isOpaque: false, key: undefined };

/** A value with its path in the resource. */
export interface Field {
  readonly value: Json;
  readonly path: Path;
}

/** `cidr_block`, `CidrBlock`, and `cidrBlock` are the same field in different notations. */
function plainKey(key: string): string {
  return key.replaceAll("_", "").toLowerCase();
}

/** The field at a path, in any notation; null is absent. */
export function fieldIn(value: Json | undefined, ...path: Path): Field | undefined {
  let now: Json | undefined = value;
  const found: (string | number)[] = [];
  for (const step of path) {
    if (typeof step === "number") {
      now = Array.isArray(now) ? (now as readonly Json[])[step] : undefined;
      found.push(step);
    } else {
      if (!isRecord(now)) return undefined;
      const key = Object.hasOwn(now, step) ? step : keyLike(now, step);
      if (key === undefined) return undefined;
      now = now[key];
      found.push(key);
    }
    if (now === undefined || now === null) return undefined;
  }
  return now === undefined || now === null ? undefined : { value: now, path: found };
}

function keyLike(record: JsonRecord, name: string): string | undefined {
  const wanted = plainKey(name);
  return Object.keys(record).find((key) => plainKey(key) === wanted);
}

/** The first field that exists, of several names. */
export function field({ object }: Resource, ...names: readonly (string | Path)[]): Field | undefined {
  for (const name of names) {
    const found = fieldIn(object.value, ...(typeof name === "string" ? [name] : name));
    if (found) return found;
  }
  return undefined;
}

export function textOf(found: Field | undefined): string | undefined {
  const value = found?.value;
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function text(resource: Resource, ...names: readonly (string | Path)[]): string | undefined {
  return textOf(field(resource, ...names));
}

export function number(resource: Resource, ...names: readonly (string | Path)[]): number | undefined {
  const value = Number(text(resource, ...names));
  return Number.isFinite(value) ? value : undefined;
}

export function isTrue(resource: Resource, ...names: readonly (string | Path)[]): boolean {
  const value = field(resource, ...names)?.value;
  return value === true || value === "true";
}

/** The items of a list, each with its path; a single value or block is a list of one. */
export function itemsOf(found: Field | undefined): readonly Field[] {
  if (!found) return [];
  const { value, path } = found;
  return Array.isArray(value)
    ? (value as readonly Json[]).map((one, index) => ({ value: one, path: [...path, index] }))
    : [found];
}

export function items(resource: Resource, ...names: readonly (string | Path)[]): readonly Field[] {
  return itemsOf(field(resource, ...names));
}

/** A field of an item of a list. */
export function inside({ value, path }: Field, ...names: readonly (string | Path)[]): Field | undefined {
  for (const name of names) {
    const found = fieldIn(value, ...(typeof name === "string" ? [name] : name));
    if (found) return { value: found.value, path: [...path, ...found.path] };
  }
  return undefined;
}

/** The name of an item of a list, or the item. */
export function namePath(one: Field): Path {
  return inside(one, "name")?.path ?? one.path;
}

/** A location in a resource. */
export interface At {
  readonly resource: Resource;
  readonly path: Path;
}

export const whole = (resource: Resource): At => ({ resource, path: [] });

/** A draft at a location. `values`: locations of single arguments in the same resource. */
export function draftAt(
  { resource, path }: At,
  draft: Omit<Draft, "handle" | "file">,
  values: Readonly<Record<string, Path | undefined>> = {},
): Draft & { readonly handle: Handle } {
  return drafted(resource.object, path, draft, values);
}
