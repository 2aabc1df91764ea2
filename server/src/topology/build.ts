/** Declarations → topology: names bound, addresses allocated, defaults filled in. */
import {
  addIp,
  bits,
  formatIp,
  formatPrefix,
  type InterfaceAddress,
  type Ip,
  prefixContains,
} from "../addressing/ip.ts";
import { type Decl, has, one, oneOf, sourceOf, sourceOfRead } from "../language/decode.ts";
import type { Source } from "../language/tree.ts";
import { type AddressingOf, hostLocal, type ModeAddressing, type SharedRange } from "./addressing.ts";
import { type TopologyCache, topologyCache } from "./cache.ts";
import type { Claimant } from "./claims.ts";
import {
  allocateRanges,
  type ClusterDraft,
  countOf,
  type RangeAllocator,
  readCluster,
  states,
  stationParts,
} from "./cluster.ts";
import type {
  Cluster,
  Expectation,
  ExternalHost,
  Interface,
  Node,
  Router,
  Segment,
  StaticRoute,
  Station,
  StationRef,
  Topology,
  TopologyProblem,
  Workload,
} from "./model.ts";
import { makeNames, type Names } from "./names.ts";
import { type NameProblems, nameProblems } from "./nearby.ts";
import { EVERYWHERE, NOWHERE, type Placement, placePods, SPREAD } from "./placement.ts";
import { nodeRanges, type PlannedPods, planPods } from "./pods.ts";
import { CODES, problem } from "./problems.ts";
import {
  type Assigned,
  allocate,
  chooseGateways,
  defaultRoutes,
  exhaustionProblems,
  finishSegment,
  noteAttach,
  onSegment,
  readSegment,
  type SegmentDraft,
} from "./segments.ts";
import { buildServices } from "./services.ts";
import { nameTwice, nothing, type StationParts, trimmed } from "./station.ts";
import { imaginedDaemonset } from "./workload.ts";

/** One file's declarations, as `decodeFile` gives them. */
export interface TopologyFile {
  readonly file: string;
  readonly decls: readonly Decl[];
}

/**
 * The topology of all files together, in the order given. With the cache of an earlier call only declarations that have
 * changed since are read again. `peopled`: a cluster without pods has two imagined ones on each node, so that what it will
 * do to pods can be asked before there are any.
 */
export function buildTopology(
  files: readonly TopologyFile[],
  addressingOf: AddressingOf = hostLocal,
  cache: TopologyCache = topologyCache(),
  peopled = false,
): Topology {
  const draft = collect(files, cache);
  const { problems } = draft;
  const names = nameProblems(draft.segments, routerNames(draft));
  noteAttaches(draft, names);
  const assigned: Assigned = new Map();
  for (const segment of draft.segments.values()) chooseGateways(segment, assigned, names, problems);

  const routers: Router[] = [];
  const hosts: ExternalHost[] = [];
  const clusters: Cluster[] = [];
  for (const placed of draft.placed) {
    if ("nodes" in placed) {
      clusters.push(buildCluster(peopled ? withPods(placed) : placed, draft, assigned, names, addressingOf));
      continue;
    }
    const ref: StationRef = { kind: placed.kind, path: placed.name };
    const interfaces = buildInterfaces(placed, ref, 0, draft.segments, assigned);
    const base = stationBase(placed, ref.path, placed.name, interfaces);
    if (placed.kind === "router")
      routers.push({ ...base, kind: "router", routes: placed.routes, ...(placed.bgp ? { bgp: placed.bgp } : {}) });
    else hosts.push({ ...base, kind: "host", routes: withDefaults(placed, interfaces, draft.segments) });
  }
  for (const segment of draft.segments.values()) problems.push(...exhaustionProblems(segment));

  const segments = new Map<string, Segment>();
  for (const segment of draft.segments.values()) segments.set(segment.name, finishSegment(segment));
  const endpoints = makeNames({ segments, routers, hosts, clusters });
  for (const { bgp } of routers) {
    for (const { to, source } of bgp?.peers ?? nothing) {
      if (to.kind === "name") checkName(to.text, { ...source, part: 0 }, endpoints, problems);
    }
  }
  const expectations = draft.expectations.flatMap(({ file, decl }) =>
    buildExpectation(file, decl, endpoints, problems),
  );
  const byAddress = new Map<string, ReadonlyMap<Ip, readonly Interface[]>>();
  return {
    segments,
    routers,
    hosts,
    clusters,
    expectations,
    problems,
    attachedTo: (segment) => draft.segments.get(segment)?.interfaces ?? nothing,
    interfacesWith: (segment, ip) => {
      let known = byAddress.get(segment);
      if (known === undefined) {
        known = groupByAddress(draft.segments.get(segment)?.interfaces ?? nothing);
        byAddress.set(segment, known);
      }
      return known.get(ip) ?? nothing;
    },
    resolve: endpoints.resolve,
  };
}

