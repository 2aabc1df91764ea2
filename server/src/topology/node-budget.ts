/** The limit for the nodes of all clusters together. */
import type { Source } from "../language/tree.ts";

/** Further nodes are not built. */
export const MOST_NODES = 100_000;

/** The nodes declared so far, and the statement that exceeds the limit. */
export interface NodeBudget {
  declared: number;
  first: Source | undefined;
}

export function nodeBudget(): NodeBudget {
  return { declared: 0, first: undefined };
}

/** Whether these nodes are within the limit. */
export function isWithin(budget: NodeBudget, count: number, source: Source): boolean {
  budget.declared += count;
  if (budget.declared > MOST_NODES) budget.first ??= source;
  return budget.first === undefined;
}
