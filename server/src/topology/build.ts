/** Declarations → topology: binds names, allocates addresses, and fills in defaults. */
import { formatIp, formatPrefix, type Ip, prefixContains } from "../addressing/ip.ts";
import { has, one, oneOf, sourceOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import type { Origin } from "../declared/origin.ts";
import type { NamedKind } from "../declared/problem-data.ts";
import { keptIn, sameList } from "../memo/memo.ts";
import { t } from "../text/l10n.ts";
import { type AddressingOf, hostLocal, type ModeAddressing, type SharedRange, sizeOfNeeds } from "./addressing.ts";
import type { Claimant } from "./claims.ts";
import { type ClusterDraft, readCluster, states, stationParts } from "./cluster.ts";
import { editedMachines } from "./edited.ts";
import { limitProblems, MOST_REPLICAS } from "./limits.ts";
import { areFinal, buildMachines, type ClusterMachines, machineParts } from "./machines.ts";
import type { Cluster, Expectation, Node, Topology, Workload } from "./model.ts";
import { exact, makeNames, type Names, type Role } from "./names.ts";
import { type NameProblems, nameProblems } from "./nearby.ts";
import { type NodeBudget, nodeBudget } from "./node-budget.ts";
import { EVERYWHERE, NOWHERE, type Placement, placePods, SPREAD } from "./placement.ts";
import { nodeRanges, type PlannedPods, planPods } from "./pods.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import { readSegment, type SegmentDraft } from "./segments.ts";
import { buildServices } from "./services.ts";
import { type ClusterStages, clusterStages, stagesOf, type TopologyCache, topologyCache } from "./stages.ts";
import { nameTwice, nothing, type StationParts } from "./station.ts";
import type { Tenants } from "./tenants.ts";
import { imaginedDaemonset, type WorkloadParts } from "./workload.ts";

/** One file's declarations, as returned by `decodeFile`. */
export interface TopologyFile {
  readonly file: string;
  readonly decls: readonly Decl[];
}

/**
 * The topology of all files together, in the given order. With the cache of an earlier call, only changed declarations
 * are read again. `peopled`: a cluster without pods gets two imagined pods on each node, to check its effect on
 * pods.
 */
export function buildTopology(
  files: readonly TopologyFile[],
  addressingOf: AddressingOf = hostLocal,
  cache: TopologyCache = topologyCache(),
  peopled = false,
): Topology {
  const draft = collect(files, cache);
  const stages = stagesOf(
    cache,
    files[0]?.file ?? "",
    draft.placed.flatMap((placed) => ("nodes" in placed ? [placed.name] : [])),
  );
  const parts = machineParts(files);
  const machines = keptIn(
    stages.machines,
    parts,
    (before) =>
      (before && editedMachines(before, draft, parts, cache.built.nodes)) ??
      buildMachines(draft, addressingOf, cache.built.nodes),
    areFinal,
  );
  const { segments, routers, hosts } = machines;
  const problems = [...draft.problems, ...machines.problems];
  const names = nameProblems(segments, new Set());
  const clusters = draft.placed.flatMap((placed) => {
    const own = "nodes" in placed ? machines.clusters.get(placed.name) : undefined;
    if (own === undefined || !("nodes" in placed)) return [];
    const found = buildCluster(
      peopled ? withPods(placed) : placed,
      own,
      names,
      addressingOf,
      cache,
      stages.clusters.get(placed.name) ?? clusterStages(),
    );
    problems.push(...found.problems);
    return [found.cluster];
  });
  const drafts = draft.placed.filter((placed) => "nodes" in placed);
  problems.push(...limitProblems(draft.budget, drafts, clusters));
  const endpoints = makeNames({ segments, routers, hosts, clusters });
  for (const { bgp } of routers) {
    for (const { to, source } of bgp?.peers ?? nothing) {
      if (to.kind === "name") checkName(to.text, { ...source, part: 0 }, endpoints, problems);
    }
  }
  const expectations = draft.expectations.flatMap(({ file, decl }) =>
    buildExpectation(file, decl, endpoints, problems),
  );
  const { attachedTo, interfacesWith } = machines;
  return {
    segments,
    routers,
    hosts,
    clusters,
    expectations,
    problems,
    machines,
    attachedTo,
    interfacesWith,
    resolve: endpoints.resolve,
  };
}

/* ---------------------------------------------------------------- declarations */

interface Draft {
  readonly segments: Map<string, SegmentDraft>;
  /** Routers and hosts. */
  readonly stations: Map<string, StationParts>;
  /** Routers, hosts, and clusters in order of declaration. */
  readonly placed: (StationParts | ClusterDraft)[];
  readonly expectations: { readonly file: string; readonly decl: Decl }[];
  readonly budget: NodeBudget;
  readonly problems: TopologyProblem[];
}

/** The first definition of a name is used; further definitions are reported and omitted. */
function collect(files: readonly TopologyFile[], cache: TopologyCache): Draft {
  const segments = new Map<string, SegmentDraft>();
  const stations = new Map<string, StationParts>();
  const clusters = new Map<string, ClusterDraft>();
  const placed: (StationParts | ClusterDraft)[] = [];
  const expectations: { file: string; decl: Decl }[] = [];
  const problems: TopologyProblem[] = [];
  const budget = nodeBudget();
  const isNew = <T extends { readonly name: string; readonly nameSource: Origin; readonly source: Origin }>(
    known: Map<string, T>,
    added: T,
    kind: NamedKind,
  ): boolean => {
    const before = known.get(added.name);
    if (before === undefined) {
      known.set(added.name, added);
      return true;
    }
    problems.push(nameTwice(kind, added.name, "topology", added.nameSource, before.nameSource));
    return false;
  };
  for (const { file, decls } of files) {
    for (const decl of decls) {
      const keyword = decl.spec?.keyword;
      switch (keyword) {
        case "segment": {
          const segment = readSegment(file, decl);
          if (segment !== undefined) isNew(segments, segment, "segment");
          break;
        }
        case "router":
        case "host": {
          const parts = stationParts(file, decl, keyword, cache);
          if (parts !== undefined && isNew(stations, parts, keyword)) placed.push(parts);
          break;
        }
        case "cluster": {
          const cluster = readCluster(file, decl, cache, budget, problems);
          if (cluster !== undefined && isNew(clusters, cluster, "cluster")) placed.push(cluster);
          break;
        }
        case "expect":
          expectations.push({ file, decl });
          break;
        default:
          break;
      }
    }
  }
  return { segments, stations, placed, expectations, budget, problems };
}

/* ---------------------------------------------------------------- clusters */

/** The source of imagined pods is the cluster itself. */
function withPods(cluster: ClusterDraft): ClusterDraft {
  if (cluster.workloads.some(({ parts }) => !parts.hostNetwork)) return cluster;
  const imagined = ["pod", "another"].map((name) => ({
    namespace: "default",
    parts: imaginedDaemonset(cluster.source, name),
  }));
  return { ...cluster, workloads: [...cluster.workloads, ...imagined] };
}

function buildCluster(
  cluster: ClusterDraft,
  machines: ClusterMachines,
  names: NameProblems,
  addressingOf: AddressingOf,
  cache: TopologyCache,
  stages: ClusterStages,
): { readonly cluster: Cluster; readonly problems: readonly TopologyProblem[] } {
  const { nodes, addressing } = machines;
  const before = stages.tenants.made?.result.workloads;
  const tenants = keptIn(
    stages.tenants,
    [nodes, ...cluster.workloads.flatMap(({ namespace, parts }) => [namespace, parts])],
    () => buildTenants(cluster, machines, names, addressingOf, cache, before, stages),
    // Problems can refer to the cluster's own statement, which every edit inside creates again.
    (made) => made.problems.length === 0,
  );
  const { workloads, workloadByName, pods, holder } = tenants;
  const services = buildServices(cluster, workloads, pods, stages, cache, stages.services);
  return {
    cluster: {
      identity: stages,
      name: cluster.name,
      podCidrs: keptIn(stages.podCidrs, cluster.podCidrs, () => cluster.podCidrs),
      serviceCidrs: cluster.serviceCidrs,
      cni: cluster.cni,
      maxPods: cluster.maxPods ?? addressing.maxPods ?? 110,
      nodes,
      namespaces: [...cluster.namespaces].map(([name, { labels, source }]) => ({ name, labels, source })),
      workloads,
      policies: cluster.policies,
      policyEngine: cluster.policyEngine,
      source: cluster.source,
      nodeByName: namedNode(machines),
      nodeByPodAddress: holder,
      workloadByName,
      pods,
      ingresses: cluster.ingresses,
      services: services.index,
    },
    problems: [...tenants.problems, ...services.problems],
  };
}

function namedNode({ nodes, indexes }: Pick<ClusterMachines, "nodes" | "indexes">): (name: string) => Node | undefined {
  return (name) => nodes[indexes.get(name) ?? -1];
}

/** `before`: the workloads of the previous build; `identity`: the cluster's. */
function buildTenants(
  cluster: ClusterDraft,
  machines: ClusterMachines,
  names: NameProblems,
  addressingOf: AddressingOf,
  cache: TopologyCache,
  before: readonly Workload[] | undefined,
  identity: object,
): Tenants {
  const { nodes, addressing } = machines;
  const problems: TopologyProblem[] = [];
  const firstRanges = nodeRanges(nodes);
  const firstHolder = (ip: Ip): Node | undefined => firstRanges().lookup(ip)[0];
  const built = buildWorkloads(cluster, machines, firstHolder, names, cache, problems);
  const { placement, workloadByName } = built;
  const workloads = sameList(before, built.workloads);
  const placed = placePods(nodes.length, workloads, placement);
  machines.complete(() => claimantsOf(nodes, workloads, placed));
  const podRanges = machines.isFinal ? firstRanges : nodeRanges(nodes);
  const ofPlugin = new Map<string, ModeAddressing>([[cluster.cni.plugin, addressing]]);
  const planned = planPods({
    cluster: cluster.name,
    identity,
    nodes,
    workloads,
    placement,
    placed,
    nodeByName: namedNode(machines),
    workloadByName,
    ranges: podRanges,
    shared: addressing.shared,
    addressing: ({ cni }) => {
      if (cni === undefined) return addressing;
      let own = ofPlugin.get(cni.plugin);
      if (own === undefined) {
        own = addressingOf(cni, cluster.podCidrs, cluster.maxPods);
        ofPlugin.set(cni.plugin, own);
      }
      return own;
    },
  });
  problems.push(...givenAddressProblems(workloads, planned), ...demandProblems(cluster, nodes, planned, addressing));
  problems.push(...sharedProblems(cluster, addressing.shared, planned));
  return { workloads, workloadByName, pods: planned.index, holder: (ip) => podRanges().lookup(ip)[0], problems };
}

/** The requirements of the nodes, after the pods have been placed. */
function claimantsOf(nodes: readonly Node[], workloads: readonly Workload[], placed: Placement): readonly Claimant[] {
  const given = new Map<number, Ip[]>();
  for (const workload of workloads) {
    if (workload.addresses.length === 0 || workload.hostNetwork) continue;
    const home = placed.homeOf(workload);
    if (home === undefined) continue;
    const own = given.get(home) ?? [];
    given.set(home, own);
    for (const { ip } of workload.addresses) own.push(ip);
  }
  return nodes.map((node) => ({
    node,
    wanted: placed.slotsOf(node.index),
    given: given.get(node.index) ?? nothing,
  }));
}

interface Workloads {
  readonly workloads: readonly Workload[];
  readonly placement: readonly number[];
  workloadByName(namespace: string, name: string): Workload | undefined;
}

function buildWorkloads(
  cluster: ClusterDraft,
  { nodes, indexes }: ClusterMachines,
  holder: (ip: Ip) => Node | undefined,
  names: NameProblems,
  cache: TopologyCache,
  problems: TopologyProblem[],
): Workloads {
  const nodeByName = namedNode({ nodes, indexes });
  const workloads: Workload[] = [];
  const placement: number[] = [];
  const namespaces = new Map<string, Map<string, Workload>>();
  let left = MOST_REPLICAS;
  for (const { namespace, parts } of cluster.workloads) {
    problems.push(...parts.problems);
    let inNamespace = namespaces.get(namespace);
    if (inNamespace === undefined) {
      inNamespace = new Map();
      namespaces.set(namespace, inNamespace);
    }
    const before = inNamespace.get(parts.name);
    if (before !== undefined) {
      const context = { kind: "namespace", name: namespace } as const;
      problems.push(nameTwice(parts.kind, parts.name, context, parts.nameSource, before.source));
      continue;
    }
    let on: Node | undefined;
    let where = nodes.length === 0 ? NOWHERE : parts.kind === "daemonset" ? EVERYWHERE : SPREAD;
    if (parts.on !== undefined) {
      const { text, source } = parts.on;
      const prefix = `${cluster.name}/`;
      on = nodeByName(text.startsWith(prefix) ? text.slice(prefix.length) : text);
      where = on?.index ?? NOWHERE;
      if (on === undefined) problems.push(names.unknown(text, "node", source, indexes.keys()));
    } else if (parts.addresses.length > 0 && where === SPREAD) {
      where = holder(parts.addresses[0]!.ip)?.index ?? where;
    }
    const replicas = Math.min(left, parts.kind === "daemonset" ? nodes.length : parts.replicas);
    left -= replicas;
    const workload = workloadOf(cluster.name, namespace, parts, workloads.length, replicas, on, cache);
    workloads.push(workload);
    placement.push(where);
    inNamespace.set(parts.name, workload);
  }
  return { workloads, placement, workloadByName: (namespace, name) => namespaces.get(namespace)?.get(name) };
}

/** The workload of the previous build if nothing about it has changed. */
function workloadOf(
  cluster: string,
  namespace: string,
  parts: WorkloadParts,
  index: number,
  replicas: number,
  on: Node | undefined,
  { built }: TopologyCache,
): Workload {
  const known = built.workloads.get(parts);
  if (
    known?.cluster === cluster &&
    known.namespace === namespace &&
    known.index === index &&
    known.replicas === replicas &&
    known.on === on
  )
    return known;
  const workload: Workload = {
    kind: parts.kind,
    cluster,
    namespace,
    name: parts.name,
    index,
    replicas,
    on,
    hostNetwork: parts.hostNetwork,
    ...(parts.notReady ? { notReady: true } : {}),
    containers: parts.containers,
    labels: parts.labels,
    addresses: parts.addresses,
    source: parts.source,
  };
  built.workloads.set(parts, workload);
  return workload;
}

function givenAddressProblems(workloads: readonly Workload[], { index }: PlannedPods): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  for (const workload of workloads) {
    if (workload.addresses.length === 0 || workload.hostNetwork) continue;
    const { path, node } = index.podAt(workload, 0);
    if (node === undefined || node.podCidrs.length === 0) continue;
    for (const { ip, source } of workload.addresses) {
      if (node.podCidrs.some(({ prefix }) => prefixContains(prefix, ip))) continue;
      const range = node.podCidrs.map(({ prefix }) => formatPrefix(prefix)).join(", ");
      const data = { pod: path, address: formatIp(ip), node: node.path, range };
      const related = node.podCidrs.map((cidr) => ({
        source: cidr.source,
        message: t`${formatPrefix(cidr.prefix)} is the pod CIDR of node \`${node.path}\``,
      }));
      problems.push(problem(CODES.podAddressOutsideNode, source, data, related));
    }
  }
  return problems;
}

