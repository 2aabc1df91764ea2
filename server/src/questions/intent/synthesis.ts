/**
 * Least-privilege network policies from expectations: in each namespace with a pod that an expectation names, one policy
 * that isolates every pod, and one policy per workload that allows what the expectations and DNS need. Union semantics of
 * NetworkPolicy: a `blocked` expectation passes unless another expectation needs the same connection.
 */
import { formatPrefix, type Prefix, prefixEquals } from "../../addressing/ip.ts";
import type { Origin } from "../../declared/origin.ts";
import { headText } from "../../declared/text.ts";
import { valueAt } from "../../memo/memo.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { nameServer } from "../../topology/dns.ts";
import type { Cluster, Expectation, Topology, Workload } from "../../topology/model.ts";
import {
  DEFAULT,
  type Direction,
  NAMESPACE_NAME,
  NETWORK_ORDER,
  type Peer,
  type Policy,
  type PolicyPort,
  type PolicyRule,
} from "../../topology/policy.ts";
import { EVERYTHING, type Selector, selectorText, selects } from "../../topology/selector.ts";
import type { World } from "../expectations.ts";
import { type Need, needsOf, peerText } from "./needs.ts";

export interface Synthesis {
  /** The policies of each cluster that has any. */
  readonly policies: ReadonlyMap<Cluster, readonly Policy[]>;
  /** What the policies cannot express, and expectations without policies, one line each. */
  readonly notes: readonly string[];
}

/** `world`: the network without policies. */
export function synthesize(world: World, expectations: readonly Expectation[]): Synthesis {
  const notes = new Set<string>();
  const needs: Need[] = [];
  const isolated = new Map<Cluster, Map<string, Origin>>();
  for (const expectation of expectations) {
    const found = needsOf(world, expectation);
    if (found.problem !== undefined && expectation.want.kind !== "blocked")
      notes.add(t`\`${headText(expectation.source.decl)}\`: no policy helps: ${found.problem}`);
    needs.push(...found.needs);
    for (const { cluster, workload } of found.subjects) {
      const namespaces = isolated.get(cluster) ?? new Map<string, Origin>();
      isolated.set(cluster, namespaces);
      if (!namespaces.has(workload.namespace)) namespaces.set(workload.namespace, expectation.source);
    }
  }
  const policies = new Map<Cluster, readonly Policy[]>();
  for (const [cluster, namespaces] of isolated) {
    const own = needs.filter((need) => need.cluster === cluster && namespaces.has(need.subject.namespace));
    const all = [...own, ...dnsServing(cluster, namespaces, own)];
    const isolating = [...namespaces].map(([namespace, source]) => isolatingPolicy(namespace, source));
    policies.set(cluster, [...isolating, ...allowingPolicies(cluster, all, notes)]);
  }
  return { policies, notes: [...notes] };
}

/** The topology with these policies only. */
export function replacePolicies(topology: Topology, { policies }: Synthesis): Topology {
  const clusters = topology.clusters.map((cluster) => ({ ...cluster, policies: policies.get(cluster) ?? [] }));
  return { ...topology, clusters };
}

/** If the namespace of the DNS pods is isolated: all pods of the cluster can query them. */
function dnsServing(
  cluster: Cluster,
  namespaces: ReadonlyMap<string, Origin>,
  needs: readonly Need[],
): readonly Need[] {
  const server = nameServer(cluster);
  if (server === undefined || !namespaces.has(server.namespace)) return [];
  const servers = new Set(cluster.services.selected(server));
  return needs.flatMap((need): readonly Need[] =>
    need.direction === "egress" && need.peer.kind === "workload" && servers.has(need.peer.workload)
      ? [
          {
            ...need,
            direction: "ingress",
            subject: need.peer.workload,
            peer: { kind: "workload", workload: need.subject },
          },
        ]
      : [],
  );
}

/* ---------------------------------------------------------------- policies */

