/** A cluster as written. */

import { bits, type Prefix } from "../addressing/ip.ts";
import { child, nameOf, numberOf, one, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { type Origin, sourceOf } from "../declared/origin.ts";
import type { KeywordSpec } from "../declared/schema/types.ts";
import { succeed, succeedList } from "../memo/lineage.ts";
import { groups, perItem } from "../memo/list.ts";
import { memo } from "../memo/memo.ts";
import { buildIngresses, type IngressParts } from "./ingress.ts";
import type { Cluster, ClusterDns, CniSettings, Ingress, KubeProxy, LoadBalancer, PodCidr } from "./model.ts";
import { namespaceParts, serviceIn, workloadIn } from "./namespace.ts";
import { areWithin, isWithin, type NodeBudget } from "./node-budget.ts";
import type { PlacedPolicy, PlacedService, PlacedWorkload } from "./parts.ts";
import { addressesIn } from "./places.ts";
import { policyKeyword, readCalicoTier, type Tier } from "./policy.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import { type NodePortRange, readKubeProxy, readLoadBalancer, readNodePorts } from "./service.ts";
import {
  countOf,
  type DockerBridge,
  noLabels,
  nothing,
  readCni,
  readDockerBridge,
  readLabels,
  readStation,
  type StationParts,
} from "./station.ts";

export interface ClusterDraft {
  readonly name: string;
  readonly file: string;
  readonly decl: Decl;
  readonly source: Origin;
  readonly nameSource: Origin;
  readonly podCidrs: readonly PodCidr[];
  readonly serviceCidrs: readonly { readonly prefix: Prefix; readonly source: Origin }[];
  readonly cni: CniSettings;
  /** Undefined if not set. */
  readonly maxPods: number | undefined;
  readonly dockerBridge: DockerBridge | undefined;
  /** The statements of nodes and pools, and the same after reading. */
  readonly nodeDecls: readonly Decl[];
  readonly nodes: readonly StationParts[];
  readonly namespaces: ReadonlyMap<string, { readonly labels: ReadonlyMap<string, string>; readonly source: Origin }>;
  readonly workloads: readonly PlacedWorkload[];
  readonly policies: readonly PlacedPolicy[];
  /** Calico's tiers by name. */
  readonly tiers: ReadonlyMap<string, Tier>;
  readonly policyEngine: Cluster["policyEngine"];
  readonly services: readonly PlacedService[];
  readonly ingresses: readonly Ingress[];
  readonly kubeProxy: KubeProxy;
  readonly nodePorts: NodePortRange;
  readonly domain: string;
  readonly loadBalancer: LoadBalancer | undefined;
  readonly dns: ClusterDns;
  readonly problems: readonly TopologyProblem[];
}

/** Values for clusters that do not state their own. */
export interface ClusterDefaults {
  /** Kubernetes release: "1.34". */
  readonly version?: string | undefined;
}

/** `earlier`: the clusters of the previous build, by name. */
export function readCluster(
  file: string,
  decl: Decl,
  budget: NodeBudget,
  earlier: ReadonlyMap<string, ClusterDraft>,
  defaults: ClusterDefaults,
): ClusterDraft | undefined {
  const name = nameOf(decl);
  const nameRead = one(decl, "name");
  if (name === undefined || nameRead === undefined) return undefined;
  const before = earlier.get(name);
  const source = sourceOf(file, decl);
  const statements = statementsOf(decl.children);
  const all = (keyword: string): readonly Decl[] => statements.get(keyword) ?? nothing;
  /** From the first readable statement. */
  const first = <T>(keyword: string, read: (file: string, statement: Decl) => T | undefined): T | undefined =>
    readable(all(keyword), (statement) => read(file, statement))[0];
  const nodeDecls = succeedList(before?.nodeDecls, all(NODES));
  const tenants = readTenants(file, all(TENANT), source);
  const podCidrs = succeedList(
    before?.podCidrs,
    readable(all("pods"), (one) => podCidrIn(one, file)),
  );
  const serviceCidrs = readable(all("services"), (one) => serviceCidrIn(one, file));
  return succeed(before, {
    name,
    file,
    decl,
    source,
    nameSource: sourceOfRead(file, decl, nameRead),
    podCidrs,
    serviceCidrs: succeedList(before?.serviceCidrs, serviceCidrs),
    cni: first("cni", (_, one) => cniIn(one, file)) ?? { plugin: "none", decl: undefined, file, source },
    maxPods: numberOf(decl, "max-pods"),
    dockerBridge: first("docker-bridge", (_, one) => dockerBridgeIn(one, file)),
    nodeDecls,
    nodes: succeedList(before?.nodes, withinBudget(readNodes(nodeDecls, file, all("defaults")[0]), budget)),
    namespaces: tenants.namespaces,
    workloads: succeedList(before?.workloads, tenants.workloads),
    policies: tenants.policies,
    tiers: tenants.tiers,
    policyEngine: first("network-policy", readEngine),
    services: succeedList(before?.services, tenants.services),
    ingresses: buildIngresses(file, name, tenants.ingresses),
    kubeProxy: readKubeProxy(
      file,
      { proxy: all("kube-proxy")[0], version: all("version")[0], release: defaults.version },
      podCidrs,
      source,
    ),
    nodePorts: first("node-port-range", readNodePorts) ?? { first: 30000, last: 32767, source },
    domain: first("dns-domain", (_, one) => oneOf(one, "domain", "name")?.text) ?? "cluster.local",
    loadBalancer: first("load-balancer", readLoadBalancer),
    dns: dnsOf(file, all("cluster-dns")[0], all("node-local-dns")[0]),
    problems: all("pods").flatMap((one) => perNodeProblems(file, one)),
  });
}

function readable<T>(statements: readonly Decl[], read: (statement: Decl) => T | undefined): readonly T[] {
  return statements.flatMap((statement) => read(statement) ?? []);
}

/** The statements by keyword; nodes and pools are one group, and all tenants are one group. */
const statementsOf = groups<Decl, string>(({ spec }) => (spec === undefined ? nothing : groupOf(spec)));

const NODES = "node";
const TENANT = "namespace";

const groupOf = memo(({ keyword }: KeywordSpec): readonly string[] => [
  keyword === "nodes" ? NODES : TENANTS.has(keyword) ? TENANT : keyword,
]);

/* ------------------------------------------------------------------- nodes */

const nodeIn = memo((decl: Decl, file: string, defaults: Decl | undefined) =>
  readStation(file, decl, "node", defaults),
);
const readNodes = perItem<Decl, StationParts | undefined, [string, Decl | undefined]>((decl, file, defaults) =>
  nodeIn(decl, file, defaults),
);

const counts = perItem<StationParts | undefined, number | undefined>((parts) => parts && countOf(parts));
/** Undefined if one of the counts is. */
const sum = memo((all: readonly (number | undefined)[]): number | undefined =>
  all.reduce<number | undefined>(
    (before, one) => (before !== undefined && one !== undefined ? before + one : undefined),
    0,
  ),
);

function withinBudget(nodes: readonly (StationParts | undefined)[], budget: NodeBudget): readonly StationParts[] {
  const count = sum(counts(nodes));
  // A defined sum means that no member is undefined.
  if (count !== undefined && areWithin(budget, count)) return nodes as readonly StationParts[];
  const within: StationParts[] = [];
  for (const parts of nodes)
    if (parts !== undefined && isWithin(budget, countOf(parts), parts.source)) within.push(parts);
  return within;
}

/* ----------------------------------------------------------------- tenants */

/** Statements with workloads, services, and policies, inside and outside of namespaces. */
interface TenantParts {
  readonly namespaces: ReadonlyMap<string, { readonly labels: ReadonlyMap<string, string>; readonly source: Origin }>;
  readonly workloads: readonly PlacedWorkload[];
  readonly services: readonly PlacedService[];
  readonly policies: readonly PlacedPolicy[];
  readonly ingresses: readonly IngressParts[];
  readonly tiers: ReadonlyMap<string, Tier>;
}

const TENANTS: ReadonlySet<string> = new Set([
  "namespace",
  "pod",
  "deployment",
  "statefulset",
  "daemonset",
  "service",
  "policy",
  "admin-policy",
  "baseline-admin-policy",
  "calico-policy",
  "calico-tier",
]);

function readTenants(file: string, statements: readonly Decl[], source: Origin): TenantParts {
  const namespaces = new Map<string, { labels: ReadonlyMap<string, string>; source: Origin }>();
  const workloads: PlacedWorkload[] = [];
  const services: PlacedService[] = [];
  const policies: PlacedPolicy[] = [];
  const ingresses: IngressParts[] = [];
  const tiers = new Map<string, Tier>();
  /** A namespace exists as soon as it contains something. */
  const addNamespace = (namespace: string, place: Origin): void => {
    if (!namespaces.has(namespace)) namespaces.set(namespace, { labels: noLabels, source: place });
  };
  for (const statement of statements) {
    const keyword = statement.spec?.keyword;
    if (keyword === undefined) continue;
    if (keyword === "namespace") {
      const parts = namespaceParts(statement, file);
      if (parts === undefined) continue;
      addNamespace(parts.name, parts.source);
      for (const one of parts.workloads) workloads.push(one);
      for (const one of parts.services) services.push(one);
      policies.push(...parts.policies);
      ingresses.push(...parts.ingresses);
      const before = namespaces.get(parts.name);
      if (before === undefined || parts.labels.length === 0) continue;
      let labels = new Map(before.labels);
      for (const one of parts.labels) labels = readLabels(one, labels);
      namespaces.set(parts.name, { ...before, labels });
    } else if (keyword === "calico-tier") {
      const tier = readCalicoTier(statement);
      if (tier !== undefined) tiers.set(tier.name, tier);
    } else if (policyKeyword(keyword) !== undefined) policies.push({ decl: statement, namespace: undefined });
    else {
      const workload = workloadIn(statement, file, "default");
      const service = workload === undefined ? serviceIn(statement, file, "default") : undefined;
      if (workload !== undefined) workloads.push(workload);
      if (service !== undefined) services.push(service);
      if (workload !== undefined || service !== undefined) addNamespace("default", source);
    }
  }
  return { namespaces, workloads, services, policies, ingresses, tiers };
}

/* ---------------------------------------------------------------- settings */

const cniIn = memo((decl: Decl, file: string) => readCni(file, decl));
const dockerBridgeIn = memo((decl: Decl, file: string) => readDockerBridge(file, decl));

function readEngine(file: string, decl: Decl): Cluster["policyEngine"] {
  const engine = oneOf(decl, "engine", "word")?.text;
  return engine === undefined ? undefined : { engine, source: sourceOf(file, decl) };
}

/** The address in the documentation and the manifest of NodeLocal DNSCache: 169.254.20.10. */
const LOCAL_DNS = 0xa9fe140a;

function dnsOf(file: string, servers: Decl | undefined, local: Decl | undefined): ClusterDns {
  if (servers === undefined && local === undefined) return NO_DNS;
  const ips = local ? addressesIn(file, local).map(({ ip }) => ip) : [];
  return {
    servers: servers ? addressesIn(file, servers) : nothing,
    nodeLocal: local && { ips: ips.length > 0 ? ips : [LOCAL_DNS], source: sourceOf(file, local) },
  };
}
const NO_DNS: ClusterDns = { servers: nothing, nodeLocal: undefined };

const podCidrIn = memo((decl: Decl, file: string): PodCidr | undefined => {
  const prefix = oneOf(decl, "prefix", "prefix")?.prefix;
  if (prefix === undefined) return undefined;
  const width = bits(prefix.ip);
  const perNode = oneOf(decl, "per-node", "length")?.len ?? (width === 32 ? 24 : 64);
  return { prefix, perNode: Math.min(perNode, width), source: sourceOf(file, decl) };
});

const serviceCidrIn = memo((decl: Decl, file: string): Cluster["serviceCidrs"][number] | undefined => {
  const read = one(decl, "prefix");
  return read?.value.kind === "prefix"
    ? { prefix: read.value.prefix, source: sourceOfRead(file, decl, read) }
    : undefined;
});

function perNodeProblems(file: string, decl: Decl): readonly TopologyProblem[] {
  const prefix = oneOf(decl, "prefix", "prefix")?.prefix;
  const length = one(decl, "per-node");
  if (prefix === undefined || length?.value.kind !== "length" || length.value.len <= bits(prefix.ip)) return nothing;
  const data = {
    keyword: "pods",
    argument: "per-node",
    text: `/${length.value.len}`,
    min: prefix.len,
    max: bits(prefix.ip),
  };
  return [problem(CODES.numberOutOfRange, sourceOfRead(file, decl, length), data)];
}

/** Whether the statement exists, readable or not. */
export function states(cluster: ClusterDraft, keyword: string): boolean {
  return child(cluster.decl, keyword) !== undefined;
}
