/** "Did you mean" for labels: similar labels for a selector term that matches no labels. */
import { argumentWith, sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import { isSimilar, nearestFew } from "../text/nearest.ts";
import type { Labels, Selector } from "../topology/selector.ts";
import { type Fix, replaceFix } from "./fix.ts";

const MOST_FIXES = 3;

/**
 * Fixes that replace a `key=value` argument that matches none of the label sets: with similar labels first, then with
 * the existing values of the key.
 */
export function labelFixes(statement: Origin, selector: Selector, sets: readonly Labels[]): readonly Fix[] {
  return selector.flatMap(({ key, operator, values }) => {
    const [value] = values;
    if (operator !== "In" || values.length !== 1 || sets.some((labels) => labels.get(key) === value)) return [];
    const wanted = `${key}=${value}`;
    const place = argumentWith(sourceAt(statement, "whole"), (text) => text === wanted);
    if (place.part === "whole") return [];
    return likely(wanted, key, sets).map((label) => replaceFix(t`Change to \`${label}\``, place, label));
  });
}

/** Whether a term of the selector that matches none of the label sets is nearly one of their labels: a typo. */
export function isNearLabel(selector: Selector, sets: readonly Labels[]): boolean {
  return selector.some(
    ({ key, operator, values: [value] }) =>
      operator === "In" && value !== undefined && nearLabel(key, value, sets) !== undefined,
  );
}

/** The existing label that was probably meant: with the same key and a similar value, or vice versa. */
export function nearLabel(key: string, value: string, sets: readonly Labels[]): string | undefined {
  if (sets.some((labels) => labels.get(key) === value)) return undefined;
  for (const labels of sets) {
    for (const [name, own] of labels) {
      if (name === key ? isSimilar(value, own) : own === value && isSimilar(key, name)) return `${name}=${own}`;
    }
  }
  return undefined;
}

function likely(wanted: string, key: string, sets: readonly Labels[]): readonly string[] {
  const known = new Set(sets.flatMap((labels) => [...labels].map(([name, value]) => `${name}=${value}`)));
  const others = [...known].filter((label) => label.startsWith(`${key}=`));
  return [...new Set([...nearestFew(wanted, known, MOST_FIXES), ...others])].slice(0, MOST_FIXES);
}
