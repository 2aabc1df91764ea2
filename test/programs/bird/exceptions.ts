// Differences between BIRD and knet that are not errors, each with its reason.
import type { Exception } from "../suite.ts";
import { type Differing, isPath, type Table } from "./tables.ts";

const UNREACHABLE: Exception = {
  name: "unreachable routes",
  why: "a node with an unreachable route still advertises it. A router that prefers it does not offer its own route, which would be reachable, to this node; a node that has the router's route advertises nothing to the router. The route that arrives first remains: the order of the updates decides between two stable states",
};

const SELF_RESOLVED: Exception = {
  name: "next hops in their own prefix",
  why: "BIRD keeps a route whose next hop it reaches only through another route to the same prefix. FRR does not use it (nexthop_active, zebra/zebra_nhg.c), and neither do knet's routers; the next hops in the kernel are the same, the AS paths are not",
};

export const EXCEPTIONS: readonly Exception[] = [UNREACHABLE, SELF_RESOLVED];

/** A speaker's predicted routes: next hops and AS paths. */
export interface Predicted {
  readonly hops: Table;
  readonly paths: Table;
}

/** What a speaker has. */
export interface Found {
  /** The kernel's routes, and BIRD's unreachable ones. */
  readonly routes: Table;
  readonly selfResolved: ReadonlySet<string>;
}

/** The name of the exception that covers a difference. */
export function exceptionOf(
  { dst, knet, bird }: Differing,
  all: readonly Predicted[],
  found: readonly Found[],
): string | undefined {
  if (isPath(knet) && isPath(bird) && found.some(({ selfResolved }) => selfResolved.has(dst)))
    return SELF_RESOLVED.name;
  const isUndecided = all.some(({ hops, paths }, i) => {
    const routes = found[i]?.routes;
    return (
      hops.get(dst) === "unreachable" ||
      routes?.get(dst) === "unreachable" ||
      (paths.has(dst) && !hops.has(dst) && routes?.has(dst))
    );
  });
  return isUndecided ? UNREACHABLE.name : undefined;
}
