/** Texts for the kinds and places of objects in problem data. */
import type { NamedKind, Place } from "../declared/problem-data.ts";
import { list } from "../text/format.ts";
import { phrase, t, translated } from "../text/l10n.ts";
import type { Workload } from "../topology/model.ts";
import { ownerOf } from "../topology/owners.ts";

const KINDS: Readonly<Record<NamedKind, string>> = {
  segment: phrase("segment"),
  router: phrase("router"),
  host: phrase("host"),
  cluster: phrase("cluster"),
  node: phrase("node"),
  namespace: phrase("namespace"),
  pod: phrase("pod"),
  deployment: phrase("deployment"),
  statefulset: phrase("statefulset"),
  daemonset: phrase("daemonset"),
  service: phrase("service"),
  container: phrase("container"),
  daemon: phrase("daemon"),
  policy: phrase("policy"),
  "security-group": phrase("security group"),
  endpoint: phrase("endpoint"),
  station: phrase("router, node, or host"),
  "calico-tier": phrase("Calico tier"),
};

export function kindText(kind: NamedKind): string {
  return translated(KINDS[kind]);
}

export function placeText(place: Place): string {
  if (place === "topology") return t`the topology`;
  return "text" in place ? place.text : t`${kindText(place.kind)} \`${place.name}\``;
}

/** The workload of the pods: deployment `web`. */
export function workloadText(workload: Workload): string {
  const { kind, name } = ownerOf(workload);
  return `${kind} \`${name}\``;
}

/** The workloads of the pods, each once. */
export function workloadTexts(workloads: readonly Workload[]): string {
  return list([...new Set(workloads.map(workloadText))]);
}
