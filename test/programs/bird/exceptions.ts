// Differences between BIRD and knet that are not errors, each with its reason.
import type { Exception } from "../suite.ts";
import type { Differing, Table } from "./tables.ts";

const UNREACHABLE: Exception = {
  name: "unreachable routes",
  why: "a node with an unreachable route still advertises it. A router that prefers it does not offer its own route, which would be reachable, to this node; a node that has the router's route advertises nothing to the router. The route that arrives first remains: the order of the updates decides between two stable states",
};

export const EXCEPTIONS: readonly Exception[] = [UNREACHABLE];

/** A speaker's predicted routes: next hops and AS paths. */
export interface Predicted {
  readonly hops: Table;
  readonly paths: Table;
}

/** The exception that covers a difference; `found`: the kernel's routes, and BIRD's unreachable ones, per speaker. */
export function exceptionOf(
  { dst }: Differing,
  all: readonly Predicted[],
  found: readonly Table[],
): string | undefined {
  const isUndecided = all.some(
    ({ hops, paths }, i) =>
      hops.get(dst) === "unreachable" ||
      found[i]?.get(dst) === "unreachable" ||
      (paths.has(dst) && !hops.has(dst) && found[i]?.has(dst)),
  );
  return isUndecided ? UNREACHABLE.name : undefined;
}
