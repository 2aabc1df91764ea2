/** The objects of a dump or of manifests as one cluster, with the segments of its nodes. */

import {
  compareIp,
  formatIp,
  formatPrefix,
  type Ip,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
  parsePrefix,
  prefixContains,
  prefixOf,
} from "../../addressing/ip.ts";
import { type Draft, declare } from "../../declared/build.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Handle } from "../../declared/handle.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { at, listAt, numberAt, textAt } from "./json.ts";
import {
  defaultPlugin,
  type Objects,
  type Plugin,
  pluginOf,
  podCidrs,
  proxyDraft,
  rangeDraft,
  rangesOf,
} from "./network.ts";
import { annotationsOf, drafted, groupOf, type KubeObject, labelsOf } from "./object.ts";
import { adminPolicy, networkPolicy } from "./policies.ts";
import { labelTerms } from "./selector.ts";
import { ingressDraft, proxyOf, serviceDraft, serviceOf } from "./services.ts";
import { clusterSettings } from "./settings.ts";
import {
  isController,
  isEnded,
  isObserved,
  isUnscheduled,
  keywordOf,
  type Owner,
  ownerOf,
  podDraft,
  podIps,
  workloadDraft,
  workloadOf,
} from "./workloads.ts";

export interface Imported {
  readonly decls: readonly Decl[];
  /** Values without evidence, and objects that are not modeled. */
  readonly notes: readonly string[];
  /** The number of objects that are not modeled. */
  readonly unread: number;
  /** The running pods of each workload. */
  readonly owned: readonly OwnedPods[];
}

/** Running pods that one workload created. */
export interface OwnedPods {
  readonly keyword: "deployment" | "statefulset" | "daemonset";
  readonly namespace: string;
  readonly name: string;
  /** The declarations of the pods. */
  readonly pods: ReadonlySet<Handle>;
}

export interface ClusterOptions {
  /** Path component of everything in the cluster. */
  readonly name: string;
  /** Where values without evidence are located: the input as a whole. */
  readonly origin: KubeObject;
}

const DEFAULT_PODS = "10.244.0.0/16";
const DEFAULT_SERVICES = "10.96.0.0/12";
/** The default gateway of the nodes; a dump shows nothing about it. */
const GATEWAY = "gateway";
/** Benchmarking addresses (RFC 2544): they occur in no cluster. */
const DEFAULT_NODES = "198.18.0.0/24";

export function importCluster(all: readonly KubeObject[], options: ClusterOptions): Imported {
  const unique = newest(all);
  const nodes = unique.filter(({ kind, apiVersion }) => kind === "Node" && apiVersion === "v1");
  const current = unique.filter((object) => object.kind === "Pod" && object.apiVersion === "v1" && !isEnded(object));
  const pods = current.filter((pod) => !isUnscheduled(pod));
  const objects: Objects = { all: unique, nodes, pods };
  const notes: string[] = [];
  const places = placesOf(objects);
  const owned = ownedPods();
  const cluster = clusterDraft({ objects, places, owned }, options, notes);
  const segments = segmentDrafts(places, options.origin, notes);
  const waiting = current.length - pods.length;
  if (waiting > 0) notes.push(t`${plural(waiting, "pod")} not scheduled to a node and omitted`);
  const kinds = unreadKinds(unique);
  notes.push(...[...kinds].map(([kind, count]) => t`${plural(count, "object")} of kind ${kind} not read`));
  const unread = [...kinds.values()].reduce((sum, count) => sum + count, 0);
  return { decls: [...segments, cluster].map((draft) => declare(draft)), notes, unread, owned: owned.all() };
}

/** The same object can occur in a list and in a separate file: the one with the highest resourceVersion applies. */
function newest(all: readonly KubeObject[]): readonly KubeObject[] {
  const byKey = new Map<string, KubeObject>();
  const version = (one: KubeObject): number => Number(textAt(one.value, "metadata", "resourceVersion") ?? 0);
  for (const object of all) {
    const key = `${groupOf(object)} ${object.kind} ${object.namespace ?? ""} ${object.name}`;
    const known = byKey.get(key);
    if (!known || version(object) >= version(known)) byKey.set(key, object);
  }
  return [...byKey.values()];
}

/* ------------------------------------------------------------------ the cluster */

interface Source {
  readonly objects: Objects;
  readonly places: Places;
  readonly owned: Owned;
}

