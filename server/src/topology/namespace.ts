/**
 * The contents of one `namespace` statement, read once: an edit in one of hundreds of namespaces reads only that one
 * again.
 */

import { nameOf } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { sourceOf } from "../declared/origin.ts";
import { memo } from "../memo/memo.ts";
import type { IngressParts } from "./ingress.ts";
import type { Workload } from "./model.ts";
import type { NamespaceParts, PlacedPolicy, PlacedService, PlacedWorkload } from "./parts.ts";
import { policyKeyword } from "./policy.ts";
import { readService } from "./service.ts";
import { readWorkload } from "./workload.ts";

/** Undefined if the name is unreadable. */
export const namespaceParts = memo((decl: Decl, file: string): NamespaceParts | undefined => {
  const name = nameOf(decl);
  if (name === undefined) return undefined;
  const labels: Decl[] = [];
  const workloads: PlacedWorkload[] = [];
  const services: PlacedService[] = [];
  const policies: PlacedPolicy[] = [];
  const ingresses: IngressParts[] = [];
  for (const inner of decl.children) {
    const keyword = inner.spec?.keyword;
    const workload = workloadIn(inner, file, name);
    const service = workload === undefined ? serviceIn(inner, file, name) : undefined;
    if (workload !== undefined) workloads.push(workload);
    else if (service !== undefined) services.push(service);
    else if (policyKeyword(keyword) !== undefined) policies.push({ decl: inner, namespace: name });
    else if (isIngress(inner)) ingresses.push({ decl: inner, namespace: name });
    else if (keyword === "labels") labels.push(inner);
  }
  return { name, source: sourceOf(file, decl), labels, workloads, services, policies, ingresses };
});

/** Undefined if it is not a workload, or has no name. */
export function workloadIn(decl: Decl, file: string, namespace: string): PlacedWorkload | undefined {
  return workloadKind(decl.spec?.keyword) && placedWorkload(decl, file, namespace);
}

const placedWorkload = memo((decl: Decl, file: string, namespace: string): PlacedWorkload | undefined => {
  const kind = workloadKind(decl.spec?.keyword);
  const parts = kind && readWorkload(file, decl, kind);
  return parts && { namespace, parts };
});

/** Undefined if it is not a service, or has no name. */
export function serviceIn(decl: Decl, file: string, namespace: string): PlacedService | undefined {
  return decl.spec?.keyword === "service" ? placedService(decl, file, namespace) : undefined;
}

const placedService = memo((decl: Decl, file: string, namespace: string): PlacedService | undefined => {
  const parts = readService(file, decl);
  return parts && { namespace, parts };
});

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