/**
 * Whether the node's segment had no complete share left: the mode reports the consequences, because it counts addresses
 * instead of blocks.
 */
function isShort({ podCidrs }: Node, { fromSegment }: ModeAddressing, wanted: number, available: number): boolean {
  if (fromSegment?.kind === "interfaces") return available < sizeOfNeeds(fromSegment.needs(wanted));
  return (
    fromSegment !== undefined && podCidrs.length > 0 && podCidrs.every(({ prefix }) => prefix.len > fromSegment.len)
  );
}

/** Nodes with more pods than addresses: one problem for all nodes with the same number of addresses. */
function demandProblems(
  cluster: ClusterDraft,
  nodes: readonly Node[],
  { demand }: PlannedPods,
  addressing: ModeAddressing,
): readonly TopologyProblem[] {
  // Without a plugin, pods have no network, which is not a shortage.
  if (cluster.cni.plugin === "none") return nothing;
  const shortages = new Map<number, { readonly node: Node; readonly wanted: number; count: number }>();
  let withoutRange = false;
  for (const node of nodes) {
    const { wanted, available } = demand(node);
    if (wanted <= available || isShort(node, addressing, wanted, available)) continue;
    if (node.podCidrs.length === 0) {
      // Reported by KN401 or below.
      withoutRange = true;
      continue;
    }
    const shortage = shortages.get(available);
    if (shortage === undefined) shortages.set(available, { node, wanted, count: 1 });
    else shortage.count++;
  }
  const problems = [...shortages].map(([addresses, { node, wanted, count }]): TopologyProblem => {
    const source = node.podCidrs[0]?.source ?? node.source;
    const data = { cluster: cluster.name, count, node: node.path, pods: wanted, addresses };
    return problem(CODES.noPodAddressLeft, source, data, [{ source: node.source, message: t`node \`${node.path}\`` }]);
  });
  // If ranges come from the nodes' segments or from the plugin's own settings (Calico's pools), the mode reports nodes without one.
  const isOwn = addressing.fromSegment !== undefined || addressing.nodeRanges.length > 0;
  if (withoutRange && !states(cluster, "pods") && !isOwn) {
    const data = { keyword: "pods", context: { kind: "cluster", name: cluster.name } } as const;
    problems.push(problem(CODES.missingStatement, cluster.nameSource, data));
  }
  return problems;
}

