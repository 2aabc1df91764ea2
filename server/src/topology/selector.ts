/**
 * Label selectors as in k8s.io/apimachinery (meta/v1 LabelSelectorAsSelector, labels.Requirement.Matches): all
 * conditions must match, and a selector without conditions matches everything.
 */
import type { Requirement } from "../declared/values.ts";

export type { Requirement } from "../declared/values.ts";
export type Selector = readonly Requirement[];
export type Labels = ReadonlyMap<string, string>;

export const EVERYTHING: Selector = [];

export function selects(selector: Selector, labels: Labels): boolean {
  for (const requirement of selector) if (!holds(requirement, labels)) return false;
  return true;
}

/** A missing label has no value: NotIn and DoesNotExist match it. */
export function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels.get(key);
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
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
