/** Label selectors as values of `selector` arguments. */
import type { Given } from "../../declared/build.ts";
import type { Requirement } from "../../declared/values.ts";
import { type Json, listAt, textAt, textsAt } from "./json.ts";

/** A LabelSelector (matchLabels and matchExpressions); an empty selector matches everything (`*`). */
export function selectorTerms(selector: Json | undefined): readonly Given[] {
  const terms = [
    ...[...textsAt(selector, "matchLabels")].map(([key, value]) => term(key, "In", [value])),
    ...listAt(selector, "matchExpressions").flatMap((one) => {
      const key = textAt(one, "key");
      const operator = textAt(one, "operator");
      const values = listAt(one, "values").flatMap((value) => (typeof value === "string" ? value : []));
      return key === undefined || !isOperator(operator) ? [] : term(key, operator, values);
    }),
  ];
  return terms.length > 0 ? terms : [ALL];
}

/** `matchLabels` only: the selectors of services and node selectors. */
export function labelTerms(labels: ReadonlyMap<string, string>): readonly Given[] {
  return [...labels].map(([key, value]): Given => ({ text: `${key}=${value}`, value: { kind: "label", key, value } }));
}

export const ALL: Given = { text: "*", value: { kind: "requirement", requirement: undefined } };

function isOperator(text: string | undefined): text is Requirement["operator"] {
  return text === "In" || text === "NotIn" || text === "Exists" || text === "DoesNotExist";
}

export function term(key: string, operator: Requirement["operator"], values: readonly string[]): Given {
  return {
    text: termText(key, operator, values),
    value: { kind: "requirement", requirement: { key, operator, values } },
  };
}

function termText(key: string, operator: Requirement["operator"], values: readonly string[]): string {
  switch (operator) {
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
    case "In":
      return values.length === 1 ? `${key}=${values[0]}` : key;
    case "NotIn":
      return values.length === 1 ? `${key}!=${values[0]}` : key;
  }
}
