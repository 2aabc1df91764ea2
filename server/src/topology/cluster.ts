/** A cluster as written, and the ranges of its nodes. */
import { type Blocks, blocksOf, freeBlockCount, kthFreeBlock } from "../addressing/allocation.ts";
import {
  addIp,
  bits,
  type Family,
  family,
  formatPrefix,
  type IpRange,
  lastAddress,
  type Prefix,
  prefixCovers,
  prefixOf,
  prefixRange,
  prefixSize,
} from "../addressing/ip.ts";
import { child, nameOf, numberOf, one, oneOf, sourceOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import type { AddressingOf, Claims, ModeAddressing, NodeRange } from "./addressing.ts";
import type { ReadCache } from "./cache.ts";
import { type Claimant, claimer } from "./claims.ts";
import { buildIngresses, type IngressParts } from "./ingress.ts";
import type { Cluster, CniSettings, Ingress, KubeProxy, LoadBalancer, NodeCidr, PodCidr } from "./model.ts";
import { namespaceParts, readOnce, serviceIn, workloadIn } from "./namespace.ts";
import { isWithin, type NodeBudget } from "./node-budget.ts";
import type { PlacedPolicy, PlacedService, PlacedWorkload, PodCidrParts } from "./parts.ts";
import { fillInterfaces, type InterfaceUser, takeBlock } from "./pod-blocks.ts";
import { type Policy, type PolicyKeyword, policyKeyword, readCalicoTier, readPolicy, type Tier } from "./policy.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import type { SegmentDraft } from "./segments.ts";
import { type NodePortRange, readKubeProxy, readLoadBalancer, readNodePorts } from "./service.ts";
import {
  type DockerBridge,
  nameTwice,
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
  readonly nodes: readonly StationParts[];
  readonly namespaces: ReadonlyMap<string, { readonly labels: ReadonlyMap<string, string>; readonly source: Origin }>;
  readonly workloads: readonly PlacedWorkload[];
  readonly policies: readonly Policy[];
  readonly policyEngine: Cluster["policyEngine"];
  readonly services: readonly PlacedService[];
  readonly ingresses: readonly Ingress[];
  readonly kubeProxy: KubeProxy;
  readonly nodePorts: NodePortRange;
  readonly domain: string;
  readonly loadBalancer: LoadBalancer | undefined;
}

export function readCluster(
  file: string,
  decl: Decl,
  cache: ReadCache,
  budget: NodeBudget,
  problems: TopologyProblem[],
): ClusterDraft | undefined {
  const name = nameOf(decl);
  const nameRead = one(decl, "name");
  if (name === undefined || nameRead === undefined) return undefined;
  const source = sourceOf(file, decl);
  const podCidrs: PodCidr[] = [];
  const serviceCidrs: { prefix: Prefix; source: Origin }[] = [];
  const nodes: StationParts[] = [];
  const namespaces = new Map<string, { labels: ReadonlyMap<string, string>; source: Origin }>();
  const workloads: PlacedWorkload[] = [];
  const services: PlacedService[] = [];
  const ingresses: IngressParts[] = [];
  let kubeProxy: Decl | undefined;
  let version: Decl | undefined;
  let loadBalancer: LoadBalancer | undefined;
  let nodePorts: NodePortRange | undefined;
  let domain: string | undefined;
  let cni: CniSettings | undefined;
  let dockerBridge: DockerBridge | undefined;
  let policyEngine: Cluster["policyEngine"];
  const policies: PlacedPolicy[] = [];
  const tiers = new Map<string, Tier>();

  /** A namespace exists as soon as it contains something. */
  const addNamespace = (namespace: string, place: Origin): void => {
    if (!namespaces.has(namespace)) namespaces.set(namespace, { labels: noLabels, source: place });
  };
  for (const statement of decl.children) {
    const keyword = statement.spec?.keyword;
    switch (keyword) {
      case "service": {
        const service = serviceIn(file, statement, "default", cache);
        if (service === undefined) break;
        addNamespace("default", source);
        services.push(service);
        break;
      }
      case "kube-proxy":
        kubeProxy ??= statement;
        break;
      case "version":
        version ??= statement;
        break;
      case "load-balancer":
        loadBalancer ??= readLoadBalancer(file, statement);
        break;
      case "node-port-range":
        nodePorts ??= readNodePorts(file, statement);
        break;
      case "dns-domain":
        domain ??= nameOfArgument(statement, "domain");
        break;
      case "node":
      case "nodes": {
        const parts = stationParts(file, statement, "node", cache);
        if (parts === undefined) break;
        if (isWithin(budget, countOf(parts), parts.source)) nodes.push(parts);
        break;
      }
      case "pods": {
        const pods = readOnce(cache.podCidrs, file, statement, () => readPods(file, statement));
        if (pods !== undefined) podCidrs.push(pods.cidr);
        problems.push(...perNodeProblems(file, statement));
        break;
      }
      case "services": {
        const read = one(statement, "prefix");
        if (read?.value.kind === "prefix") {
          serviceCidrs.push({ prefix: read.value.prefix, source: sourceOfRead(file, statement, read) });
        }
        break;
      }
      case "cni":
        cni ??= readOnce(cache.plugins, file, statement, () => readCni(file, statement));
        break;
      case "docker-bridge":
        dockerBridge ??= readDockerBridge(file, statement);
        break;
      case "namespace": {
        const parts = namespaceParts(file, statement, cache);
        if (parts === undefined) break;
        addNamespace(parts.name, parts.source);
        for (const one of parts.workloads) workloads.push(one);
        for (const one of parts.services) services.push(one);
        policies.push(...parts.policies);
        ingresses.push(...parts.ingresses);
        const before = namespaces.get(parts.name);
        if (before === undefined || parts.labels.length === 0) break;
        let labels = new Map(before.labels);
        for (const one of parts.labels) labels = readLabels(one, labels);
        namespaces.set(parts.name, { ...before, labels });
        break;
      }
      case "network-policy": {
        const engine = oneOf(statement, "engine", "word")?.text;
        if (engine !== undefined) policyEngine ??= { engine, source: sourceOf(file, statement) };
        break;
      }
      case "calico-tier": {
        const tier = readCalicoTier(statement);
        if (tier !== undefined) tiers.set(tier.name, tier);
        break;
      }
      default: {
        const workload = workloadIn(file, statement, "default", cache);
        if (workload !== undefined) {
          addNamespace("default", source);
          workloads.push(workload);
        } else if (policyKeyword(keyword) !== undefined) policies.push({ decl: statement, namespace: undefined });
      }
    }
  }
  return {
    name,
    file,
    decl,
    source,
    nameSource: sourceOfRead(file, decl, nameRead),
    podCidrs,
    serviceCidrs,
    cni: cni ?? { plugin: "none", decl: undefined, file, source },
    maxPods: numberOf(decl, "max-pods"),
    dockerBridge,
    nodes,
    namespaces,
    workloads,
    policies: readPolicies(file, name, policies, tiers, cache, problems),
    policyEngine,
    services,
    ingresses: buildIngresses(file, name, ingresses),
    kubeProxy: readKubeProxy(file, { proxy: kubeProxy, version }, podCidrs, source),
    nodePorts: nodePorts ?? { first: 30000, last: 32767, source },
    domain: domain ?? "cluster.local",
    loadBalancer,
  };
}

/** Tiers can be declared after the policies that name them. Of two policies with one name, the first is used. */
function readPolicies(
  file: string,
  cluster: string,
  written: readonly PlacedPolicy[],
  tiers: ReadonlyMap<string, Tier>,
  cache: ReadCache,
  problems: TopologyProblem[],
): readonly Policy[] {
  const policies = new Map<string, Policy>();
  for (const { decl, namespace } of written) {
    const keyword = policyKeyword(decl.spec?.keyword);
    const policy = keyword && policyIn(file, decl, keyword, namespace, tiers, cache, problems);
    if (policy === undefined) continue;
    const key = `${policy.kind} ${policy.path}`;
    const before = policies.get(key);
    if (before === undefined) {
      policies.set(key, policy);
      continue;
    }
    const context =
      policy.namespace === undefined
        ? ({ kind: "cluster", name: cluster } as const)
        : ({ kind: "namespace", name: policy.namespace } as const);
    problems.push(nameTwice("policy", policy.name, context, { ...policy.source, part: 0 }, before.source));
  }
  return [...policies.values()];
}

function policyIn(
  file: string,
  decl: Decl,
  keyword: PolicyKeyword,
  namespace: string | undefined,
  tiers: ReadonlyMap<string, Tier>,
  { policies }: ReadCache,
  problems: TopologyProblem[],
): Policy | undefined {
  // Calico policies depend on tiers, which are declared elsewhere.
  if (keyword === "calico-policy") return readPolicy(file, decl, keyword, namespace, tiers, problems);
  let parts = policies.get(decl);
  if (parts?.file !== file || parts.namespace !== namespace) {
    const found: TopologyProblem[] = [];
    parts = { file, namespace, policy: readPolicy(file, decl, keyword, namespace, tiers, found), problems: found };
    policies.set(decl, parts);
  }
  problems.push(...parts.problems);
  return parts.policy;
}

/** Number of machines that a statement declares. */
export function countOf({ range }: StationParts): number {
  return range === undefined ? 1 : range.last - range.first + 1;
}

export function stationParts(
  file: string,
  decl: Decl,
  kind: StationParts["kind"],
  { stations }: ReadCache,
): StationParts | undefined {
  return readOnce(stations, file, decl, () => readStation(file, decl, kind));
}

function nameOfArgument(decl: Decl, argument: string): string | undefined {
  return oneOf(decl, argument, "name")?.text;
}

function readPods(file: string, decl: Decl): PodCidrParts | undefined {
  const prefix = oneOf(decl, "prefix", "prefix")?.prefix;
  if (prefix === undefined) return undefined;
  const width = bits(prefix.ip);
  const perNode = oneOf(decl, "per-node", "length")?.len ?? (width === 32 ? 24 : 64);
  return { file, cidr: { prefix, perNode: Math.min(perNode, width), source: sourceOf(file, decl) } };
}

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

/* ---------------------------------------------------------------- node ranges */

/** Allocates each node's ranges, in order of declaration. */
export interface RangeAllocator {
  /** `position`: index of the node in a pool; `segment`: the segment of its first interface. */
  next(parts: StationParts, path: string, position: number, segment: SegmentDraft | undefined): readonly NodeCidr[];
  /** Called after the pods have been placed: nodes claim the blocks or addresses that they need. */
  complete(claimants: () => readonly Claimant[]): void;
  /** Whether all ranges are allocated without `complete`, so the nodes can be kept for later builds. */
  isFinal(): boolean;
  /** Problems, after all nodes have their ranges. */
  problems(): readonly TopologyProblem[];
}

interface Pool {
  readonly family: Family;
  readonly range: NodeRange;
  /** Created for the first node that needs one. */
  blocks: Blocks | undefined;
  readonly source: Origin;
  taken: number;
}

interface Shortage {
  readonly node: string;
  count: number;
}

export function allocateRanges(
  cluster: ClusterDraft,
  addressing: ModeAddressing,
  addressingOf: AddressingOf,
): RangeAllocator {
  const blocksIn = (range: NodeRange): Blocks => {
    const reserved = outsideOf(range);
    for (const { podCidrs } of cluster.nodes) for (const { prefix } of podCidrs) reserved.push(prefixRange(prefix));
    if (range.avoidsServices !== false) {
      for (const { prefix } of cluster.serviceCidrs) reserved.push(prefixRange(prefix));
    }
    return blocksOf(range.within, range.perNode, reserved);
  };
  const { claims } = addressing;
  if (claims !== undefined) return claimRanges(cluster, addressing, claims);
  const pools = addressing.nodeRanges
    .filter(({ sameForAll }) => !sameForAll)
    .map(
      (range): Pool => ({
        family: family(range.within.ip),
        range,
        blocks: undefined,
        source: sourceOfRange(cluster, range.within),
        taken: 0,
      }),
    );
  const families = [...new Set(pools.map((pool) => pool.family))];
  const same = sameForAll(cluster, cluster.cni, undefined, addressing);
  const shortages = new Map<Family, Shortage>();
  const problems: TopologyProblem[] = [];
  const users: InterfaceUser[] = [];

  const allocated = (of: Family, path: string): NodeCidr | undefined => {
    for (const pool of pools) {
      if (pool.family !== of) continue;
      pool.blocks ??= blocksIn(pool.range);
      const prefix = kthFreeBlock(pool.blocks, pool.taken);
      if (prefix === undefined) continue;
      pool.taken++;
      return { prefix, allocated: true, source: pool.source };
    }
    const shortage = shortages.get(of);
    if (shortage === undefined) shortages.set(of, { node: path, count: 1 });
    else shortage.count++;
    return undefined;
  };

  return {
    next: (parts, path, _, segment) => {
      const { cni } = parts;
      const settings = cni ?? cluster.cni;
      const share = (cni === undefined ? addressing : addressingOf(cni, cluster.podCidrs, cluster.maxPods)).fromSegment;
      if (share?.kind === "interfaces") {
        if (parts.podCidrs.length > 0 || segment === undefined) return parts.podCidrs;
        const list: NodeCidr[] = [];
        users.push({ list, share, segment, source: settings.source });
        return list;
      }
      if (share !== undefined) {
        const block = parts.podCidrs.length === 0 && segment !== undefined ? takeBlock(segment, share) : undefined;
        return block === undefined ? parts.podCidrs : [{ prefix: block, allocated: true, source: settings.source }];
      }
      if (cni !== undefined && cni.plugin !== cluster.cni.plugin) {
        const own = addressingOf(cni, cluster.podCidrs, cluster.maxPods);
        const ranges = sameForAll(cluster, cni, parts, own);
        if (ranges.length > 0) return ranges;
      } else if (same.length > 0) {
        const plain = parts.dockerBridge === undefined && parts.podCidrs.length === 0;
        return plain ? same : sameForAll(cluster, cluster.cni, parts, addressing);
      }
      const stated = parts.podCidrs;
      for (const cidr of stated) checkInside(cluster, cidr, path, problems);
      let cidrs: readonly NodeCidr[] = stated;
      for (const of of families) {
        if (stated.length > 0 && stated.some(({ prefix }) => family(prefix.ip) === of)) continue;
        const cidr = allocated(of, path);
        if (cidr !== undefined) cidrs = [...cidrs, cidr];
      }
      return cidrs;
    },
    complete: (claimants) => {
      if (users.length > 0) fillInterfaces(users, claimants());
    },
    isFinal: () => users.length === 0,
    problems: () => [...problems, ...shortageProblems(cluster, pools, shortages)],
  };
}

/** The mode itself reports missing blocks. */
function claimRanges(cluster: ClusterDraft, addressing: ModeAddressing, claims: Claims): RangeAllocator {
  const given = (parts: StationParts, position: number): readonly NodeCidr[] =>
    parts.cni === undefined ? [] : claims.given(parts.cni).map((cidr) => shifted(cidr, position));
  const named = cluster.nodes.flatMap((parts) =>
    parts.cni === undefined ? [] : Array.from({ length: countOf(parts) }, (_, i) => given(parts, i)).flat(),
  );
  const made = claimer(
    addressing.nodeRanges,
    claims,
    (range) => range.source ?? sourceOfRange(cluster, range.within),
    (range) => {
      const reserved = outsideOf(range);
      for (const { prefix } of named) reserved.push(prefixRange(prefix));
      return blocksOf(range.within, range.perNode, reserved);
    },
  );
  return {
    next: (parts, _, position) => {
      const foreign = parts.cni !== undefined && parts.cni.plugin !== cluster.cni.plugin;
      return made.first(foreign ? undefined : given(parts, position), parts.labels, foreign);
    },
    complete: (claimants) => made.complete(claimants()),
    isFinal: () => false,
    problems: () => [],
  };
}

/** In a pool of nodes, the first node has the given block, the following nodes the following blocks. */
function shifted(cidr: NodeCidr, position: number): NodeCidr {
  const { prefix } = cidr;
  const size = prefixSize(prefix);
  const ip =
    typeof prefix.ip === "number" ? prefix.ip + Number(size) * position : prefix.ip + BigInt(size) * BigInt(position);
  return position === 0 ? cidr : { ...cidr, prefix: { ip, len: prefix.len } };
}

function shortageProblems(
  cluster: ClusterDraft,
  pools: readonly Pool[],
  shortages: ReadonlyMap<Family, Shortage>,
): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  for (const pool of pools) {
    const shortage = shortages.get(pool.family);
    if (shortage === undefined || pools.find((first) => first.family === pool.family) !== pool) continue;
    const { within, perNode } = pool.range;
    const data = {
      cluster: cluster.name,
      count: shortage.count,
      node: shortage.node,
      cidr: within,
      perNode,
      blocks: pool.taken,
      ...unusableBlocks(cluster, pool.range),
    };
    problems.push(problem(CODES.noPodCidrLeft, pool.source, data));
  }
  return problems;
}

