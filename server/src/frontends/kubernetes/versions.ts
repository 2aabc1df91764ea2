/** The same object read twice: in several files, or under several versions of its API. */
import { textAt } from "../../text/json.ts";
import { groupOf, type KubeObject } from "./object.ts";

/**
 * The objects without copies. Sonobuoy stores an object under each group version (`extensions/v1beta1` and `apps/v1`): the copies have
 * one uid. The newest state applies, then the version that is not deprecated.
 */
export function withoutCopies(all: readonly KubeObject[]): readonly KubeObject[] {
  const byUid = new Map<string, KubeObject>();
  const keyOf = (one: KubeObject): string | undefined => {
    const uid = textAt(one.value, "metadata", "uid");
    return uid === undefined || uid === "" ? undefined : `${one.kind} ${uid} ${one.namespace ?? ""}/${one.name}`;
  };
  for (const one of all) {
    const key = keyOf(one);
    const known = key === undefined ? undefined : byUid.get(key);
    if (key !== undefined && (!known || isPreferred(one, known))) byUid.set(key, one);
  }
  return all.filter((one) => {
    const key = keyOf(one);
    return key === undefined || byUid.get(key) === one;
  });
}

function isPreferred(one: KubeObject, other: KubeObject): boolean {
  const versions = [one, other].map(({ value }) => Number(textAt(value, "metadata", "resourceVersion") ?? 0));
  const [own = 0, known = 0] = versions;
  return own === known ? rank(one) > rank(other) : own > known;
}

/** Stable versions before beta versions, and `extensions` last: its kinds moved to other groups. */
function rank(object: KubeObject): number {
  return (groupOf(object) === "extensions" ? 0 : 2) + (/(?:alpha|beta)\d+$/.test(object.apiVersion) ? 0 : 1);
}