function groupByAddress(interfaces: readonly Interface[]): Map<Ip, Interface[]> {
  const groups = new Map<Ip, Interface[]>();
  for (const iface of interfaces) {
    for (const { ip } of iface.addresses) {
      const group = groups.get(ip);
      if (group === undefined) groups.set(ip, [iface]);
      else if (group.at(-1) !== iface) group.push(iface);
    }
  }
  return groups;
}

/* ---------------------------------------------------------------- what is declared */

interface Draft {
  readonly segments: Map<string, SegmentDraft>;
  /** Routers and hosts. */
  readonly stations: Map<string, StationParts>;
  /** Routers, hosts and clusters in order of declaration. */
  readonly placed: (StationParts | ClusterDraft)[];
  readonly expectations: { readonly file: string; readonly decl: Decl }[];
  readonly problems: TopologyProblem[];
}

/** The first definition of a name counts; the others are reported and left out. */
function collect(files: readonly TopologyFile[], cache: TopologyCache): Draft {
  const segments = new Map<string, SegmentDraft>();
  const stations = new Map<string, StationParts>();
  const clusters = new Map<string, ClusterDraft>();
  const placed: (StationParts | ClusterDraft)[] = [];
  const expectations: { file: string; decl: Decl }[] = [];
  const problems: TopologyProblem[] = [];
  const budget = { used: 0 };
  const isNew = <T extends { readonly name: string; readonly nameSource: Source; readonly source: Source }>(
    known: Map<string, T>,
    added: T,
    kind: string,
  ): boolean => {
    const before = known.get(added.name);
    if (before === undefined) {
      known.set(added.name, added);
      return true;
    }
    problems.push(nameTwice(kind, added.name, "the topology", added.nameSource, before.nameSource));
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
  return { segments, stations, placed, expectations, problems };
}

function routerNames({ stations }: Draft): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { kind, name } of stations.values()) if (kind === "router") names.add(name);
  return names;
}

function noteAttaches({ placed, segments, problems }: Draft, names: NameProblems): void {
  const note = (parts: StationParts): void => {
    problems.push(...parts.problems);
    for (const attach of parts.attaches) {
      const segment = segments.get(attach.segment);
      if (segment !== undefined) noteAttach(segment, parts, attach, countOf(parts), problems);
      else problems.push(names.unknown(attach.segment, "segment", attach.segmentSource));
    }
    for (const { segment } of parts.edge?.nat ?? nothing) {
      if (segment === undefined) continue;
      const { name, source } = segment;
      if (!segments.has(name)) problems.push(names.unknown(name, "segment", source));
      else if (!parts.attaches.some((attach) => attach.segment === name))
        problems.push(problem(CODES.natSegment, source, { station: parts.name, segment: name }));
    }
  };
  for (const one of placed) {
    if ("nodes" in one) for (const parts of one.nodes) note(parts);
    else note(one);
  }
}

/* ---------------------------------------------------------------- stations */

