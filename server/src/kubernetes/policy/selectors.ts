/**
 * Which of many selectors match a group of pods: selectors with a label value are indexed by it, so only a few are
 * compared with each group.
 */
import { NAMESPACE_NAME } from "../../topology/policy.ts";
import { type Selector, selects } from "../../topology/selector.ts";
import type { PodGroup } from "./groups.ts";

/** Pods by their labels and by their namespace: by its name, or by its labels (`namespaces`, empty: all). */
export interface PodSelector {
  readonly pods: Selector;
  readonly namespaces: Selector | { readonly name: string };
}

export function selectsGroup({ pods, namespaces }: PodSelector, group: PodGroup): boolean {
  if (group.hostNetwork) return false;
  if ("name" in namespaces ? namespaces.name !== group.namespace : !selects(namespaces, group.namespaceLabels)) {
    return false;
  }
  return selects(pods, group.labels);
}

export interface SelectorIndex<T> {
  /** The entries that match the group, in order. */
  matching(group: PodGroup): readonly T[];
}

/** Key of selectors without a namespace name. */
const ANY = "*";

export function selectorIndex<T>(entries: readonly (readonly [PodSelector, T])[]): SelectorIndex<T> {
  const buckets = new Map<string, number[]>();
  const add = (namespace: string, label: string, index: number): void => {
    const key = `${namespace} ${label}`;
    const bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, [index]);
    else bucket.push(index);
  };
  for (const [index, [selector]] of entries.entries()) {
    const asked = selector.pods.find(({ operator }) => operator === "In");
    for (const namespace of new Set(namesOf(selector.namespaces))) {
      if (asked === undefined) add(namespace, "", index);
      else for (const value of new Set(asked.values)) add(namespace, `${asked.key}=${value}`, index);
    }
  }
  return {
    matching(group) {
      const found: number[] = [];
      const look = (label: string): void => {
        for (const namespace of [group.namespace, ANY]) {
          for (const index of buckets.get(`${namespace} ${label}`) ?? []) {
            const selector = entries[index]?.[0];
            if (selector !== undefined && selectsGroup(selector, group)) found.push(index);
          }
        }
      };
      look("");
      for (const [key, value] of group.labels) look(`${key}=${value}`);
      return found
        .sort((a, b) => a - b)
        .flatMap((index) => {
          const entry = entries[index];
          return entry === undefined ? [] : [entry[1]];
        });
    },
  };
}

function namesOf(namespaces: PodSelector["namespaces"]): readonly string[] {
  if ("name" in namespaces) return [namespaces.name];
  const named = namespaces.find(({ key, operator }) => key === NAMESPACE_NAME && operator === "In");
  return named?.values ?? [ANY];
}