function isolatingPolicy(namespace: string, source: Origin): Policy {
  return { ...baseOf("default-deny", namespace, source), pods: EVERYTHING, ingress: [], egress: [] };
}

export function baseOf(name: string, namespace: string, source: Origin): Omit<Policy, "pods" | "ingress" | "egress"> {
  return {
    kind: "network",
    name,
    namespace,
    path: `${namespace}/${name}`,
    tier: DEFAULT,
    order: NETWORK_ORDER,
    namespaces: undefined,
    types: undefined,
    logs: [],
    ignored: [],
    source,
  };
}

interface Draft {
  readonly subject: Workload;
  readonly pods: Selector;
  readonly rules: Readonly<Record<Direction, RuleDraft[]>>;
}

/** Peers by their key, and the ports that all of them can use; `ports` undefined: all. */
interface RuleDraft {
  readonly peer: Peer;
  readonly key: string;
  readonly ports: Map<string, PolicyPort> | undefined;
}

/** One policy per workload with a need, for the directions in which it has needs. */
export function allowingPolicies(cluster: Cluster, needs: readonly Need[], notes: Set<string>): readonly Policy[] {
  const drafts = new Map<string, Draft>();
  const selectorOf = selectorsIn(cluster, notes);
  for (const need of needs) {
    const { subject } = need;
    const pods = selectorOf(subject);
    if (pods === undefined) continue;
    const key = `${subject.namespace} ${selectorText(pods)}`;
    const draft = drafts.get(key) ?? { subject, pods, rules: { ingress: [], egress: [] } };
    drafts.set(key, draft);
    for (const peer of peersOf(cluster, need, selectorOf)) addRule(draft.rules[need.direction], peer, need, notes);
  }
  const names = new Map<string, number>();
  return [...drafts.values()].flatMap(({ subject, pods, rules }) => {
    const source = (rules.ingress[0] ?? rules.egress[0])?.peer.source;
    if (source === undefined) return [];
    const count = names.get(`${subject.namespace}/${subject.name}`) ?? 0;
    names.set(`${subject.namespace}/${subject.name}`, count + 1);
    const name = count === 0 ? `allow-${subject.name}` : `allow-${subject.name}-${count + 1}`;
    const written = (direction: Direction): readonly PolicyRule[] | undefined =>
      rules[direction].length === 0 ? undefined : joined(direction, rules[direction]);
    return [
      { ...baseOf(name, subject.namespace, source), pods, ingress: written("ingress"), egress: written("egress") },
    ];
  });
}

function addRule(
  rules: RuleDraft[],
  peer: Peer,
  { port, subject, source, peer: needed }: Need,
  notes: Set<string>,
): void {
  const key = peerKey(peer);
  const known = rules.find((rule) => rule.key === key);
  if (port === undefined) {
    notes.add(
      t`\`${headText(source.decl)}\`: a NetworkPolicy cannot express ICMP; all ports are open between ${subject.namespace}/${subject.name} and ${peerText(needed)}`,
    );
    if (known) rules.splice(rules.indexOf(known), 1);
    rules.push({ key, peer, ports: undefined });
    return;
  }
  const range: PolicyPort = { kind: "range", proto: port.proto, first: port.port, last: port.port, source };
  if (known === undefined) rules.push({ key, peer, ports: new Map([[`${port.proto} ${port.port}`, range]]) });
  else known.ports?.set(`${port.proto} ${port.port}`, range);
}

/** One rule for all peers with the same ports, in order of the expectations. */
function joined(direction: Direction, drafts: readonly RuleDraft[]): readonly PolicyRule[] {
  const rules = new Map<string, { readonly peers: Peer[]; readonly ports: readonly PolicyPort[] | undefined }>();
  for (const { peer, ports } of drafts) {
    const key = ports === undefined ? "all" : [...ports.keys()].sort().join();
    const rule = rules.get(key) ?? { peers: [], ports: ports && [...ports.values()] };
    rules.set(key, rule);
    rule.peers.push(peer);
  }
  return [...rules.values()].flatMap(({ peers, ports }) => {
    const source = peers[0]?.source;
    return source === undefined ? [] : [{ direction, action: "allow", peers, ports, source } as const];
  });
}