/** The number of a range's blocks, and of those that overlap the service CIDR and are skipped for this reason. */
function unusableBlocks(
  { serviceCidrs }: ClusterDraft,
  range: NodeRange,
): { readonly total: number; readonly services: number } {
  const { within, perNode, avoidsServices } = range;
  const outside = outsideOf(range);
  const total = freeBlockCount(blocksOf(within, perNode, outside));
  const services = avoidsServices === false ? [] : serviceCidrs.map(({ prefix }) => prefixRange(prefix));
  const left = freeBlockCount(blocksOf(within, perNode, [...outside, ...services]));
  return { total: Number(total), services: Number(total) - Number(left) };
}

/**
 * If every node has the same range: the range of the node's or the cluster's Docker bridge, the node's `pod-cidr`, or
 * the mode's range.
 */
function sameForAll(
  cluster: ClusterDraft,
  cni: CniSettings,
  parts: StationParts | undefined,
  addressing: ModeAddressing,
): readonly NodeCidr[] {
  return addressing.nodeRanges.flatMap(({ sameForAll: same, within }): readonly NodeCidr[] => {
    if (!same) return [];
    const own = parts?.podCidrs.find(({ prefix }) => family(prefix.ip) === family(within.ip));
    for (const bridge of [parts?.dockerBridge, cluster.dockerBridge, own]) {
      if (bridge === undefined) continue;
      const prefix = "prefix" in bridge ? bridge.prefix : prefixOf(bridge.address.ip, bridge.address.len);
      if (family(prefix.ip) === family(within.ip)) return [{ prefix, allocated: false, source: bridge.source }];
    }
    return [{ prefix: within, allocated: true, source: cni.source }];
  });
}