function clusterDraft(source: Source, { name, origin }: ClusterOptions, notes: string[]): Draft {
  const { objects, places } = source;
  const ranges = rangesOf(objects);
  const shown = pluginOf(objects);
  if (!shown) notes.push(t`no CNI plugin was found: \`cni flannel\` with VXLAN is used`);
  const plugin = shown ?? defaultPlugin(origin);
  notes.push(...plugin.notes);
  const own = (keyword: string, args: Draft["args"]): Draft =>
    drafted(origin, [], args === undefined ? { keyword } : { keyword, args });
  // Weave Net's own default range; it ignores the pod CIDR.
  const pluginName = String(plugin.draft.args?.["plugin"]);
  const hasOwnRange = pluginName === "weave";
  const pods =
    ranges.pods.length > 0
      ? ranges.pods.map((one) => rangeDraft("pods", one, nodePrefixLength(objects, one.value)))
      : hasOwnRange
        ? []
        : [own("pods", { prefix: DEFAULT_PODS })];
  if (ranges.pods.length === 0 && !hasOwnRange) notes.push(t`no pod CIDR was found: ${DEFAULT_PODS} is used`);
  const services = servicesRange(objects, ranges.services, origin, notes);
  const { engine } = plugin;
  const proxy = proxyDraft(objects);
  notes.push(...places.omitted.map((node) => t`node ${node} has no InternalIP and is omitted`));
  return drafted(origin, [], {
    keyword: "cluster",
    args: { name },
    children: [
      ...pods,
      ...services,
      ...clusterSettings(objects, pluginName),
      plugin.draft,
      ...(engine === undefined ? [] : [own("network-policy", { engine })]),
      ...(proxy ? [proxy] : []),
      ...nodeDrafts(objects, places, plugin, origin),
      ...adminDrafts(objects),
      ...namespaceDrafts(source),
    ],
  });
}

/** The prefix length of the nodes' podCIDRs in the range if it is not the default of kube-controller-manager. */
function nodePrefixLength({ nodes }: Objects, range: Prefix): number | undefined {
  const lengths = new Set(
    nodes.flatMap((node) => podCidrs(node).flatMap((one) => (prefixContains(range, one.ip) ? one.len : []))),
  );
  const [only] = lengths;
  return lengths.size === 1 && only !== (typeof range.ip === "number" ? 24 : 64) ? only : undefined;
}

