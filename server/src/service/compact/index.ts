/**
 * An imported cluster as a person would write it: node pools, and workloads instead of their pods. Each form is analyzed and compared with
 * the source; a form with another result is replaced by a longer one.
 */
import { catalog } from "../../checks/catalog.ts";
import { child, childrenOf } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Handle } from "../../declared/handle.ts";
import { printDecls } from "../../declared/print.ts";
import { knetDocument } from "../../frontends/knet/document.ts";
import { format } from "../../frontends/knet/format.ts";
import { parse } from "../../frontends/knet/parser.ts";
import type { ManifestDocuments } from "../../frontends/kubernetes/document.ts";
import { INITIAL_NAMESPACES, NAMESPACE_NAME } from "../../topology/policy.ts";
import { type Analysis, analyse } from "../analysis.ts";
import { type Facts, factsOf, labelsIn, nameIn } from "./facts.ts";
import { namesOf, plainNode, type Run, type RunForm, runsOf, writeRun } from "./nodes.ts";
import { type OwnedPods, ownedPods, ownersOf } from "./owners.ts";
import { type Folding, foldPods, withLabels } from "./pods.ts";
import {
  findingKey,
  insiders,
  isComparable,
  movedEnds,
  nodeText,
  type Subjects,
  subjectOf,
  subjectsOf,
} from "./verify.ts";

/** The text of a `.knet` file with the same result as the documents. The import of its export has the same text. */
export function compactText({ documents }: ManifestDocuments): string {
  const decls = documents.flatMap((one) => one.decls);
  let text = shorter(decls, analyse(documents[0].file, documents));
  for (let tries = 0; tries < MOST_PASSES; tries++) {
    const analysis = read(text);
    const next = shorter(analysis.files[0]?.decls ?? [], analysis);
    if (next === text) break;
    text = next;
  }
  return text;
}

const MOST_PASSES = 2;

function shorter(decls: readonly Decl[], analysis: Analysis): string {
  const whole = textOf(decls);
  const clusters = decls.filter(({ spec }) => spec?.keyword === "cluster");
  // Clusters of a cloud's network have node pools.
  const cluster = clusters.find((one) => child(one, "node") !== undefined) ?? clusters[0];
  if (!cluster) return whole;
  const source = sourceOf(decls, cluster, analysis);
  for (const folding of FOLDINGS) {
    const text = folded(source, folding);
    if (text !== undefined) return text;
  }
  return whole;
}

const FOLDINGS: readonly Folding[] = ["all", "exact", "none"];

function textOf(decls: readonly Decl[]): string {
  return format(printDecls(decls));
}

/* ---------------------------------------------------------------- the source */

interface Source {
  readonly decls: readonly Decl[];
  readonly cluster: Decl;
  readonly facts: Facts;
  readonly owned: readonly OwnedPods[];
  readonly owners: ReadonlyMap<Handle, OwnedPods>;
  /** Path of the workload of a pod, by the pod's path. */
  readonly names: (path: string) => string;
  readonly analysis: Analysis;
  readonly nodes: ReadonlyMap<string, string>;
  /** Undefined if there are too many pods to compare the findings. */
  readonly findings: Findings | undefined;
}

interface Findings {
  readonly keys: ReadonlySet<string>;
  /** The pods that a finding is about, by its key. */
  readonly pods: ReadonlyMap<string, ReadonlySet<Handle>>;
}

/** Larger clusters are written without comparing their findings. */
const MOST_PODS = 20_000;

function sourceOf(decls: readonly Decl[], cluster: Decl, analysis: Analysis): Source {
  const owned = ownedPods(cluster);
  const owners = ownersOf(owned);
  const paths = new Map<string, string>();
  for (const namespace of childrenOf(cluster, "namespace")) {
    for (const pod of childrenOf(namespace, "pod")) {
      const group = owners.get(pod.handle);
      if (group) paths.set(`${group.namespace}/${nameIn(pod)}`, `${group.namespace}/${group.name}`);
    }
  }
  const count = analysis.topology.clusters.reduce((sum, { pods }) => sum + pods.count, 0);
  return {
    decls,
    cluster,
    facts: factsOf(cluster),
    owned,
    owners,
    names: (path) => paths.get(path) ?? path,
    analysis,
    nodes: nodesOf(analysis),
    findings: count > MOST_PODS ? undefined : findingsOf(analysis, subjectsOf(decls, owners), podOf(cluster)),
  };
}

