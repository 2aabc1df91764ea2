/** "Did you mean" for labels: similar labels for a selector term that matches no labels. */
import { argumentWith, sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import { nearestFew } from "../text/nearest.ts";
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
  return selector.some(({ key, operator, values }) => {
    const [value] = values;
    if (operator !== "In" || value === undefined || sets.some((labels) => labels.get(key) === value)) return false;
    const ofKey = sets.flatMap((labels) => labels.get(key) ?? []);
    const ofOthers = sets.flatMap((labels) => [...labels].flatMap(([name, own]) => (own === value ? [name] : [])));
    return nearestFew(value, ofKey, 1).length > 0 || nearestFew(key, ofOthers, 1).length > 0;
  });
}

function likely(wanted: string, key: string, sets: readonly Labels[]): readonly string[] {
  const known = new Set(sets.flatMap((labels) => [...labels].map(([name, value]) => `${name}=${value}`)));
  const others = [...known].filter((label) => label.startsWith(`${key}=`));
  return [...new Set([...nearestFew(wanted, known, MOST_FIXES), ...others])].slice(0, MOST_FIXES);
}
