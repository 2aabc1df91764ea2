/** Tolerant access to parsed JSON and YAML: a value of an unexpected type is absent. */

export type Json = null | boolean | number | string | readonly Json[] | JsonRecord;
export interface JsonRecord {
  readonly [key: string]: Json | undefined;
}

export type Path = readonly (string | number)[];

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path; undefined if it does not exist. */
export function at(value: Json | undefined, ...path: Path): Json | undefined {
  let now: Json | undefined = value;
  for (const key of path) {
    if (Array.isArray(now)) now = typeof key === "number" ? (now as readonly Json[])[key] : undefined;
    else if (isRecord(now)) now = Object.hasOwn(now, key) ? now[key] : undefined;
    else return undefined;
  }
  return now;
}

/** Numbers are accepted where Kubernetes expects a string: an unquoted `8080` or `1.20`. */
export function textAt(value: Json | undefined, ...path: Path): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" ? found : typeof found === "number" ? String(found) : undefined;
}

export function numberAt(value: Json | undefined, ...path: Path): number | undefined {
  const found = at(value, ...path);
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

export function listAt(value: Json | undefined, ...path: Path): readonly Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

export function recordAt(value: Json | undefined, ...path: Path): JsonRecord {
  const found = at(value, ...path);
  return isRecord(found) ? found : {};
}

/** The entries whose values are strings, as in labels and annotations. */
export function textsAt(value: Json | undefined, ...path: Path): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [key, one] of Object.entries(recordAt(value, ...path)))
    if (typeof one === "string" || typeof one === "number" || typeof one === "boolean") texts.set(key, String(one));
  return texts;
}
