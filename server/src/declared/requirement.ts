/** The meaning of a requirement of a label selector (k8s.io/apimachinery, labels.Requirement.Matches). */
import type { Requirement } from "./values.ts";

/** A missing label has no value: NotIn and DoesNotExist match it. */
export function holds({ key, operator, values }: Requirement, labels: ReadonlyMap<string, string>): boolean {
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
