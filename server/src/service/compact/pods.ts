/** Running pods as the workload that created them, if neither their addresses nor their nodes matter. */
import { all, child, childrenOf, oneOf } from "../../declared/access.ts";
import { declare } from "../../declared/build.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Handle } from "../../declared/handle.ts";
import { wholeText } from "../../declared/text.ts";
import { addressesIn, type Facts, isSelected, labelsIn, nameIn } from "./facts.ts";
import type { OwnedPods } from "./owners.ts";

/** Which pods are combined. `exact`: only those whose nodes follow from the workload. `none`: pods keep their addresses. */
export type Folding = "all" | "exact" | "none";

export interface PodOptions {
  readonly folding: Folding;
  /** Pods that remain unchanged. */
  readonly kept: ReadonlySet<Handle>;
  readonly nodes: ReadonlySet<string>;
}

/** Labels that differ between the pods of one workload, and that nothing else uses. */
const PER_POD: ReadonlySet<string> = new Set([
  "apps.kubernetes.io/pod-index",
  "batch.kubernetes.io/controller-uid",
  "batch.kubernetes.io/job-completion-index",
  "batch.kubernetes.io/job-name",
  "controller-revision-hash",
  "controller-uid",
  "job-name",
  "pod-template-generation",
  "pod-template-hash",
  "statefulset.kubernetes.io/pod-name",
]);

/** Statements of a pod that its workload does not have, or that it has in another form. */
const PODS_OWN: ReadonlySet<string> = new Set(["labels", "address", "owner"]);

/** The namespace with each group of pods at the place of its first pod. */
export function foldPods(namespace: Decl, groups: readonly OwnedPods[], facts: Facts, options: PodOptions): Decl {
  const own = groups.filter((one) => one.namespace === nameIn(namespace));
  const taken = new Set(namespace.children.filter(isWorkload).map(nameIn));
  const folded = new Map<Handle, Decl>();
  const gone = new Set<Handle>();
  for (const group of own) {
    const pods = namespace.children.filter(({ handle }) => group.pods.has(handle) && !options.kept.has(handle));
    const fold = options.folding === "none" ? undefined : foldOf(namespace, group, pods, facts, options);
    if (!fold || (taken.has(group.name) && !fold.pods.some((pod) => nameIn(pod) === group.name))) continue;
    taken.add(group.name);
    const [first] = fold.pods;
    if (first) folded.set(first.handle, fold.workload);
    for (const pod of fold.pods) gone.add(pod.handle);
  }
  const children = namespace.children.flatMap((decl) => {
    const workload = folded.get(decl.handle);
    if (workload) return [workload];
    if (gone.has(decl.handle)) return [];
    return [decl.spec?.keyword === "pod" && !options.kept.has(decl.handle) ? plainPod(decl, facts, options) : decl];
  });
  return { ...namespace, children };
}

function isWorkload({ spec }: Decl): boolean {
  return ["pod", "deployment", "statefulset", "daemonset"].includes(spec?.keyword ?? "");
}

/** Without an address that nothing refers to. */
function plainPod(pod: Decl, facts: Facts, { folding }: PodOptions): Decl {
  if (folding === "none" || addressesIn(child(pod, "address")).some(facts.matters)) return pod;
  return { ...pod, children: pod.children.filter(({ spec }) => spec?.keyword !== "address") };
}

interface Fold {
  readonly workload: Decl;
  readonly pods: readonly Decl[];
}

function foldOf(
  namespace: Decl,
  group: OwnedPods,
  all: readonly Decl[],
  facts: Facts,
  options: PodOptions,
): Fold | undefined {
  const free = all
    .filter((pod) => !addressesIn(child(pod, "address")).some(facts.matters))
    .map((pod) => withoutReadiness(namespace, pod, facts));
  const pods = mostAlike(free, facts);
  const [first] = pods;
  if (!first) return undefined;
  const labels = keptLabels(first, facts);
  // A selector of single pods, as of a service for each pod of a StatefulSet.
  if ([...labels.keys()].some((key) => PER_POD.has(key))) return undefined;
  const place = placeOf(namespace, group, pods, facts, options);
  if (place === undefined) return undefined;
  const name = group.name;
  const args = place.keyword === "daemonset" ? { name } : { name, replicas: String(pods.length), on: place.on };
  const empty = declare(
    { keyword: place.keyword, args, children: [], handle: {} as Handle, file: first.file ?? "" },
    "namespace",
  );
  const others = first.children.filter(({ spec }) => !PODS_OWN.has(spec?.keyword ?? ""));
  const own = child(first, "labels");
  const shown = own && labels.size > 0 ? [withLabels(own, labels)] : [];
  return { workload: { ...empty, children: [...shown, ...others] }, pods };
}

