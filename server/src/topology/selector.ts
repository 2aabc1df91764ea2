/**
 * Label selectors as in k8s.io/apimachinery (meta/v1 LabelSelectorAsSelector, labels.Requirement.Matches): all
 * conditions must match, and a selector without conditions matches everything.
 */
import { holds } from "../declared/requirement.ts";
import type { Requirement } from "../declared/values.ts";

export { holds } from "../declared/requirement.ts";
export type { Requirement } from "../declared/values.ts";
export type Selector = readonly Requirement[];
export type Labels = ReadonlyMap<string, string>;

export const EVERYTHING: Selector = [];

export function selects(selector: Selector, labels: Labels): boolean {
  for (const requirement of selector) if (!holds(requirement, labels)) return false;
  return true;
}

/** The selector as written: `app=web tier in [a b]`; `*` for everything. */
export function selectorText(selector: Selector): string {
  return selector.length === 0 ? "*" : selector.map(requirementText).join(" ");
}

export function requirementText({ key, operator, values }: Requirement): string {
  switch (operator) {
    case "In":
      return values.length === 1 ? `${key}=${values[0]}` : `${key} in [${values.join(" ")}]`;
    case "NotIn":
      return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin [${values.join(" ")}]`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
  }
}