/** Without evidence: the range that contains the ClusterIPs. */
function servicesRange(
  { all }: Objects,
  found: ReturnType<typeof rangesOf>["services"],
  origin: KubeObject,
  notes: string[],
): readonly Draft[] {
  if (found.length > 0) return found.map((one) => rangeDraft("services", one));
  const ips = all.flatMap((one) =>
    one.kind === "Service" ? (parseIp(textAt(one.value, "spec", "clusterIP") ?? "") ?? []) : [],
  );
  const usual = ["10.96.0.0/12", "10.43.0.0/16", "172.20.0.0/16", "10.100.0.0/16", "100.64.0.0/13", "10.0.0.0/16"];
  const range = usual.find((text) => {
    const prefix = parsePrefix(text)?.prefix;
    return prefix && ips.filter((ip) => typeof ip === "number").every((ip) => prefixContains(prefix, ip));
  });
  const chosen = range ?? DEFAULT_SERVICES;
  if (all.some(({ kind }) => kind === "Service")) notes.push(t`no service CIDR was found: ${chosen} is used`);
  return [drafted(origin, [], { keyword: "services", args: { prefix: chosen } })];
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

interface NodeSegment {
  readonly name: string;
  readonly prefixes: readonly Prefix[];
}

interface PlacedNode {
  readonly node: KubeObject;
  readonly addresses: readonly Ip[];
  readonly segment: string;
}

/** The nodes with an address, and their networks. */
interface Places {
  readonly segments: readonly NodeSegment[];
  readonly nodes: readonly PlacedNode[];
  /** The names of the nodes without an address. */
  readonly omitted: readonly string[];
}

/**
 * Without a prefix length in a Node object, /24 is assumed, or the longest prefix for which no node has a network or broadcast address.
 */
function assumedLength(nodes: readonly KubeObject[]): number {
  const ips = nodes.flatMap((node) =>
    nodeAddresses(node).flatMap(({ ip, len }) => (typeof ip === "number" && len === undefined ? ip : [])),
  );
  for (let len = 24; len >= 16; len -= 1) {
    const size = 2 ** (32 - len);
    if (ips.every((ip) => ip % size !== 0 && ip % size !== size - 1)) return len;
  }
  return 24;
}

/** Nodes with addresses in the same network share a segment; for IPv6, the prefix length is 64. */
function placesOf({ nodes }: Objects): Places {
  const networks = new Map<string, readonly Prefix[]>();
  const omitted: string[] = [];
  const assumed = assumedLength(nodes);
  const placed = nodes.flatMap((node) => {
    const addresses = nodeAddresses(node);
    const prefixes = addresses.map(({ ip, len }) => prefixOf(ip, len ?? (typeof ip === "number" ? assumed : 64)));
    const key = prefixes.map(formatPrefix).join(" ");
    if (addresses.length === 0) {
      omitted.push(node.name);
      return [];
    }
    if (!networks.has(key)) networks.set(key, prefixes);
    return [{ node, key, addresses: addresses.map(({ ip }) => ip) }];
  });
  const keys = [...networks.keys()];
  const nameOf = (key: string): string => (keys.length === 1 ? "nodes" : `nodes-${keys.indexOf(key) + 1}`);
  return {
    segments: [...networks].map(([key, prefixes]) => ({ name: nameOf(key), prefixes })),
    nodes: placed.map(({ node, key, addresses }) => ({ node, addresses, segment: nameOf(key) })),
    omitted,
  };
}

/** The segments of the nodes with their gateway. */
function segmentDrafts({ segments }: Places, origin: KubeObject, notes: string[]): readonly Draft[] {
  const own = (draft: Omit<Draft, "handle" | "file">): Draft => drafted(origin, [], draft);
  if (segments.length === 0)
    notes.push(t`no node was found: two nodes on segment \`nodes\` (${DEFAULT_NODES}) are used`);
  if (segments.length > 1)
    notes.push(
      t`the nodes are in ${plural(segments.length, "network")}: router \`${GATEWAY}\` is assumed between them`,
    );
  const shown = segments.map(({ name, prefixes }) => ({ name, texts: prefixes.map(formatPrefix) }));
  const all = shown.length > 0 ? shown : [{ name: "nodes", texts: [DEFAULT_NODES] }];
  return [
    ...all.map(({ name, texts }) =>
      own({ keyword: "segment", args: { name }, children: [own({ keyword: "cidr", args: { prefixes: texts } })] }),
    ),
    own({
      keyword: "router",
      args: { name: GATEWAY },
      children: all.map(({ name }) => own({ keyword: "attach", args: { segment: name } })),
    }),
  ];
}

function nodeDrafts(
  objects: Objects,
  places: Places,
  { hasBlocks, draft }: Pick<Plugin, "hasBlocks" | "draft">,
  origin: KubeObject,
): readonly Draft[] {
  if (places.nodes.length === 0) {
    const attach = drafted(origin, [], { keyword: "attach", args: { segment: "nodes" } });
    return [drafted(origin, [], { keyword: "nodes", args: { name: "node-", range: "1..2" }, children: [attach] })];
  }
  const isCalico = draft.args?.["plugin"] === "calico";
  const blocks = isCalico ? blocksOf(objects) : hasBlocks ? new Map<string, readonly Prefix[]>() : undefined;
  return places.nodes.map((one) => nodeDraft(one, blocks && (blocks.get(one.node.name) ?? [])));
}

/** `blocks`: of a plugin that ignores podCIDR. */
function nodeDraft({ node, addresses, segment }: PlacedNode, blocks: readonly Prefix[] | undefined): Draft {
  const labels = labelsOf(node);
  const ranges = blocks ? [] : podCidrs(node).map(formatPrefix);
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
        ...(labels.size === 0
          ? []
          : [drafted(node, ["metadata", "labels"], { keyword: "labels", args: { labels: labelTerms(labels) } })]),
        ...(ranges.length === 0
          ? []
          : [
              drafted(
                node,
                ["spec", "podCIDR"],
                { keyword: "pod-cidr", args: { prefixes: ranges } },
                { prefixes: ["spec", "podCIDRs"] },
              ),
            ]),
        ...(blocks === undefined || blocks.length === 0
          ? []
          : [
              drafted(node, ["metadata", "name"], {
                keyword: "cni",
                args: { plugin: "calico" },
                children: [
                  drafted(node, ["metadata", "name"], {
                    keyword: "block",
                    args: { prefixes: blocks.map(formatPrefix) },
                  }),
                ],
              }),
            ]),
      ],
    },
    { name: ["metadata", "name"] },
  );
}

