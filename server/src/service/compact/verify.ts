/** Whether two forms of a cluster have the same result: the addresses of nodes, the findings, and the matrix. */
import { formatIp, formatPrefix, type Prefix, prefixContains } from "../../addressing/ip.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Handle } from "../../declared/handle.ts";
import type { Finding } from "../../findings/finding.ts";
import { type MatrixAnswer, policyMatrix } from "../../kubernetes/matrix/matrix.ts";
import type { MatrixEnd } from "../../kubernetes/matrix/schema.ts";
import { type PortSet, portKey, union } from "../../kubernetes/policy/ports.ts";
import type { Node, Topology } from "../../topology/model.ts";
import type { Analysis } from "../analysis.ts";
import { reachMatrix } from "../matrix.ts";
import { nameIn } from "./facts.ts";
import type { OwnedPods } from "./owners.ts";

/** The addresses and ranges of a node. */
export function nodeText({ interfaces, podCidrs }: Node): string {
  const addresses = interfaces.flatMap(({ addresses: own }) => own.map(({ ip }) => formatIp(ip)));
  return [...addresses, ...podCidrs.map(({ prefix }) => formatPrefix(prefix))].join(" ");
}

/* ----------------------------------------------------------------- subjects */

/** What a declaration belongs to, in both forms of a cluster: "shop/workload web", "node". By handle. */
export type Subjects = ReadonlyMap<Handle, string>;

const WORKLOADS: ReadonlySet<string> = new Set(["pod", "deployment", "statefulset", "daemonset"]);

/** `owner`: the workload of a pod, by the pod's handle. */
export function subjectsOf(decls: readonly Decl[], owner: ReadonlyMap<Handle, OwnedPods>): Subjects {
  const subjects = new Map<Handle, string>();
  const visit = (decl: Decl, subject: string): void => {
    subjects.set(decl.handle, subject);
    for (const one of decl.children) visit(one, subject);
  };
  const enter = (decl: Decl, path: string): void => {
    const keyword = decl.spec?.keyword ?? "";
    const name = nameIn(decl);
    if (keyword === "cluster" || keyword === "namespace") {
      subjects.set(decl.handle, `${keyword} ${keyword === "cluster" ? "" : name}`);
      for (const one of decl.children) enter(one, keyword === "cluster" ? "" : `${name}/`);
    } else if (WORKLOADS.has(keyword)) visit(decl, `${path}workload ${owner.get(decl.handle)?.name ?? name}`);
    else visit(decl, keyword === "node" || keyword === "nodes" ? "node" : `${path}${keyword} ${name}`);
  };
  for (const decl of decls) enter(decl, "");
  return subjects;
}

export function findingKey({ code, severity, source }: Finding, subjects: Subjects): string {
  return `${code} ${severity} ${subjects.get(source.decl.handle) ?? ""}`;
}

/* ------------------------------------------------------------------- matrix */

/** The workload of each end, by path. */
export type EndNames = (path: string) => string;

/** Larger matrices are not compared: the matrix of the data plane traces packets. Findings cover the paths between nodes. */
const MOST_ENDS = { policy: 1500, reach: 150 } as const;

/** Whether the policy matrix is small enough to be compared. */
export function isComparable({ topology }: Analysis): boolean {
  return workloadCount(topology) <= MOST_ENDS.policy;
}

function workloadCount({ clusters }: Topology): number {
  return clusters.reduce((sum, { workloads }) => sum + workloads.length, 0);
}

/** The paths of the workloads whose connections differ: the same workloads must reach each other on the same ports. */
export function movedEnds(a: Analysis, b: Analysis, nameOf: EndNames): ReadonlySet<string> {
  const moved = new Set<string>();
  for (const kind of ["policy", "reach"] as const) {
    const first = pairs(a, kind, nameOf);
    const second = first && pairs(b, kind, nameOf);
    if (first === undefined || second === undefined) continue;
    for (const pair of [...first.keys(), ...second.keys()])
      if (first.get(pair) !== second.get(pair)) for (const end of pair.split(" > ")) moved.add(end);
  }
  return moved;
}

function pairs(
  { topology, network }: Analysis,
  kind: "policy" | "reach",
  nameOf: EndNames,
): ReadonlyMap<string, string> | undefined {
  if (workloadCount(topology) > MOST_ENDS[kind]) return undefined;
  const question = { from: undefined, to: undefined, byPod: false };
  const answer: MatrixAnswer =
    kind === "policy" ? policyMatrix(topology, question) : reachMatrix(topology, network, question);
  if (!answer.ok) return undefined;
  const found = new Map<string, PortSet>();
  const end = (one: MatrixEnd): string | undefined => ("path" in one ? nameOf(one.path) : undefined);
  for (const { from, to, ports } of answer.pairs) {
    const [sender, receiver] = [end(from), end(to)];
    if (sender === undefined || receiver === undefined) continue;
    const key = `${sender} > ${receiver}`;
    const known = found.get(key);
    found.set(key, known ? union(known, ports) : ports);
  }
  return new Map([...found].map(([key, ports]) => [key, portKey(ports)]));
}

/* ----------------------------------------------------------------- prefixes */

/** The workloads with a pod in each of the prefixes: "10.0.0.0/28 shop/workload web". */
export function insiders({ clusters }: Topology, prefixes: readonly Prefix[], nameOf: EndNames): ReadonlySet<string> {
  const found = new Set<string>();
  if (prefixes.length === 0) return found;
  for (const { workloads, pods } of clusters) {
    for (const workload of workloads) {
      for (let ordinal = 0; ordinal < workload.replicas; ordinal++) {
        const { addresses } = pods.podAt(workload, ordinal);
        for (const prefix of prefixes)
          if (addresses.some((ip) => prefixContains(prefix, ip)))
            found.add(`${formatPrefix(prefix)} ${subjectOf(nameOf(`${workload.namespace}/${workload.name}`))}`);
      }
    }
  }
  return found;
}

/** The subject of a workload with this path. */
export function subjectOf(path: string): string {
  return path.replace("/", "/workload ");
}