/** `position`: which station of a pool; its stated addresses count up. */
function buildInterfaces(
  parts: StationParts,
  station: StationRef,
  position: number,
  segments: ReadonlyMap<string, SegmentDraft>,
  assigned: Assigned,
): readonly Interface[] {
  if (parts.attaches.length === 0) return nothing;
  const interfaces: Interface[] = [];
  for (const attach of parts.attaches) {
    const segment = segments.get(attach.segment);
    if (segment === undefined) continue;
    const given = attach.addresses.length > 0;
    let addresses: readonly InterfaceAddress[];
    if (given) {
      const own: InterfaceAddress[] = [];
      for (const { ip, len } of attach.addresses) {
        const counted = position === 0 ? ip : addIp(ip, position);
        if (counted !== undefined) own.push(onSegment(segment, counted, len));
      }
      addresses = trimmed(own);
    } else addresses = assigned.get(attach) ?? allocate(segment, station.path, attach.source);
    const iface: Interface = {
      device: attach.device,
      segment: segment.name,
      addresses,
      allocated: !given,
      mtu: attach.mtu ?? segment.mtu,
      sourceCheck: attach.sourceCheck ?? (station.kind === "router" ? false : segment.sourceCheck),
      source: attach.source,
      station,
    };
    interfaces.push(iface);
    segment.interfaces.push(iface);
  }
  return trimmed(interfaces);
}

type Base = Pick<Station, "path" | "name" | "interfaces" | "acl" | "sysctls" | "processes" | "edge" | "source">;

function stationBase(parts: StationParts, path: string, name: string, interfaces: readonly Interface[]): Base {
  const { acl, sysctls, processes, edge, source } = parts;
  return { path, name, interfaces, acl, sysctls, processes, edge, source };
}

/** The routes of a node or host: by its first segment's gateway, where it does not state a default route of the family. */
function withDefaults(
  { routes, edge }: StationParts,
  interfaces: readonly Interface[],
  segments: ReadonlyMap<string, SegmentDraft>,
): readonly StaticRoute[] {
  const [first] = interfaces;
  const segment = first === undefined ? undefined : segments.get(first.segment);
  // Whoever stands for everybody has no gateway that knows more.
  if (first === undefined || segment === undefined || edge?.answersAny) return routes;
  const implied = defaultRoutes(segment, first);
  if (routes.length === 0) return implied;
  const wanted = implied.filter(
    ({ dst }) => !routes.some((route) => route.dst.len === 0 && bits(route.dst.ip) === bits(dst.ip)),
  );
  return wanted.length === 0 ? routes : [...wanted, ...routes];
}

/* ---------------------------------------------------------------- clusters */

