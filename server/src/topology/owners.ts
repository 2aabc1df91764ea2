/**
 * Workloads as a person counts them. In a dump, each pod is a declaration of its own, with the workload that created it: the
 * pods with one owner are one workload.
 */
import { memo, valueAt } from "../memo/memo.ts";
import type { Workload } from "./model.ts";

/** The pods of one workload: a declared workload, the pods with this owner, or both. */
export interface WorkloadPods {
  readonly kind: Workload["kind"];
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** In order of declaration; never empty. */
  readonly parts: readonly Workload[];
}

/** In the order of their first declarations. */
export const workloadPods = memo((workloads: readonly Workload[]): readonly WorkloadPods[] => {
  const found = new Map<string, WorkloadPods & { readonly parts: Workload[] }>();
  for (const one of workloads) {
    const { kind, name } = ownerOf(one);
    const { cluster, namespace } = one;
    const key = `${kind} ${namespace}/${name}`;
    valueAt(found, key, () => ({ kind, cluster, namespace, name, parts: [] })).parts.push(one);
  }
  return [...found.values()];
});

/** The workload that a declaration belongs to: its owner, or itself. */
export function ownerOf({ owner, kind, name }: Workload): Pick<Workload, "kind" | "name"> {
  return owner ?? { kind, name };
}

/** The pods whose owner has this name; usually one owner. */
export function ownedPods(workloads: readonly Workload[], namespace: string, name: string): readonly Workload[] {
  return byOwner(workloads).get(`${namespace}/${name}`) ?? [];
}

const byOwner = memo((workloads: readonly Workload[]): ReadonlyMap<string, readonly Workload[]> => {
  const found = new Map<string, Workload[]>();
  for (const one of workloads)
    if (one.owner) valueAt(found, `${one.namespace}/${one.owner.name}`, (): Workload[] => []).push(one);
  return found;
});

/** One declaration of each workload. */
export function oneOfEach(workloads: readonly Workload[]): readonly Workload[] {
  return workloadPods(workloads).flatMap(({ parts: [first] }) => first ?? []);
}
