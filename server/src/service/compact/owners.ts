/** The pods of a cluster by the workload that created them. */
import { child, childrenOf, oneOf } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Handle } from "../../declared/handle.ts";
import { valueAt } from "../../memo/memo.ts";
import { nameIn } from "./facts.ts";

/** Running pods that one workload created. */
export interface OwnedPods {
  readonly keyword: "deployment" | "statefulset" | "daemonset";
  readonly namespace: string;
  readonly name: string;
  /** The declarations of the pods. */
  readonly pods: ReadonlySet<Handle>;
}

export function ownedPods(cluster: Decl): readonly OwnedPods[] {
  const found = new Map<string, OwnedPods & { readonly pods: Set<Handle> }>();
  for (const space of childrenOf(cluster, "namespace")) {
    const namespace = nameIn(space);
    for (const pod of childrenOf(space, "pod")) {
      const owner = child(pod, "owner");
      const keyword = oneOf(owner, "kind", "word")?.text;
      const name = oneOf(owner, "workload", "name")?.text;
      if (name === undefined || !isKind(keyword)) continue;
      const key = `${keyword} ${namespace}/${name}`;
      valueAt(found, key, () => ({ keyword, namespace, name, pods: new Set<Handle>() })).pods.add(pod.handle);
    }
  }
  return [...found.values()];
}

function isKind(text: string | undefined): text is OwnedPods["keyword"] {
  return text === "deployment" || text === "statefulset" || text === "daemonset";
}

/** By the handle of the pod. */
export function ownersOf(owned: readonly OwnedPods[]): ReadonlyMap<Handle, OwnedPods> {
  return new Map(owned.flatMap((group) => [...group.pods].map((pod) => [pod, group] as const)));
}