/** Imagined pods have the cluster itself as their source. */
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
  draft: Draft,
  assigned: Assigned,
  names: NameProblems,
  addressingOf: AddressingOf,
): Cluster {
  const { problems } = draft;
  const addressing = addressingOf(cluster.cni, cluster.podCidrs, cluster.maxPods);
  const ranges = allocateRanges(cluster, addressing, addressingOf);
  const { nodes, byName } = buildNodes(cluster, draft, assigned, ranges);
  problems.push(...ranges.problems());

  const firstRanges = nodeRanges(nodes);
  const firstHolder = (ip: Ip): Node | undefined => firstRanges().lookup(ip)[0];
  const { workloads, placement, workloadByName } = buildWorkloads(cluster, nodes, byName, firstHolder, names, problems);
  const placed = placePods(nodes.length, workloads, placement);
  ranges.complete(() => claimantsOf(nodes, workloads, placed));
  const podRanges = addressing.claims === undefined ? firstRanges : nodeRanges(nodes);
  const holder = (ip: Ip): Node | undefined => podRanges().lookup(ip)[0];
  const nodeByName = (name: string): Node | undefined => byName.get(name);
  const ofPlugin = new Map<string, ModeAddressing>([[cluster.cni.plugin, addressing]]);
  const planned = planPods({
    cluster: cluster.name,
    nodes,
    workloads,
    placement,
    placed,
    nodeByName,
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
  const services = buildServices(cluster, workloads, planned.index, problems);
  return {
    name: cluster.name,
    podCidrs: cluster.podCidrs,
    serviceCidrs: cluster.serviceCidrs,
    cni: cluster.cni,
    maxPods: cluster.maxPods ?? addressing.maxPods ?? 110,
    nodes,
    namespaces: [...cluster.namespaces].map(([name, { labels, source }]) => ({ name, labels, source })),
    workloads,
    policies: cluster.policies,
    policyEngine: cluster.policyEngine,
    source: cluster.source,
    nodeByName,
    nodeByPodAddress: holder,
    workloadByName,
    pods: planned.index,
    ingresses: cluster.ingresses,
    services,
  };
}

function buildNodes(
  cluster: ClusterDraft,
  { segments, problems }: Draft,
  assigned: Assigned,
  ranges: RangeAllocator,
): { readonly nodes: readonly Node[]; readonly byName: ReadonlyMap<string, Node> } {
  const nodes: Node[] = [];
  const byName = new Map<string, Node>();
  for (const parts of cluster.nodes) {
    const { range } = parts;
    const count = countOf(parts);
    let twice: string | undefined;
    for (let position = 0; position < count; position++) {
      const name =
        range === undefined ? parts.name : `${parts.name}${String(range.first + position).padStart(range.width, "0")}`;
      if (byName.has(name)) {
        twice ??= name;
        continue;
      }
      const path = `${cluster.name}/${name}`;
      const interfaces = buildInterfaces(parts, { kind: "node", path }, position, segments, assigned);
      const node: Node = {
        kind: "node",
        path,
        name,
        cluster: cluster.name,
        index: nodes.length,
        interfaces,
        routes: withDefaults(parts, interfaces, segments),
        acl: parts.acl,
        sysctls: parts.sysctls,
        processes: parts.processes,
        edge: parts.edge,
        labels: parts.labels,
        podCidrs: ranges.next(parts, path, position, segments.get(interfaces[0]?.segment ?? "")),
        dockerBridge: parts.dockerBridge ?? cluster.dockerBridge,
        cni: parts.cni,
        source: parts.source,
      };
      nodes.push(node);
      byName.set(name, node);
    }
    if (twice === undefined) continue;
    const first = byName.get(twice)?.source ?? parts.source;
    problems.push(nameTwice("node", twice, `cluster ${cluster.name}`, parts.nameSource, first));
  }
  return { nodes, byName };
}

/** What the nodes need once it is known where the pods run. */
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
    wanted: placed.slotsBefore(node.index, workloads.length),
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
  nodes: readonly Node[],
  byName: ReadonlyMap<string, Node>,
  holder: (ip: Ip) => Node | undefined,
  names: NameProblems,
  problems: TopologyProblem[],
): Workloads {
  const workloads: Workload[] = [];
  const placement: number[] = [];
  const namespaces = new Map<string, Map<string, Workload>>();
  for (const { namespace, parts } of cluster.workloads) {
    problems.push(...parts.problems);
    let inNamespace = namespaces.get(namespace);
    if (inNamespace === undefined) {
      inNamespace = new Map();
      namespaces.set(namespace, inNamespace);
    }
    const before = inNamespace.get(parts.name);
    if (before !== undefined) {
      const context = `namespace ${namespace}`;
      problems.push(nameTwice(parts.kind, parts.name, context, parts.nameSource, before.source));
      continue;
    }
    let on: Node | undefined;
    let where = nodes.length === 0 ? NOWHERE : parts.kind === "daemonset" ? EVERYWHERE : SPREAD;
    if (parts.on !== undefined) {
      const { text, source } = parts.on;
      const prefix = `${cluster.name}/`;
      on = byName.get(text.startsWith(prefix) ? text.slice(prefix.length) : text);
      where = on?.index ?? NOWHERE;
      if (on === undefined) problems.push(names.unknown(text, "node", source, byName.keys()));
    } else if (parts.addresses.length > 0 && where === SPREAD) {
      where = holder(parts.addresses[0]!.ip)?.index ?? where;
    }
    const workload: Workload = {
      kind: parts.kind,
      cluster: cluster.name,
      namespace,
      name: parts.name,
      index: workloads.length,
      replicas: parts.kind === "daemonset" ? nodes.length : parts.replicas,
      on,
      hostNetwork: parts.hostNetwork,
      ...(parts.notReady ? { notReady: true } : {}),
      containers: parts.containers,
      labels: parts.labels,
      addresses: parts.addresses,
      source: parts.source,
    };
    workloads.push(workload);
    placement.push(where);
    inNamespace.set(parts.name, workload);
  }
  return { workloads, placement, workloadByName: (namespace, name) => namespaces.get(namespace)?.get(name) };
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
        message: `${formatPrefix(cidr.prefix)} is the range of ${node.path}`,
      }));
      problems.push(problem(CODES.podAddressOutsideNode, source, data, related));
    }
  }
  return problems;
}

