/** The objects of a dump or of manifests as one cluster, with the segments of its nodes. */

import {
  formatIp,
  formatPrefix,
  type Ip,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
  prefixContains,
  prefixOf,
} from "../../addressing/ip.ts";
import { type Draft, declare } from "../../declared/build.ts";
import type { Decl } from "../../declared/decl.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { list, plural } from "../../text/format.ts";
import { listAt, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { isInstaller } from "../config/index.ts";
import { accountLabels } from "./accounts.ts";
import { type Observed, observedEndpoints } from "./endpoints.ts";
import { servicePorts } from "./listening.ts";
import { NETWORK_KINDS, type Network, networkOf, type Objects } from "./network.ts";
import { nodesOfPods } from "./nodes-of-pods.ts";
import { annotationsOf, drafted, externalIps, groupOf, type KubeObject, labelsOf } from "./object.ts";
import { adminPolicy, networkPolicy } from "./policies.ts";
import { assumed, assumedNodes, notRead } from "./problems.ts";
import { labelTerms } from "./selector.ts";
import { serviceDraft, serviceOf } from "./services.ts";
import { subnetsOf } from "./subnets.ts";
import {
  isController,
  isEnded,
  isObserved,
  isUnscheduled,
  type Owner,
  ownerOf,
  type PodFacts,
  podDraft,
  podsOfTemplates,
  workloadDraft,
  workloadOf,
} from "./workloads.ts";

export interface Imported {
  readonly decls: readonly Decl[];
  /** Values without evidence, and objects that are not modeled. */
  readonly problems: readonly FileProblem[];
  /** The number of objects that are not modeled. */
  readonly unread: number;
}

export interface ClusterOptions {
  /** Path component of everything in the cluster. */
  readonly name: string;
  /** Where values without evidence are located: the input as a whole. */
  readonly origin: KubeObject;
  readonly around: Around;
}

/** What a `.knet` file declares around the objects. */
export interface Around {
  /** The keywords of the cluster's block; they take precedence over the objects. */
  readonly stated: ReadonlySet<string>;
  readonly segments: readonly NodeSegment[];
  /** The names at the top level. */
  readonly taken: ReadonlySet<string>;
}

export const NOTHING_AROUND: Around = { stated: new Set(), segments: [], taken: new Set() };

/** The default gateway of the nodes; a dump shows nothing about it. */
const GATEWAY = "gateway";
/** Benchmarking addresses (RFC 2544): they occur in no cluster. */
const DEFAULT_NODES = "198.18.0.0/24";

/** `unique`: each object once. */
export function importCluster(unique: readonly KubeObject[], options: ClusterOptions): Imported {
  const stated = unique.filter(({ kind, apiVersion }) => kind === "Node" && apiVersion === "v1");
  const current = unique.filter((object) => object.kind === "Pod" && object.apiVersion === "v1" && !isEnded(object));
  const pods = current.filter((pod) => !isUnscheduled(pod));
  const nodes = stated.length > 0 ? stated : nodesOfPods(pods);
  const objects: Objects = { all: unique, nodes, pods };
  const problems: FileProblem[] = [];
  const [inferred] = stated.length > 0 ? [] : nodes;
  if (inferred)
    problems.push(
      assumed(
        inferred,
        t`no Node object was found: ${plural(nodes.length, "node")} from the nodeName and hostIP of the pods`,
      ),
    );
  const places = placesOf(objects, options);
  const network = networkOf(objects, {
    origin: options.origin,
    stated: options.around.stated,
    gateway: hasGateway(places, options.around) ? untaken(GATEWAY, options.name, options.around) : undefined,
  });
  problems.push(...network.problems);
  problems.push(
    ...places.omitted.map((node) => assumed(node, t`node ${node.name} has no InternalIP and is omitted`, ["status"])),
  );
  problems.push(...waitingPods(current));
  const machines = isWithoutNodes(places, options.around) ? network.machines : undefined;
  const lookups = lookupsOf(objects, places);
  problems.push(...lookups.observed.problems);
  const cluster = clusterDraft({ objects, places, network, lookups }, options);
  const segments = machines ? machines.network : segmentDrafts(places, options, problems);
  const kinds = unreadKinds(unique);
  problems.push(...kinds.map(({ first, count }) => notRead(first, count)));
  const unread = kinds.reduce((sum, { count }) => sum + count, 0);
  return { decls: [...segments, cluster].map((draft) => declare(draft)), problems, unread };
}

/* ------------------------------------------------------------------ the cluster */

interface Source {
  readonly objects: Objects;
  readonly places: Places;
  readonly network: Network;
  readonly lookups: Lookups;
}

function clusterDraft(source: Source, { name, origin, around }: ClusterOptions): Draft {
  const { objects, places, network } = source;
  const isStated = places.nodes.length === 0 && !isWithoutNodes(places, around);
  return drafted(origin, [], {
    keyword: "cluster",
    args: { name },
    children: [
      ...network.statements,
      ...(isStated ? [] : nodeDrafts(places, network, origin)),
      ...adminDrafts(objects),
      ...namespaceDrafts(source),
    ],
  });
}

/* ------------------------------------------------------------------ nodes */

const CALICO_ADDRESS = "projectcalico.org/IPv4Address";

/** The first InternalIP of each family; with Calico's annotation, with its prefix length. */
function nodeAddresses(node: KubeObject): readonly { readonly ip: Ip; readonly len: number | undefined }[] {
  const seen = new Set<string>();
  const stated = parseInterfaceAddress(annotationsOf(node).get(CALICO_ADDRESS) ?? "");
  return listAt(node.value, "status", "addresses").flatMap((one) => {
    const ip = textAt(one, "type") === "InternalIP" ? parseIp(textAt(one, "address") ?? "") : undefined;
    if (ip === undefined || seen.has(typeof ip)) return [];
    seen.add(typeof ip);
    const len = stated && stated.ip === ip ? stated.len : undefined;
    return [{ ip, len }];
  });
}

export interface NodeSegment {
  readonly name: string;
  readonly prefixes: readonly Prefix[];
}

interface PlacedNode {
  readonly node: KubeObject;
  readonly addresses: readonly Ip[];
  readonly segment: string;
}

/** `key`: of its network, if its segment is not declared. */
interface Unplaced extends Omit<PlacedNode, "segment"> {
  readonly segment: string | undefined;
  readonly key: string;
}

/** The nodes with an address, and their networks. */
interface Places {
  /** Without those that are declared around the objects. */
  readonly segments: readonly NodeSegment[];
  /** Whether nodes are on segments that are declared around the objects. */
  readonly isDeclared: boolean;
  readonly nodes: readonly PlacedNode[];
  /** The nodes without an address. */
  readonly omitted: readonly KubeObject[];
  /** Number of nodes to assume if the source has no nodes. */
  readonly assumed: number;
}

/** kubelet's default of `maxPods`. */
const PODS_PER_NODE = 110;
/** As many as fit into the assumed segment. */
const MOST_ASSUMED = 200;

/** At least two, to show traffic between nodes, and enough for the declared pods. */
function assumedCount({ all }: Objects): number {
  return Math.min(Math.max(2, Math.ceil(podsOfTemplates(all) / PODS_PER_NODE)), MOST_ASSUMED);
}

/** Nodes with addresses in the same network share a segment. A Node object has no prefix length. */
function placesOf(objects: Objects, { name, around }: ClusterOptions): Places {
  const { nodes } = objects;
  const subnetOf = subnetsOf(objects);
  const declared = new Set<string>();
  const networks = new Map<string, readonly Prefix[]>();
  const omitted: KubeObject[] = [];
  const placed = nodes.flatMap((node): readonly Unplaced[] => {
    const addresses = nodeAddresses(node);
    const known = around.segments.find(({ prefixes }) =>
      prefixes.some((prefix) => addresses.some(({ ip }) => prefixContains(prefix, ip))),
    );
    if (known) {
      declared.add(known.name);
      return [{ node, segment: known.name, key: "", addresses: addresses.map(({ ip }) => ip) }];
    }
    const prefixes = addresses.map(({ ip, len }) => (len === undefined ? subnetOf(ip) : prefixOf(ip, len)));
    const key = prefixes.map(formatPrefix).join(" ");
    if (addresses.length === 0) {
      omitted.push(node);
      return [];
    }
    if (!networks.has(key)) networks.set(key, prefixes);
    return [{ node, segment: undefined, key, addresses: addresses.map(({ ip }) => ip) }];
  });
  const keys = [...networks.keys()];
  const base = untaken("nodes", name, around);
  const nameOf = (key: string): string => (keys.length === 1 ? base : `${base}-${keys.indexOf(key) + 1}`);
  return {
    segments: [...networks].map(([key, prefixes]) => ({ name: nameOf(key), prefixes })),
    isDeclared: declared.size > 0,
    nodes: placed.map(({ node, key, segment, addresses }) => ({ node, addresses, segment: segment ?? nameOf(key) })),
    omitted,
    assumed: assumedCount(objects),
  };
}

/** The name, or with the cluster's name in front if something else has it. */
function untaken(name: string, cluster: string, { taken }: Around): string {
  return taken.has(name) ? `${cluster}-${name}` : name;
}

/** Neither objects nor the file around them have nodes. */
function isWithoutNodes({ nodes, isDeclared }: Places, { stated }: Around): boolean {
  return nodes.length === 0 && !isDeclared && !stated.has("node") && !stated.has("nodes");
}

/** Whether a router is assumed: for nodes that are not on declared segments. */
function hasGateway(places: Places, around: Around): boolean {
  return places.segments.length > 0 || isWithoutNodes(places, around);
}

/** The segments of the nodes with their gateway. */
function segmentDrafts(
  places: Places,
  { name: cluster, origin, around }: ClusterOptions,
  problems: FileProblem[],
): readonly Draft[] {
  const { segments, isDeclared, nodes, assumed: count } = places;
  const own = (draft: Omit<Draft, "handle" | "file">): Draft => drafted(origin, [], draft);
  if (!hasGateway(places, around)) return [];
  if (segments.length === 0)
    problems.push(
      assumedNodes(
        origin,
        t`no node was found: ${plural(count, "node")} on segment \`nodes\` (${DEFAULT_NODES}) are used`,
      ),
    );
  const outside = nodes.filter(({ segment }) => segments.some(({ name }) => name === segment));
  if (isDeclared && outside.length > 0) {
    const assumedSegments = list(segments.map(({ name }) => `\`${name}\``));
    const names = list(outside.map(({ node }) => node.name));
    problems.push(
      assumed(origin, t`no declared segment contains the addresses of ${names}: ${assumedSegments} assumed`),
    );
  }
  const gateway = untaken(GATEWAY, cluster, around);
  if (segments.length > 1)
    problems.push(
      assumed(
        origin,
        t`the nodes are in ${plural(segments.length, "network")}: router \`${gateway}\` is assumed between them`,
      ),
    );
  const shown = segments.map(({ name, prefixes }) => ({ name, texts: prefixes.map(formatPrefix) }));
  const all = shown.length > 0 ? shown : [{ name: untaken("nodes", cluster, around), texts: [DEFAULT_NODES] }];
  return [
    ...all.map(({ name, texts }) =>
      own({ keyword: "segment", args: { name }, children: [own({ keyword: "cidr", args: { prefixes: texts } })] }),
    ),
    own({
      keyword: "router",
      args: { name: gateway },
      children: all.map(({ name }) => own({ keyword: "attach", args: { segment: name } })),
    }),
  ];
}

function nodeDrafts(places: Places, network: Network, origin: KubeObject): readonly Draft[] {
  if (places.nodes.length === 0) {
    if (network.machines) return network.machines.nodes;
    const attach = drafted(origin, [], { keyword: "attach", args: { segment: "nodes" } });
    return [
      drafted(origin, [], {
        keyword: "nodes",
        args: { name: "node-", range: `1..${places.assumed}` },
        children: [attach],
      }),
    ];
  }
  return places.nodes.map((one) => nodeDraft(one, network));
}

function nodeDraft({ node, addresses, segment }: PlacedNode, network: Network): Draft {
  const labels = labelsOf(node);
  const external = externalIps(node);
  return drafted(
    node,
    [],
    {
      keyword: "node",
      args: { name: node.name },
      children: [
        drafted(node, ["status", "addresses"], {
          keyword: "attach",
          args: { segment, addresses: addresses.map(formatIp) },
        }),
        ...(external.length === 0
          ? []
          : [drafted(node, ["status", "addresses"], { keyword: "external-ip", args: { addresses: external } })]),
        ...(labels.size === 0
          ? []
          : [drafted(node, ["metadata", "labels"], { keyword: "labels", args: { labels: labelTerms(labels) } })]),
        ...network.ofNode(node),
      ],
    },
    { name: ["metadata", "name"] },
  );
}

/* ------------------------------------------------------------------ namespaces */

const ADMIN: ReadonlySet<string> = new Set([
  "AdminNetworkPolicy",
  "BaselineAdminNetworkPolicy",
  "ClusterNetworkPolicy",
]);

function adminDrafts({ all }: Objects): readonly Draft[] {
  return all.filter((one) => ADMIN.has(one.kind) && groupOf(one) === "policy.networking.k8s.io").map(adminPolicy);
}

function namespaceDrafts(source: Source): readonly Draft[] {
  const { objects, network, lookups } = source;
  const byName = new Map<string, Draft[]>();
  const inside = (namespace: string | undefined): Draft[] => {
    const name = namespace ?? "default";
    const known = byName.get(name) ?? [];
    byName.set(name, known);
    return known;
  };
  const declared = objects.all.filter(({ kind, apiVersion }) => kind === "Namespace" && apiVersion === "v1");
  for (const { name } of declared) inside(name);
  for (const object of objects.all) {
    const draft = namespacedDraft(source, lookups, object);
    if (draft) inside(object.namespace).push(draft);
    const more = network.ofObject(object);
    if (more.length > 0) inside(object.namespace).push(...more);
  }
  return [...byName].map(([name, children]) => {
    const object = declared.find((one) => one.name === name);
    const labels = object ? labelsOf(object) : new Map<string, string>();
    const first = object ?? objects.all.find(({ namespace }) => (namespace ?? "default") === name);
    const place = first ?? objects.all[0]!;
    return drafted(
      place,
      object ? [] : ["metadata", "namespace"],
      {
        keyword: "namespace",
        args: { name },
        children: [
          ...(object && labels.size > 0
            ? [drafted(object, ["metadata", "labels"], { keyword: "labels", args: { labels: labelTerms(labels) } })]
            : []),
          ...children,
        ],
      },
      object ? { name: ["metadata", "name"] } : {},
    );
  });
}

/** Lookups for all objects of a dump. */
interface Lookups {
  readonly running: ReadonlySet<KubeObject>;
  readonly nodes: ReadonlySet<string>;
  /** By kind, namespace, and name. */
  readonly controllers: ReadonlySet<string>;
  /** The owners of ReplicaSets and Jobs, by the same key. */
  readonly owners: ReadonlyMap<string, Owner>;
  /** The workloads with pods in the dump, ended pods included. */
  readonly replaced: ReadonlySet<string>;
  /** By namespace and service. */
  readonly endpoints: ReadonlyMap<string, readonly KubeObject[]>;
  readonly portsOf: PodFacts["portsOf"];
  readonly accountLabels: PodFacts["accountLabels"];
  readonly observed: Observed;
}

function keyOf(kind: string, { namespace, name }: Pick<KubeObject, "namespace" | "name">): string {
  return `${kind} ${namespace ?? "default"}/${name}`;
}

function lookupsOf({ all, pods }: Objects, places: Places): Lookups {
  const endpoints = new Map<string, KubeObject[]>();
  for (const one of all) {
    const service = one.kind === "EndpointSlice" || one.kind === "Endpoints" ? serviceOf(one) : undefined;
    if (service === undefined) continue;
    const key = `${one.namespace ?? "default"}/${service}`;
    const known = endpoints.get(key);
    if (known) known.push(one);
    else endpoints.set(key, [one]);
  }
  const owners = new Map<string, Owner>();
  for (const one of all) {
    const owner = isController(one.kind) ? ownerOf(one) : undefined;
    if (owner) owners.set(keyOf(one.kind, one), owner);
  }
  const replaced = all.flatMap((one): readonly string[] => {
    const owner = one.kind === "Pod" ? workloadOf(one, owners) : undefined;
    return owner ? [keyOf(owner.kind, { ...one, name: owner.name })] : [];
  });
  const services = all.filter(({ kind, apiVersion }) => kind === "Service" && apiVersion === "v1");
  return {
    running: new Set(pods),
    nodes: new Set(places.nodes.map(({ node }) => node.name)),
    controllers: new Set(all.flatMap((one) => (isController(one.kind) ? keyOf(one.kind, one) : []))),
    owners,
    replaced: new Set(replaced),
    endpoints,
    portsOf: servicePorts(all),
    accountLabels: accountLabels(all),
    observed: observedEndpoints(services, pods, (service) => endpointsOf({ endpoints }, service)),
  };
}

function namespacedDraft({ objects }: Source, lookups: Lookups, object: KubeObject): Draft | undefined {
  const { running, owners, observed } = lookups;
  const group = groupOf(object);
  switch (object.kind) {
    case "Pod":
      return running.has(object)
        ? podDraft(object, { ...lookups, ignored: observed.ignored }, workloadOf(object, owners))
        : undefined;
    case "Service":
      return serviceDraft(object, endpointsOf(lookups, object), observed);
    case "NetworkPolicy":
      return group === "networking.k8s.io" || group === "extensions" ? networkPolicy(object) : undefined;
    default:
      return isController(object.kind) && !isReplaced(objects, lookups, object)
        ? workloadDraft(object, lookups)
        : undefined;
  }
}

/**
 * Running pods replace the template of their workload; a ReplicaSet of a Deployment is the Deployment's template. A workload with a
 * status in a dump with pods has no other pods.
 */
function isReplaced({ pods }: Objects, { controllers, replaced }: Lookups, object: KubeObject): boolean {
  const owner = ownerOf(object);
  if (owner !== undefined && controllers.has(keyOf(owner.kind, { ...object, name: owner.name }))) return true;
  return replaced.has(keyOf(object.kind, object)) || (pods.length > 0 && isObserved(object));
}

/** EndpointSlices take precedence: the controller mirrors Endpoints into them. */
function endpointsOf(
  { endpoints }: Pick<Lookups, "endpoints">,
  { namespace, name }: KubeObject,
): readonly KubeObject[] {
  const own = endpoints.get(`${namespace ?? "default"}/${name}`) ?? [];
  const slices = own.filter(({ kind }) => kind === "EndpointSlice");
  return slices.length > 0 ? slices : own;
}

/* ------------------------------------------------------------------ notes */

const READ: ReadonlySet<string> = new Set([
  "Node",
  "Namespace",
  "Pod",
  "Service",
  "Endpoints",
  "EndpointSlice",
  "NetworkPolicy",
  ...NETWORK_KINDS,
  ...ADMIN,
]);

/** Kinds that have no effect on the network. */
const IRRELEVANT: ReadonlySet<string> = new Set([
  "ClusterRole",
  "ClusterRoleBinding",
  "ControllerRevision",
  "CustomResourceDefinition",
  "Event",
  "HorizontalPodAutoscaler",
  "Lease",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "PodDisruptionBudget",
  "Role",
  "RoleBinding",
  "Secret",
  "ServiceAccount",
  "StorageClass",
]);

function waitingPods(current: readonly KubeObject[]): readonly FileProblem[] {
  const waiting = current.filter(isUnscheduled);
  const [first] = waiting;
  return first
    ? [assumed(first, t`${plural(waiting.length, "pod")} not scheduled to a node and omitted`, ["status", "phase"])]
    : [];
}

interface UnreadKind {
  readonly first: KubeObject;
  readonly count: number;
}

function unreadKinds(all: readonly KubeObject[]): readonly UnreadKind[] {
  const kinds = new Map<string, UnreadKind>();
  for (const object of all) {
    const { kind } = object;
    if (READ.has(kind) || IRRELEVANT.has(kind) || isController(kind) || isInstaller(object)) continue;
    const known = kinds.get(kind);
    kinds.set(kind, { first: known?.first ?? object, count: (known?.count ?? 0) + 1 });
  }
  return [...kinds.values()];
}
