/** A cluster's workloads, namespace by namespace. */

import type { Ip } from "../addressing/ip.ts";
import { sameList, valueAt } from "../memo/memo.ts";
import type { Node, PodIndex, Workload } from "./model.ts";
import type { TopologyProblem } from "./problems.ts";

/** The workloads and pods of a cluster. */
export interface Tenants {
  readonly workloads: readonly Workload[];
  workloadByName(namespace: string, name: string): Workload | undefined;
  readonly pods: PodIndex;
  holder(ip: Ip): Node | undefined;
  readonly problems: readonly TopologyProblem[];
}

type Namespaces = ReadonlyMap<string, readonly Workload[]>;

const known = new WeakMap<object, { readonly workloads: readonly Workload[]; readonly namespaces: Namespaces }>();
const nobody: readonly Workload[] = [];

/**
 * The list of a namespace is the list of the previous build if nothing in it has changed. `identity`: the cluster's.
 */
export function workloadsByNamespace(
  identity: object,
  workloads: readonly Workload[],
): (namespace: string) => readonly Workload[] {
  let made = known.get(identity);
  if (made?.workloads !== workloads) {
    made = { workloads, namespaces: grouped(workloads, made?.namespaces) };
    known.set(identity, made);
  }
  const { namespaces } = made;
  return (namespace) => namespaces.get(namespace) ?? nobody;
}

function grouped(workloads: readonly Workload[], before: Namespaces | undefined): Namespaces {
  const groups = new Map<string, Workload[]>();
  for (const workload of workloads) valueAt(groups, workload.namespace, (): Workload[] => []).push(workload);
  return new Map([...groups].map(([name, list]) => [name, sameList(before?.get(name), list)]));
}
