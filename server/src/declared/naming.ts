/** The rules of paths that do not depend on a topology: which objects a path can name, and which one takes precedence. */
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
};

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
  if (!Object.hasOwn(KINDS, kind)) return undefined;
  if (kind === "pod") return ["pod", "workload"];
  const endpoint = KINDS[kind];
  return endpoint === undefined ? undefined : [endpoint === "pod" ? "workload" : endpoint];
}

/** Whether a kind in front of a path selects a pod of this workload kind ("deployment"); `pod` selects all pods. */
export function selectsPodsOf(kind: string, workloadKind: string | undefined): boolean {
  return kind === "pod" || kind === workloadKind;
}
