/** Changes as edits of manifests. What a manifest cannot express is not rendered, and the fix is then not offered. */
import type { Change } from "../../declared/change.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Origin } from "../../declared/origin.ts";
import type { TextEdit } from "../../text/edit.ts";
import { at, isRecord, type Json, listAt, type Path, textAt } from "../../text/json.ts";
import { addedField, appendedItem, removedItem, replacedScalar } from "./edit.ts";
import { type Place, placeOf } from "./object.ts";
import { ruleJson } from "./policy-json.ts";

/** Reads the statements of a policy, which a change has in the notation of `.knet` files. */
export type ReadRules = (text: string) => readonly Decl[];

export function renderedChange(text: string, change: Change, readRules: ReadRules): TextEdit | undefined {
  if (change.kind === "insert" || change.kind === "comment") return undefined;
  const place = placeOf(change.source.decl.handle);
  if (!place) return undefined;
  switch (change.kind) {
    case "replace":
      return replaced(text, place, change.source, change.text);
    case "append":
      return appended(text, place, change, readRules);
    case "remove":
      return removed(text, place, change.source);
    case "argument":
    case "extend":
    case "before":
    case "remove-block":
      return undefined;
  }
}

/** A value whose text in the manifest is the same as in the declaration. */
function replaced(text: string, place: Place, { decl, part }: Origin, wanted: string): TextEdit | undefined {
  if (part === "whole" || part === "keyword") return undefined;
  const [index, item] = typeof part === "number" ? [part, undefined] : part;
  const read = decl.values.find((one) => one.index === index && one.item === item);
  const path = place.parts[index];
  if (!read || !path) return undefined;
  if (read.value.kind === "label") return replacedLabel(text, place, path, [read.text, wanted]);
  const own = item === undefined ? path : [...path, item];
  const span = place.object.locate(own);
  return span && textAt(place.object.value, ...own) === read.text ? replacedScalar(text, span, wanted) : undefined;
}

/** `app=web` is the entry `app: web` of a map. A different key is not a change of the value. */
function replacedLabel(
  text: string,
  { object }: Place,
  path: Path,
  [before, after]: readonly [string, string],
): TextEdit | undefined {
  const [key, value] = cut(before);
  const [newKey, newValue] = cut(after);
  const map = at(object.value, ...path);
  const own = isRecord(map) && isRecord(map["matchLabels"]) ? [...path, "matchLabels", key] : [...path, key];
  const span = key === newKey ? object.locate(own) : undefined;
  return span && textAt(object.value, ...own) === value ? replacedScalar(text, span, newValue) : undefined;
}

function cut(label: string): readonly [string, string] {
  const sign = label.indexOf("=");
  return [label.slice(0, sign), label.slice(sign + 1)];
}

/** A rule at the end of the rules of a NetworkPolicy. */
function appended(
  text: string,
  { object, path }: Place,
  { source, text: added }: Change & { readonly kind: "append" },
  readRules: ReadRules,
): TextEdit | undefined {
  if (object.kind !== "NetworkPolicy" || path.length > 0 || source.decl.spec?.keyword !== "policy") return undefined;
  const [decl, ...rest] = readRules(added);
  const direction = decl?.spec?.keyword;
  if (!decl || rest.length > 0 || (direction !== "ingress" && direction !== "egress")) return undefined;
  const rule = ruleJson(decl, direction);
  return rule === undefined ? undefined : appendedAt(text, object, ["spec", direction], rule);
}

function appendedAt(text: string, object: Place["object"], path: Path, item: Json): TextEdit | undefined {
  const items = listAt(object.value, ...path);
  const list = object.locate(path);
  if (at(object.value, ...path) === undefined) {
    const parent = object.locate(path.slice(0, -1));
    return parent && addedField(text, parent, String(path.at(-1)), [item]);
  }
  const last = items.length > 0 ? object.locate([...path, items.length - 1]) : undefined;
  return list && appendedItem(text, list, last, item);
}

/** An item of a list with others; an empty list can have a different meaning. */
function removed(text: string, { object, path, parts }: Place, { part }: Origin): TextEdit | undefined {
  const own = part === "whole" ? path : typeof part === "object" ? [...(parts[part[0]] ?? []), part[1]] : undefined;
  const index = own?.at(-1);
  if (!own || typeof index !== "number") return undefined;
  const parent = own.slice(0, -1);
  const [list, item, next] = [object.locate(parent), object.locate(own), object.locate([...parent, index + 1])];
  return list && item && listAt(object.value, ...parent).length > 1 ? removedItem(text, list, item, next) : undefined;
}