/** Calico's blocks by node: IPAMBlocks, else the blocks of the default size around the addresses of the node's pods. */
function blocksOf({ all, pods }: Objects): ReadonlyMap<string, readonly Prefix[]> {
  const blocks = new Map<string, Map<string, Prefix>>();
  const add = (node: string, prefix: Prefix): void => {
    const own = blocks.get(node) ?? new Map<string, Prefix>();
    blocks.set(node, own.set(formatPrefix(prefix), prefix));
  };
  for (const object of all) {
    if (object.kind !== "IPAMBlock" && object.kind !== "BlockAffinity") continue;
    const affinity = textAt(object.value, "spec", "affinity");
    const node =
      textAt(object.value, "spec", "node") ?? (affinity?.startsWith("host:") ? affinity.slice(5) : undefined);
    const prefix = parsePrefix(textAt(object.value, "spec", "cidr") ?? "")?.prefix;
    if (node !== undefined && prefix) add(node, prefix);
  }
  const stated = [...blocks.values()].flatMap((own) => [...own.values()]);
  for (const pod of pods) {
    const node = textAt(pod.value, "spec", "nodeName");
    if (node === undefined || at(pod.value, "spec", "hostNetwork") === true) continue;
    for (const text of podIps(pod.value)) {
      const ip = parseIp(text);
      if (ip === undefined || stated.some((prefix) => prefixContains(prefix, ip))) continue;
      add(node, prefixOf(ip, typeof ip === "number" ? 26 : 122));
    }
  }
  const sorted = (own: ReadonlyMap<string, Prefix>): readonly Prefix[] =>
    [...own.values()].sort((a, b) =>
      typeof a.ip === typeof b.ip ? compareIp(a.ip, b.ip) : typeof a.ip === "number" ? -1 : 1,
    );
  return new Map([...blocks].map(([node, own]) => [node, sorted(own)]));
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
  const { objects } = source;
  const byName = new Map<string, Draft[]>();
  const inside = (namespace: string | undefined): Draft[] => {
    const name = namespace ?? "default";
    const known = byName.get(name) ?? [];
    byName.set(name, known);
    return known;
  };
  const declared = objects.all.filter(({ kind, apiVersion }) => kind === "Namespace" && apiVersion === "v1");
  for (const { name } of declared) inside(name);
  const lookups = lookupsOf(source);
  for (const object of objects.all) {
    const draft = namespacedDraft(source, lookups, object);
    if (draft) inside(object.namespace).push(draft);
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
  readonly services: readonly KubeObject[];
  /** Numbers of named service ports. */
  readonly ports: ReadonlyMap<string, number>;
}

function keyOf(kind: string, { namespace, name }: Pick<KubeObject, "namespace" | "name">): string {
  return `${kind} ${namespace ?? "default"}/${name}`;
}

function lookupsOf({ objects: { all, pods }, places }: Source): Lookups {
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
    services,
    ports: new Map(services.flatMap(namedPorts)),
  };
}

function namedPorts({ namespace, name, value }: KubeObject): readonly (readonly [string, number])[] {
  return listAt(value, "spec", "ports").flatMap((port) => {
    const named = textAt(port, "name");
    const number = numberAt(port, "port");
    return named === undefined || number === undefined
      ? []
      : [[`${namespace ?? "default"}/${name}:${named}`, number] as const];
  });
}

/** Collects the pods of each workload while they are declared. */
interface Owned {
  add(owner: Owner, namespace: string, pod: Handle): void;
  all(): readonly OwnedPods[];
}

function ownedPods(): Owned {
  const found = new Map<string, OwnedPods & { readonly pods: Set<Handle> }>();
  return {
    add: ({ kind, name }, namespace, pod) => {
      const key = keyOf(kind, { namespace, name });
      const known = found.get(key) ?? { keyword: keywordOf(kind), namespace, name, pods: new Set() };
      found.set(key, known);
      known.pods.add(pod);
    },
    all: () => [...found.values()],
  };
}

function namespacedDraft({ objects, owned }: Source, lookups: Lookups, object: KubeObject): Draft | undefined {
  const { running, nodes, owners, services, ports } = lookups;
  const group = groupOf(object);
  switch (object.kind) {
    case "Pod": {
      if (!running.has(object)) return undefined;
      const draft = podDraft(object, { nodes });
      const owner = workloadOf(object, owners);
      if (owner) owned.add(owner, object.namespace ?? "default", draft.handle);
      return draft;
    }
    case "Service":
      return serviceDraft(object, endpointsOf(lookups, object));
    case "NetworkPolicy":
      return group === "networking.k8s.io" || group === "extensions" ? networkPolicy(object) : undefined;
    case "Ingress": {
      const proxy = group === "networking.k8s.io" ? proxyOf(object, services) : undefined;
      return proxy && ingressDraft(object, proxy, ports);
    }
    default:
      return isController(object.kind) && !isReplaced(objects, lookups, object)
        ? workloadDraft(object, { nodes })
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
function endpointsOf({ endpoints }: Lookups, { namespace, name }: KubeObject): readonly KubeObject[] {
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
  "ServiceCIDR",
  "IPPool",
  "IPAMBlock",
  "BlockAffinity",
  "Installation",
  "ConfigMap",
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

function unreadKinds(all: readonly KubeObject[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const services = all.filter(({ kind }) => kind === "Service");
  const isRead = (object: KubeObject): boolean =>
    READ.has(object.kind) ||
    IRRELEVANT.has(object.kind) ||
    isController(object.kind) ||
    (object.kind === "Ingress" && proxyOf(object, services) !== undefined);
  for (const object of all) if (!isRead(object)) counts.set(object.kind, (counts.get(object.kind) ?? 0) + 1);
  return counts;
}
