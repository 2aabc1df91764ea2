/** Calico's selectors of nodes as labels, which is what the schema has: a node must have all of them. */
import { calicoSelector } from "../calico-selector.ts";
import { type KubeObject, labelsOf } from "../object.ts";

/**
 * "rack=a zone=b". `has(key)` is the label with its value if all nodes that have the key have the same value. Undefined
 * if the selector is not a conjunction of labels.
 */
export function labelsFor(text: string, nodes: readonly KubeObject[]): readonly string[] | undefined {
  const read = calicoSelector(text);
  if (!read.ok || read.alternatives.length !== 1) return undefined;
  const labels: string[] = [];
  for (const { key, operator, values } of read.alternatives[0] ?? []) {
    const known = operator === "Exists" ? valuesOf(key, nodes) : operator === "In" ? values : [];
    const [only] = known;
    if (only === undefined || known.length !== 1) return undefined;
    labels.push(`${key}=${only}`);
  }
  return labels;
}

function valuesOf(key: string, nodes: readonly KubeObject[]): readonly string[] {
  return [...new Set(nodes.flatMap((node) => labelsOf(node).get(key) ?? []))];
}