/* --------------------------------------------------------------- selectors */

/** Labels that people use to name a workload, preferred in this order (kubernetes.io, Recommended Labels). */
const NAMING_LABELS = ["app", "app.kubernetes.io/name", "k8s-app", "name"];

/** The selector of a workload; undefined: it has no labels. */
type Selectors = (workload: Workload) => Selector | undefined;

/**
 * Labels that only the workload has in its namespace: one label if possible, all otherwise. Other workloads that its labels
 * select are noted.
 */
export function selectorsIn({ workloads }: Cluster, notes: Set<string>): Selectors {
  const byNamespace = new Map<string, Workload[]>();
  for (const one of workloads) valueAt(byNamespace, one.namespace, (): Workload[] => []).push(one);
  const known = new Map<Workload, Selector | undefined>();
  const find = (workload: Workload): Selector | undefined => {
    const { labels, namespace, name } = workload;
    if (labels.size === 0) {
      notes.add(t`${namespace}/${name} has no labels, so no policy can select it`);
      return undefined;
    }
    const others = (byNamespace.get(namespace) ?? []).filter((one) => one !== workload);
    const all = [...labels].map(([key, value]) => ({ key, operator: "In", values: [value] }) as const);
    const single = [...all].sort((a, b) => rank(a.key) - rank(b.key)).map((one): Selector => [one]);
    const exact = [...single, all].find((selector) => !others.some((one) => selects(selector, one.labels)));
    if (exact) return exact;
    const also = others.filter((one) => selects(all, one.labels)).map((one) => `${one.namespace}/${one.name}`);
    notes.add(t`the labels of ${namespace}/${name} also select ${list(also, 3)}`);
    return all;
  };
  return (workload) => {
    if (!known.has(workload)) known.set(workload, find(workload));
    return known.get(workload);
  };
}

function rank(key: string): number {
  const index = NAMING_LABELS.indexOf(key);
  return index === -1 ? NAMING_LABELS.length : index;
}

function peersOf(cluster: Cluster, { peer, subject, source }: Need, selectorOf: Selectors): readonly Peer[] {
  switch (peer.kind) {
    case "workload": {
      const { workload } = peer;
      const pods = selectorOf(workload);
      if (pods === undefined) return [];
      const isSame = workload.namespace === subject.namespace;
      const namespaces: Selector | undefined = isSame
        ? undefined
        : [{ key: NAMESPACE_NAME, operator: "In", values: [workload.namespace] }];
      return [{ kind: "pods", pods, namespaces, source }];
    }
    case "addresses":
      return distinct(peer.prefixes).map((cidr) => ({ kind: "cidr", cidr, except: [], source }));
    case "outside":
      return outside(cluster, source);
  }
}

/** Everything except the pods, per address family of the cluster. */
function outside({ podCidrs }: Cluster, source: Origin): readonly Peer[] {
  const ranges = podCidrs.map(({ prefix }) => prefix);
  return ([0, 0n] as const).flatMap((ip): readonly Peer[] => {
    const except = ranges.filter((one) => typeof one.ip === typeof ip);
    return except.length === 0 ? [] : [{ kind: "cidr", cidr: { ip, len: 0 }, except, source }];
  });
}

function distinct(prefixes: readonly Prefix[]): readonly Prefix[] {
  return prefixes.filter((one, index) => prefixes.findIndex((other) => prefixEquals(one, other)) === index);
}

function peerKey(peer: Peer): string {
  switch (peer.kind) {
    case "pods":
      return `${peer.namespaces === undefined ? "" : selectorText(peer.namespaces)}/${selectorText(peer.pods)}`;
    case "cidr":
      return formatPrefix(peer.cidr);
    case "nodes":
      return selectorText(peer.nodes);
  }
}
