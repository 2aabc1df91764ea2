/**
 * The contents of one `namespace` statement, read once: an edit in one of hundreds of namespaces reads only that one
 * again.
 */

import { nameOf, sourceOf } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import type { ReadCache } from "./cache.ts";
import type { IngressParts } from "./ingress.ts";
import type { Workload } from "./model.ts";
import type { NamespaceParts, PlacedPolicy, PlacedService, PlacedWorkload } from "./parts.ts";
import { policyKeyword } from "./policy.ts";
import { readService } from "./service.ts";
import { readWorkload } from "./workload.ts";

/** Undefined if the name is unreadable. */
export function namespaceParts(file: string, decl: Decl, cache: ReadCache): NamespaceParts | undefined {
  return readOnce(cache.namespaces, file, decl, () => readNamespace(file, decl, cache));
}

function readNamespace(file: string, decl: Decl, cache: ReadCache): NamespaceParts | undefined {
  const name = nameOf(decl);
  if (name === undefined) return undefined;
  const labels: Decl[] = [];
  const workloads: PlacedWorkload[] = [];
  const services: PlacedService[] = [];
  const policies: PlacedPolicy[] = [];
  const ingresses: IngressParts[] = [];
  for (const inner of decl.children) {
    const keyword = inner.spec?.keyword;
    const workload = workloadIn(file, inner, name, cache);
    const service = workload === undefined ? serviceIn(file, inner, name, cache) : undefined;
    if (workload !== undefined) workloads.push(workload);
    else if (service !== undefined) services.push(service);
    else if (policyKeyword(keyword) !== undefined) policies.push({ decl: inner, namespace: name });
    else if (isIngress(inner)) ingresses.push({ decl: inner, namespace: name });
    else if (keyword === "labels") labels.push(inner);
  }
  return { file, name, source: sourceOf(file, decl), labels, workloads, services, policies, ingresses };
}

/** Undefined if it is not a workload, or has no name. */
export function workloadIn(
  file: string,
  decl: Decl,
  namespace: string,
  { workloads }: ReadCache,
): PlacedWorkload | undefined {
  const kind = workloadKind(decl.spec?.keyword);
  const parts = kind && readOnce(workloads, file, decl, () => readWorkload(file, decl, kind));
  return parts && { namespace, parts };
}

/** Undefined if it is not a service, or has no name. */
export function serviceIn(
  file: string,
  decl: Decl,
  namespace: string,
  { services }: ReadCache,
): PlacedService | undefined {
  if (decl.spec?.keyword !== "service") return undefined;
  const parts = readOnce(services, file, decl, () => readService(file, decl));
  return parts && { namespace, parts };
}

function workloadKind(keyword: string | undefined): Workload["kind"] | undefined {
  switch (keyword) {
    case "pod":
    case "deployment":
    case "statefulset":
    case "daemonset":
      return keyword;
    default:
      return undefined;
  }
}

function isIngress({ spec }: Decl): boolean {
  return spec?.keyword === "ingress" || spec?.keyword === "gateway" || spec?.keyword === "http-route";
}

/** The parts read from this declaration before, for this file. */
export function readOnce<T extends { readonly file: string }>(
  known: WeakMap<Decl, T>,
  file: string,
  decl: Decl,
  read: () => T | undefined,
): T | undefined {
  const before = known.get(decl);
  if (before?.file === file) return before;
  const made = read();
  if (made !== undefined) known.set(decl, made);
  return made;
}