/** A range for all pods of the cluster that is too small. */
function sharedProblems(
  { name }: ClusterDraft,
  ranges: readonly SharedRange[] | undefined,
  { shared }: PlannedPods,
): readonly TopologyProblem[] {
  // A plugin without a range is reported elsewhere.
  if (!shared || !ranges?.[0] || shared.wanted <= shared.available) return nothing;
  const data = { cluster: name, pods: shared.wanted, addresses: shared.available };
  return [problem(CODES.sharedRangeFull, ranges[0].source, data)];
}

/* ---------------------------------------------------------------- expectations */

/** Maximum number of searches for similar names. */
const mostSuggestions = 50;

function buildExpectation(file: string, decl: Decl, names: Names, problems: TopologyProblem[]): readonly Expectation[] {
  const from = oneOf(decl, "from", "endpoint");
  const to = oneOf(decl, "to", "endpoint");
  const want = wanted(file, decl, names, problems);
  for (const argument of ["from", "to"]) {
    const read = one(decl, argument);
    if (read?.value.kind !== "endpoint") continue;
    const as = argument === "from" ? "sender" : undefined;
    checkName(read.value.path, sourceOfRead(file, decl, read), names, problems, as);
  }
  if (from === undefined || to === undefined || want === undefined) return nothing;
  const { port, proto = "icmp" } = to;
  return [{ from: from.path, to: to.path, port, proto, want, source: sourceOf(file, decl) }];
}

