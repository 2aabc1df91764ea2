/**
 * Names and paths: which objects a path can refer to, and which one takes precedence. The same for the objects of a
 * topology and for its declarations.
 */
import type { SymbolKind } from "./schema/types.ts";

/** Services, then pods and machines, then processes, then enclosing objects; the lowest number takes precedence. */
export const RANK: Readonly<Record<SymbolKind, number>> = {
  service: -1,
  pod: 0,
  workload: 0,
  node: 0,
  router: 0,
  host: 0,
  container: 1,
  daemon: 1,
  segment: 2,
  cluster: 2,
  namespace: 2,
  policy: 3,
  ingress: 4,
  gateway: 5,
  "security-group": 6,
};

/** The highest rank of an object that can send or receive packets. */
const LAST_ENDPOINT = RANK.daemon;

/** Objects that no other object encloses. */
const OUTERMOST: ReadonlySet<SymbolKind> = new Set(["router", "host", "segment", "cluster", "security-group"]);

/** Objects of a namespace; of the namespace `default` if they are declared in the cluster's block. */
export const NAMESPACED: ReadonlySet<SymbolKind> = new Set(["pod", "workload", "service"]);
export const DEFAULT_NAMESPACE = "default";

/** The objects that can send or receive packets. */
export type EndpointKind = Extract<SymbolKind, "pod" | "service" | "node" | "router" | "host" | "container" | "daemon">;

/** The kinds that can precede a path (`pod/shop/web`), with the kind of endpoint. A workload's kind selects its pods. */
export const KINDS: Readonly<Record<string, EndpointKind>> = {
  pod: "pod",
  deployment: "pod",
  statefulset: "pod",
  daemonset: "pod",
  service: "service",
  node: "node",
  router: "router",
  host: "host",
  container: "container",
  daemon: "daemon",
};

/** The declarations that a kind in front of a path selects; undefined if the text is not such a kind. */
export function declarationsOfKind(kind: string): readonly SymbolKind[] | undefined {
  if (!isKind(kind)) return undefined;
  if (kind === "pod") return ["pod", "workload"];
  const endpoint = KINDS[kind];
  return endpoint === undefined ? undefined : [endpoint === "pod" ? "workload" : endpoint];
}

/** Whether a kind in front of a path selects a pod of this workload kind ("deployment"); `pod` selects all pods. */
export function selectsPodsOf(kind: string, workloadKind: string | undefined): boolean {
  return kind === "pod" || kind === workloadKind;
}

/** Named objects, and the objects that they enclose: the objects of a topology, or their declarations. */
export interface Scope<T> {
  /**
   * The objects with this name at any depth: leading names can be omitted. `below`: the number of names that follow;
   * objects that cannot enclose as many can be absent.
   */
  anywhere(name: string, below: number): readonly T[];
  /** The objects with this name in a cluster, namespace, pod, or machine. In a cluster: also those in the namespace `default`. */
  inside(outer: T, name: string): readonly T[];
  kindOf(one: T): SymbolKind;
  /** The same value for the same object. */
  keyOf(one: T): unknown;
  /** Whether a kind in front of a path ("statefulset") selects the object. */
  isOfKind(one: T, kind: string): boolean;
}

/** An object, and the objects that the names in front of its name refer to. */
export type Trail<T> = readonly [...T[], T];

/** The objects that a path can refer to, each once. */
export function trailsOf<T>(scope: Scope<T>, [first = "", ...names]: readonly string[]): readonly Trail<T>[] {
  let trails = scope.anywhere(first, names.length).map((one): Trail<T> => [one]);
  for (const name of names)
    trails = trails.flatMap((trail) => scope.inside(lastOf(trail), name).map((one): Trail<T> => [...trail, one]));
  if (trails.length < 2) return trails;
  const seen = new Map<unknown, Trail<T>>();
  for (const trail of trails) {
    const key = scope.keyOf(lastOf(trail));
    if (!seen.has(key)) seen.set(key, trail);
  }
  return [...seen.values()];
}

/** The object itself. */
export function lastOf<T>(trail: Trail<T>): T {
  return trail[trail.length - 1] as T;
}

/** "pod/shop/web": the kind and the rest; undefined without a kind. */
export function splitKind(text: string): { readonly kind: string; readonly path: string } | undefined {
  const slash = text.indexOf("/");
  const kind = text.slice(0, Math.max(0, slash));
  return isKind(kind) ? { kind, path: text.slice(slash + 1) } : undefined;
}

/** Whether the text is a kind that can precede a path. */
function isKind(text: string): boolean {
  return Object.hasOwn(KINDS, text);
}

interface Found<T> {
  /** Without the kind in front. */
  readonly path: readonly string[];
  readonly trails: readonly Trail<T>[];
}

/** The wanted objects. A path as written takes precedence over one with a kind in front (`withKind`). */
export function wantedTrails<T>(
  scope: Scope<T>,
  path: readonly string[],
  isWanted: (one: T) => boolean,
  withKind: boolean,
): Found<T> {
  const trails = trailsOf(scope, path).filter((trail) => isWanted(lastOf(trail)));
  const [kind = "", ...rest] = path;
  if (trails.length > 0 || !withKind || rest.length === 0 || !isKind(kind)) return { path, trails };
  const all = trailsOf(scope, rest).filter((trail) => isWanted(lastOf(trail)));
  return { path: rest, trails: all.filter((trail) => scope.isOfKind(lastOf(trail), kind)) };
}

/**
 * The objects that take precedence: those that can send or receive packets; those named by their full path, over the
 * end of one; then by rank.
 */
export function preferred<T>(scope: Scope<T>, trails: readonly Trail<T>[]): readonly Trail<T>[] {
  if (trails.length < 2) return trails;
  const rankOf = (trail: Trail<T>): number => RANK[scope.kindOf(lastOf(trail))];
  const endpoints = trails.filter((trail) => rankOf(trail) <= LAST_ENDPOINT);
  const candidates = endpoints.length > 0 ? endpoints : trails;
  const full = candidates.filter((trail) => isFull(scope, trail));
  const best = full.length > 0 ? full : candidates;
  const rank = Math.min(...best.map(rankOf));
  return best.filter((trail) => rankOf(trail) === rank);
}

/** Whether the trail starts outside all objects, and does not omit the namespace `default`. */
function isFull<T>(scope: Scope<T>, trail: Trail<T>): boolean {
  const kinds = trail.map((one) => scope.kindOf(one));
  return kinds.every((kind, i) => {
    const outer = kinds[i - 1];
    return outer === undefined ? OUTERMOST.has(kind) : outer !== "cluster" || !NAMESPACED.has(kind);
  });
}
