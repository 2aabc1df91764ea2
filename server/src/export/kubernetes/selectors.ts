/** Selectors as LabelSelectors, and as Calico's selector expressions. */
import type { Selector } from "../../topology/selector.ts";
import type { PlainRecord } from "../objects.ts";

/** A requirement for one value is a `matchLabels` entry, unless the key already has one. */
export function labelSelector(selector: Selector): PlainRecord {
  const labels = new Map<string, string>();
  const expressions: PlainRecord[] = [];
  for (const { key, operator, values } of selector) {
    const [only] = values;
    if (operator === "In" && values.length === 1 && only !== undefined && !labels.has(key)) labels.set(key, only);
    else if (operator === "In" || operator === "NotIn") expressions.push({ key, operator, values });
    else expressions.push({ key, operator });
  }
  return {
    ...(labels.size === 0 ? {} : { matchLabels: Object.fromEntries(labels) }),
    ...(expressions.length === 0 ? {} : { matchExpressions: expressions }),
  };
}

/** libcalico-go/lib/selector/parser: `a == 'b'`, `a in {'b', 'c'}`, `has(a)`, joined with `&&`; everything is `all()`. */
export function calicoSelector(selector: Selector): string {
  return selector.length === 0 ? "all()" : selector.map(calicoTerm).join(" && ");
}

function calicoTerm({ key, operator, values }: Selector[number]): string {
  const quoted = values.map((value) => `'${value}'`);
  switch (operator) {
    case "Exists":
      return `has(${key})`;
    case "DoesNotExist":
      return `!has(${key})`;
    case "In":
      return quoted.length === 1 ? `${key} == ${quoted[0]}` : `${key} in {${quoted.join(", ")}}`;
    case "NotIn":
      return quoted.length === 1 ? `${key} != ${quoted[0]}` : `${key} not in {${quoted.join(", ")}}`;
  }
}
