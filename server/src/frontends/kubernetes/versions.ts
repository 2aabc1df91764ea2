/** The same object read twice: in several files, or under several versions of its API. */
import type { FileProblem } from "../../declared/file-problem.ts";
import { valueAt } from "../../memo/memo.ts";
import { at, isRecord, type Json, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { groupOf, type KubeObject, originAt } from "./object.ts";
import { located, placeText } from "./problems.ts";

export interface Current {
  /** Each object once. */
  readonly objects: readonly KubeObject[];
  /** The versions that are not used, if they are different. */
  readonly problems: readonly FileProblem[];
}

/**
 * The objects without copies: a List and a separate file, or Sonobuoy, which stores an object under each group version
 * (`extensions/v1beta1` and `apps/v1`) with one uid. The highest resourceVersion applies, then the version that is not deprecated, then
 * the last one, as with `kubectl apply`.
 */
export function currentObjects(all: readonly KubeObject[]): Current {
  const byUid = chosen(all, uidKey);
  const byName = chosen(
    all.filter((one) => byUid.get(one) === undefined),
    nameKey,
  );
  const usedFor = (one: KubeObject): KubeObject | undefined => {
    const used = byUid.get(one) ?? byName.get(one);
    return (used && byName.get(used)) ?? used;
  };
  const dropped = all.flatMap((one): readonly Dropped[] => {
    const used = usedFor(one);
    return used ? [{ object: one, used }] : [];
  });
  if (dropped.length === 0) return { objects: all, problems: [] };
  // At the place of the first one: knet places pods in the order of their declarations.
  return { objects: [...new Set(all.map((one) => usedFor(one) ?? one))], problems: problemsOf(dropped) };
}

interface Dropped {
  readonly object: KubeObject;
  readonly used: KubeObject;
}

/** For the objects that are not used: the one that is. */
function chosen(
  all: readonly KubeObject[],
  keyOf: (one: KubeObject) => string | undefined,
): ReadonlyMap<KubeObject, KubeObject> {
  const best = new Map<string, KubeObject>();
  let count = 0;
  for (const one of all) {
    const key = keyOf(one);
    if (key === undefined) continue;
    count += 1;
    const known = best.get(key);
    if (!known || isPreferred(one, known)) best.set(key, one);
  }
  if (count === best.size) return new Map();
  return new Map(
    all.flatMap((one) => {
      const used = best.get(keyOf(one) ?? "");
      return used === undefined || used === one ? [] : [[one, used] as const];
    }),
  );
}

function uidKey(one: KubeObject): string | undefined {
  const uid = textAt(one.value, "metadata", "uid");
  return uid === undefined || uid === "" ? undefined : `${one.kind} ${uid} ${one.namespace ?? ""}/${one.name}`;
}

function nameKey(one: KubeObject): string {
  return `${groupOf(one)} ${one.kind} ${one.namespace ?? ""} ${one.name}`;
}

/** `one` is read after the other one. */
function isPreferred(one: KubeObject, other: KubeObject): boolean {
  const [own, known] = [versionOf(one), versionOf(other)];
  if (own !== known) return own > known;
  return rank(one) >= rank(other);
}

function versionOf({ value }: KubeObject): number {
  return Number(textAt(value, "metadata", "resourceVersion") ?? 0);
}

/** Stable versions before beta versions, and `extensions` last: its kinds moved to other groups. */
function rank(object: KubeObject): number {
  return (groupOf(object) === "extensions" ? 0 : 2) + (/(?:alpha|beta)\d+$/.test(object.apiVersion) ? 0 : 1);
}

/* ------------------------------------------------------------------ different versions */

/** One problem per kind and file: two dumps of one cluster differ in many objects. */
function problemsOf(dropped: readonly Dropped[]): readonly FileProblem[] {
  const groups = new Map<string, Dropped[]>();
  for (const one of dropped) {
    const { object, used } = one;
    // The fields of an older API version have other names.
    if (object.apiVersion !== used.apiVersion || contentOf(object) === contentOf(used)) continue;
    valueAt(groups, `${object.kind} ${object.file} ${used.file}`, (): Dropped[] => []).push(one);
  }
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (!first) return [];
    const { object, used } = first;
    const data = {
      cause: "version",
      object: placeText(object),
      others: others.length,
      place: used.file,
      newer: versionOf(used) > versionOf(object),
    } as const;
    const related = { source: originAt(used, ["metadata", "name"]), message: t`this version is used` };
    return [located("KN804", object, ["metadata", "name"], data, [related])];
  });
}

/** The parts that people and controllers declare, and the addresses in the state; without what changes with each write. */
function contentOf({ value }: KubeObject): string {
  const { metadata: _metadata, status, ...rest } = value;
  const addresses = ["podIP", "podIPs", "addresses", "loadBalancer"].map((field) => at(status, field));
  const owned = ["labels", "ownerReferences"].map((field) => at(value, "metadata", field));
  return sorted([rest, addresses, owned] as readonly unknown[] as Json);
}

function sorted(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(sorted).join()}]`;
  if (!isRecord(value)) return JSON.stringify(value ?? null);
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${key}:${sorted(value[key])}`)
    .join()}}`;
}