/** Only services distinguish pods that are not ready. */
function withoutReadiness(namespace: Decl, pod: Decl, { services }: Facts): Decl {
  if (isSelected(services, namespace, labelsIn(child(pod, "labels")))) return pod;
  return { ...pod, children: pod.children.filter(({ spec }) => spec?.keyword !== "not-ready") };
}

/** Pods of an update, and pods that are not ready, differ from the others of their workload. */
function mostAlike(pods: readonly Decl[], facts: Facts): readonly Decl[] {
  const shapes = new Map<string, Decl[]>();
  for (const pod of pods) {
    const rest = pod.children.filter(({ spec }) => spec?.keyword !== "labels" && spec?.keyword !== "address");
    const labels = [...keptLabels(pod, facts)].map(([key, value]) => `${key}=${value}`).sort();
    const key = [...labels, ...rest.map(wholeText)].join("; ");
    shapes.set(key, [...(shapes.get(key) ?? []), pod]);
  }
  return [...shapes.values()].reduce<readonly Decl[]>((most, one) => (one.length > most.length ? one : most), []);
}

/** Without labels that no selector uses and that differ between the pods of a workload. */
function keptLabels(pod: Decl, { podKeys }: Facts): ReadonlyMap<string, string> {
  const labels = labelsIn(child(pod, "labels"));
  return new Map([...labels].filter(([key]) => !PER_POD.has(key) || podKeys.has(key)));
}

/** The statement with a part of its labels. */
export function withLabels(decl: Decl, labels: ReadonlyMap<string, string>): Decl {
  return {
    ...decl,
    values: decl.values.filter(({ value }) => value.kind !== "label" || labels.get(value.key) === value.value),
  };
}

interface Placed {
  readonly keyword: OwnedPods["keyword"];
  readonly on: string | undefined;
}

/** Where the workload's pods run; undefined if the pods must run on their nodes, and a workload cannot state them. */
function placeOf(
  namespace: Decl,
  group: OwnedPods,
  pods: readonly Decl[],
  facts: Facts,
  { folding, nodes }: PodOptions,
): Placed | undefined {
  const places = pods.map((pod) => oneOf(pod, "on", "ref")?.text);
  const distinct = new Set(places);
  const isOnEach = isEverywhere(distinct, nodes) && pods.length === nodes.size;
  if (group.keyword === "daemonset" && isOnEach) return { keyword: "daemonset", on: undefined };
  const keyword = group.keyword === "daemonset" ? "deployment" : group.keyword;
  const [only] = distinct;
  const isPinned =
    folding === "exact" || isOnHost(pods) || (!isEverywhere(distinct, nodes) && isLocal(namespace, pods, facts));
  if (!isPinned) return { keyword, on: undefined };
  return distinct.size === 1 && only !== undefined ? { keyword, on: only } : undefined;
}

/** If there is a pod on each node, there is also one if the pods are distributed in turn. */
function isEverywhere(places: ReadonlySet<string | undefined>, nodes: ReadonlySet<string>): boolean {
  return places.size === nodes.size && !places.has(undefined);
}

/** Whether the pods use addresses or ports of their nodes. */
function isOnHost([first]: readonly Decl[]): boolean {
  return first !== undefined && (child(first, "host-network") !== undefined || hasHostPort(first));
}

/** Whether a service prefers endpoints on the same node. */
function isLocal(namespace: Decl, [first]: readonly Decl[], { services }: Facts): boolean {
  const local = services.filter((one) => one.isLocal);
  return first !== undefined && isSelected(local, namespace, labelsIn(child(first, "labels")));
}

function hasHostPort(pod: Decl): boolean {
  return [pod, ...childrenOf(pod, "container")].some((one) =>
    childrenOf(one, "listen").some((listen) => all(listen, "host-port").length > 0),
  );
}