/** Nodes with more pods than addresses: one finding for all with the same number of addresses. */
function demandProblems(
  cluster: ClusterDraft,
  nodes: readonly Node[],
  { demand }: PlannedPods,
  addressing: ModeAddressing,
): readonly TopologyProblem[] {
  // Without a plugin pods have no network, and that is no shortage.
  if (cluster.cni.plugin === "none") return nothing;
  const shortages = new Map<number, { readonly node: Node; readonly wanted: number; count: number }>();
  let withoutRange = false;
  for (const node of nodes) {
    const { wanted, available } = demand(node);
    if (wanted <= available) continue;
    if (node.podCidrs.length === 0) {
      // Said already, by KN401 or below.
      withoutRange = true;
      continue;
    }
    const shortage = shortages.get(available);
    if (shortage === undefined) shortages.set(available, { node, wanted, count: 1 });
    else shortage.count++;
  }
  const problems = [...shortages].map(([addresses, { node, wanted, count }]) => {
    const source = node.podCidrs[0]?.source ?? node.source;
    const data = { cluster: cluster.name, count, node: node.path, pods: wanted, addresses };
    return problem(CODES.noPodAddressLeft, source, data, [{ source: node.source, message: node.path }]);
  });
  // Where ranges come from the nodes' segments, the mode says what is wrong with those.
  if (withoutRange && !states(cluster, "pods") && addressing.fromSegment === undefined) {
    const data = { keyword: "pods", context: `cluster ${cluster.name}` };
    problems.push(problem(CODES.missingStatement, cluster.nameSource, data));
  }
  return problems;
}

/** A range for all pods of the cluster that is too small for them. */
function sharedProblems(
  { name }: ClusterDraft,
  ranges: readonly SharedRange[] | undefined,
  { shared }: PlannedPods,
): readonly TopologyProblem[] {
  // A plugin without a range is a finding of its own.
  if (!shared || !ranges?.[0] || shared.wanted <= shared.available) return nothing;
  const data = { cluster: name, pods: shared.wanted, addresses: shared.available };
  return [problem(CODES.sharedRangeFull, ranges[0].source, data)];
}

/* ---------------------------------------------------------------- expectations */

/** Similar names are looked for so many times. */
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
  checkName(via.value.text, sourceOfRead(file, decl, via), names, problems);
  return { kind: "via", station: names.find(via.value.text)[0]?.path ?? via.value.text };
}

function checkName(name: string, source: Source, names: Names, problems: TopologyProblem[], as?: "sender"): void {
  const found = names.find(name, as);
  if (found.length === 1) return;
  if (found.length > 1) {
    const candidates = found.map(({ path }) => path).join(", ");
    problems.push(problem(CODES.ambiguousName, source, { name, candidates }));
    return;
  }
  const suggestion = problems.length < mostSuggestions ? names.similar(name)[0] : undefined;
  const data = { name, kind: "endpoint" };
  problems.push(problem(CODES.unknownName, source, suggestion === undefined ? data : { ...data, suggestion }));
}
