/** Label selectors as values of `selector` arguments. */
import type { Given } from "../../declared/build.ts";
import type { Requirement } from "../../declared/values.ts";
import { at, type Json, listAt, textAt, textsAt } from "../../text/json.ts";

/** A LabelSelector (matchLabels and matchExpressions); an empty selector matches everything (`*`). */
export function selectorTerms(selector: Json | undefined): readonly Given[] {
  const terms = [
    ...[...textsAt(selector, "matchLabels")].map(([key, value]) => term(key, "In", [value])),
    ...listAt(selector, "matchExpressions").flatMap(expressionTerms),
  ];
  return terms.length > 0 ? terms : [ALL];
}

/** A requirement that kube-apiserver rejects matches nothing: without it, the selector would match more. */
function expressionTerms(expression: Json): readonly Given[] {
  const key = textAt(expression, "key") ?? "key";
  const operator = textAt(expression, "operator");
  const values = listAt(expression, "values").flatMap((value) => (typeof value === "object" ? [] : String(value)));
  const isSound = isOperator(operator) && !(lacksValues(operator, values) || at(expression, "key") === undefined);
  return isSound ? [term(key, operator, values)] : [term(key, "Exists", []), term(key, "DoesNotExist", [])];
}

/** In and NotIn require values (k8s.io/apimachinery, meta/v1 validation, ValidateLabelSelectorRequirement). */
export function lacksValues(operator: string | undefined, values: readonly unknown[]): boolean {
  return (operator === "In" || operator === "NotIn") && values.length === 0;
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

/** The key if there are several values: the printer adds them. */
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