/** The parts of the prefix before the first and after the last allocated block. */
function outsideOf({ within, perNode, first, last }: NodeRange): IpRange[] {
  const ranges: IpRange[] = [];
  const before = addIp(first, -1);
  if (before !== undefined && first > within.ip) ranges.push({ first: within.ip, last: before });
  const after = addIp(lastAddress({ ip: last, len: perNode }), 1);
  const end = lastAddress(within);
  if (after !== undefined && after <= end) ranges.push({ first: after, last: end });
  return ranges;
}

function sourceOfRange(cluster: ClusterDraft, within: Prefix): Origin {
  const pods = cluster.podCidrs.find(({ prefix }) => prefixCovers(prefix, within));
  return pods?.source ?? cluster.cni.source;
}

/** A configured range must be within one of the cluster's ranges of its family, if there are any. */
function checkInside(cluster: ClusterDraft, cidr: NodeCidr, path: string, problems: TopologyProblem[]): void {
  const { prefix, source } = cidr;
  let same = 0;
  for (const pods of cluster.podCidrs) {
    if (family(pods.prefix.ip) !== family(prefix.ip)) continue;
    if (prefixCovers(pods.prefix, prefix)) return;
    same++;
  }
  if (same === 0) return;
  const ranges = cluster.podCidrs.filter((pods) => family(pods.prefix.ip) === family(prefix.ip));
  const data = {
    node: path,
    cidr: formatPrefix(prefix),
    pods: ranges.map((pods) => formatPrefix(pods.prefix)).join(", "),
  };
  const related = ranges.map((pods) => ({
    source: pods.source,
    message: t`pod CIDR ${formatPrefix(pods.prefix)} of the cluster`,
  }));
  problems.push(problem(CODES.podCidrOutsideCluster, source, data, related));
}

/** Whether the statement exists, readable or not. */
export function states(cluster: ClusterDraft, keyword: string): boolean {
  return child(cluster.decl, keyword) !== undefined;
}