function wanted(file: string, decl: Decl, names: Names, problems: TopologyProblem[]): Expectation["want"] | undefined {
  if (has(decl, "reachable")) return { kind: "reachable" };
  if (has(decl, "blocked")) return { kind: "blocked" };
  if (has(decl, "preserves-source")) return { kind: "preserves-source" };
  const atLeast = oneOf(decl, "mtu", "number")?.value;
  if (atLeast !== undefined) return { kind: "mtu", atLeast };
  const via = one(decl, "via");
  if (via?.value.kind !== "ref") return undefined;
  checkName(via.value.text, sourceOfRead(file, decl, via), names, problems, "station");
  const [station] = names.find(via.value.text, "station");
  return station && { kind: "via", station: station.path };
}

function checkName(name: string, source: Origin, names: Names, problems: TopologyProblem[], as?: Role): void {
  const found = names.find(name, as);
  if (found.length === 1) return;
  if (found.length > 1) {
    const candidates = found.map((one) => exact(one, found));
    problems.push(problem(CODES.ambiguousName, source, { name, candidates }));
    return;
  }
  const similar = problems.length < mostSuggestions ? names.similar(name) : nothing;
  const suggestion = similar.find((path) => names.find(path, as).length > 0);
  const suggestions = suggestion === undefined ? [] : [suggestion];
  problems.push(
    problem(CODES.unknownName, source, { name, kind: as === "station" ? "station" : "endpoint", suggestions }),
  );
}
