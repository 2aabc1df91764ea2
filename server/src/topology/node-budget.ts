/** The limit for the nodes of all clusters together. */
import type { Origin } from "../declared/origin.ts";

/** Further nodes are not built. */
export const MOST_NODES = 100_000;

/** The nodes declared so far, and the statement that exceeds the limit. */
export interface NodeBudget {
  declared: number;
  first: Origin | undefined;
}

export function nodeBudget(): NodeBudget {
  return { declared: 0, first: undefined };
}

/** Whether these nodes are within the limit. */
export function isWithin(budget: NodeBudget, count: number, source: Origin): boolean {
  budget.declared += count;
  if (budget.declared > MOST_NODES) budget.first ??= source;
  return budget.first === undefined;
}

/** Whether all these nodes are within the limit; if not, they are not added. */
export function areWithin(budget: NodeBudget, count: number): boolean {
  if (budget.first !== undefined || budget.declared + count > MOST_NODES) return false;
  budget.declared += count;
  return true;
}