function nodesOf({ topology }: Analysis): ReadonlyMap<string, string> {
  return new Map(topology.clusters.flatMap(({ nodes }) => nodes.map((node) => [node.name, nodeText(node)] as const)));
}

/** The pod that a declaration belongs to, by handle. */
function podOf(cluster: Decl): ReadonlyMap<Handle, Handle> {
  const found = new Map<Handle, Handle>();
  const visit = (decl: Decl, pod: Handle): void => {
    found.set(decl.handle, pod);
    for (const one of decl.children) visit(one, pod);
  };
  for (const namespace of childrenOf(cluster, "namespace"))
    for (const pod of childrenOf(namespace, "pod")) visit(pod, pod.handle);
  return found;
}

/** What the objects do not show: comments at the top of the file. */
const ABOUT_SOURCES: ReadonlySet<string> = new Set(
  catalog.flatMap(({ family, code }) => (family === "import" ? code : [])),
);

function findingsOf(analysis: Analysis, subjects: Subjects, podOfDecl: ReadonlyMap<Handle, Handle>): Findings {
  const keys = new Set<string>();
  const pods = new Map<string, Set<Handle>>();
  for (const finding of analysis.findings(() => false) ?? []) {
    if (ABOUT_SOURCES.has(finding.code)) continue;
    const key = findingKey(finding, subjects);
    keys.add(key);
    const own = pods.get(key) ?? new Set<Handle>();
    pods.set(key, own);
    for (const { decl } of [finding.source, ...finding.related.map(({ source }) => source)]) {
      const pod = podOfDecl.get(decl.handle);
      if (pod) own.add(pod);
    }
  }
  return { keys, pods };
}

/* ------------------------------------------------------------------ one form */

/** How often pods with findings that only one form has are left unchanged. */
const MOST_TRIES = 4;

/** Undefined if the result is different. */
function folded(source: Source, folding: Folding): string | undefined {
  const kept = new Set<Handle>();
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const form = formOf(source, folding, kept);
    if (form === undefined) return undefined;
    const text = textOf(form.decls);
    const outcome = compared(source, form, read(text), podHandles(source));
    if (outcome === "equal") return text;
    if (outcome === "different" || outcome.size === 0) return undefined;
    const before = kept.size;
    for (const pod of outcome) kept.add(pod);
    if (kept.size === before) return undefined;
  }
  return undefined;
}

function read(text: string): Analysis {
  return analyse("import.knet", [knetDocument("import.knet", parse(text))]);
}

function podHandles({ cluster, owned }: Source): ReadonlyMap<string, ReadonlySet<Handle>> {
  const own = new Map<string, ReadonlySet<Handle>>();
  for (const namespace of childrenOf(cluster, "namespace"))
    for (const pod of childrenOf(namespace, "pod"))
      own.set(subjectOf(`${nameIn(namespace)}/${nameIn(pod)}`), new Set([pod.handle]));
  for (const { namespace, name, pods } of owned) own.set(subjectOf(`${namespace}/${name}`), pods);
  return own;
}

interface Form {
  readonly decls: readonly Decl[];
}

/** The pods, then the nodes, whose ranges can depend on their pods. */
function formOf(source: Source, folding: Folding, kept: ReadonlySet<Handle>): Form | undefined {
  const { cluster, facts, owned, nodes } = source;
  const all = cluster.children.map((decl) => {
    switch (decl.spec?.keyword) {
      case "namespace":
        return plainNamespace(foldPods(decl, owned, facts, { folding, kept, nodes: new Set(nodes.keys()) }));
      case "node":
        return plainNode(decl, facts);
      default:
        return decl;
    }
  });
  const children = all.filter((decl) => !isImplied(decl));
  const runs = runsOf(children.filter(({ spec }) => spec?.keyword === "node"));
  return pooled(source, { ...cluster, children }, runs);
}

/** An empty namespace that every cluster has. */
function isImplied(decl: Decl): boolean {
  return decl.spec?.keyword === "namespace" && decl.children.length === 0 && INITIAL_NAMESPACES.includes(nameIn(decl));
}

/** Every namespace has the label with its name. */
function plainNamespace(namespace: Decl): Decl {
  const own = child(namespace, "labels");
  if (!own) return namespace;
  const labels = new Map([...labelsIn(own)].filter(([key]) => key !== NAMESPACE_NAME));
  const children = namespace.children.flatMap((decl) =>
    decl !== own ? [decl] : labels.size === 0 ? [] : [withLabels(own, labels)],
  );
  return { ...namespace, children };
}

