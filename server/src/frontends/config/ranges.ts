/** Prefixes in fields. */
import { parsePrefix } from "../../addressing/ip.ts";
import type { Range } from "./model.ts";
import { type Field, itemsOf, type Resource, textOf } from "./resource.ts";

/** The prefixes of fields of a resource, which can be lists, each once. */
export function rangesAt(resource: Resource, fields: readonly (Field | undefined)[]): readonly Range[] {
  const seen = new Set<string>();
  return fields.flatMap(itemsOf).flatMap((one): Range[] => {
    const text = textOf(one);
    const prefix = text === undefined || seen.has(text) ? undefined : parsePrefix(text)?.prefix;
    if (!prefix || text === undefined) return [];
    seen.add(text);
    return [{ prefix, at: { resource, path: one.path } }];
  });
}