const FORMS: readonly RunForm[] = ["plain", "addressed", "single"];

/** Each run in the shortest form in which its nodes have their addresses and ranges. */
function pooled(source: Source, cluster: Decl, runs: readonly Run[]): Form | undefined {
  const chosen = runs.map((run) => nextForm(run, -1));
  for (let tries = 0; tries <= FORMS.length; tries++) {
    const decls = withRuns(source, cluster, runs, chosen);
    const found = nodesOf(read(textOf(decls)));
    const wrong = runs.flatMap((run, index) =>
      namesOf(run).every((name) => found.get(name) === source.nodes.get(name)) ? [] : [index],
    );
    if (wrong.length === 0) return { decls };
    const open = wrong.filter((index) => chosen[index] !== FORMS.length - 1);
    // The pools take what a single node has.
    const changed =
      open.length > 0 ? open : chosen.flatMap((form, index) => (form === FORMS.length - 1 ? [] : [index]));
    if (changed.length === 0) return undefined;
    for (const index of changed) chosen[index] = nextForm(runs[index]!, chosen[index]!);
  }
  return {
    decls: withRuns(
      source,
      cluster,
      runs,
      runs.map(() => FORMS.length - 1),
    ),
  };
}

/** The index of the next form that can express the run. */
function nextForm(run: Run, after: number): number {
  let index = after + 1;
  while (index < FORMS.length - 1 && writeRun(run, FORMS[index]!) === undefined) index += 1;
  return Math.min(index, FORMS.length - 1);
}

function withRuns(
  { decls, cluster: original }: Source,
  cluster: Decl,
  runs: readonly Run[],
  forms: readonly number[],
): readonly Decl[] {
  const nodes = runs.flatMap((run, index) => writeRun(run, FORMS[forms[index] ?? 2]!) ?? run.nodes);
  const first = cluster.children.findIndex(({ spec }) => spec?.keyword === "node");
  const others = cluster.children.filter(({ spec }) => spec?.keyword !== "node");
  const children = first < 0 ? others : [...others.slice(0, first), ...nodes, ...others.slice(first)];
  return decls.map((decl) => (decl === original ? { ...cluster, children } : decl));
}

/* --------------------------------------------------------------- comparison */

/** "equal", "different", or the pods of findings that only one of the two has. */
function compared(
  source: Source,
  { decls }: Form,
  fresh: Analysis,
  groups: ReadonlyMap<string, ReadonlySet<Handle>>,
): "equal" | "different" | ReadonlySet<Handle> {
  const { facts, analysis, names, findings } = source;
  const inside = (one: Analysis): ReadonlySet<string> => insiders(one.topology, facts.narrow, names);
  const shifted = new Set(difference(inside(analysis), inside(fresh)).map((key) => key.slice(key.indexOf(" ") + 1)));
  if (shifted.size > 0 && !isComparable(analysis)) return oddPods([...shifted], groups);
  if (findings === undefined) return "equal";
  const document = fresh.files[0];
  const written = document?.decls ?? decls;
  const own = findingsOf(fresh, subjectsOf(written, ownersOf(written.flatMap(ownedPods))), new Map());
  const odd = new Set<Handle>();
  const only = [...findings.keys].filter((key) => !own.keys.has(key));
  const added = [...own.keys].filter((key) => !findings.keys.has(key));
  for (const key of only) for (const pod of findings.pods.get(key) ?? []) odd.add(pod);
  const subjects = added.map((key) => key.split(" ").slice(2).join(" "));
  for (const pod of oddPods(subjects, groups)) odd.add(pod);
  if (only.length + added.length > 0) return odd.size > 0 ? odd : "different";
  const moved = [...movedEnds(analysis, fresh, names)].map(subjectOf);
  if (moved.length === 0) return "equal";
  // Of the two ends of a connection, the one whose addresses a policy distinguishes.
  const guilty = moved.filter((one) => shifted.has(one));
  return oddPods(guilty.length > 0 ? guilty : moved, groups);
}

/** The pods of these workloads. */
function oddPods(subjects: readonly string[], groups: ReadonlyMap<string, ReadonlySet<Handle>>): ReadonlySet<Handle> {
  return new Set(subjects.flatMap((one) => [...(groups.get(one) ?? [])]));
}

/** The elements of only one of the sets. */
function difference(a: ReadonlySet<string>, b: ReadonlySet<string>): readonly string[] {
  return [...[...a].filter((one) => !b.has(one)), ...[...b].filter((one) => !a.has(one))];
}
