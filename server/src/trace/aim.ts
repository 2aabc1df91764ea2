/**
 * Resolution of a target name: the addresses that packets are sent to. For a service this depends on the sender. Inside the
 * cluster, the name resolves to the ClusterIP (DNS); from outside, the target is the load balancer IP, an external IP, or a
 * node address with the node port. A headless service resolves to the addresses of its pods.
 */

import { type Family, family, formatIp, type Ip, isLoopback, parseIp, unmapped } from "../addressing/ip.ts";
import type { Journey, Question } from "../dataplane/journey.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { simulate } from "../dataplane/simulator/simulate.ts";
import { list, plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { serviceNamed } from "../topology/dns.ts";
import type { Cluster, Node, Resolution, Service, ServicePort, Topology } from "../topology/model.ts";
import { type Endpoint, endpointAt, nameError, ownerOf } from "./endpoints.ts";

/** A possible target address and its probability. */
export interface Target {
  readonly ip: Ip;
  /** The target port if it differs from the requested port. */
  readonly port: number | undefined;
  readonly weight: number;
}

export interface Aimed {
  /** At least one. */
  readonly targets: readonly Target[];
  /** Ports of the target, used if no port is requested. */
  readonly ports: Endpoint["ports"];
  /** Explains how the name is resolved; shown to users. */
  readonly notes: readonly string[];
  readonly service: Service | undefined;
  /** Path of the target. */
  readonly path: string;
  /** The network namespace of the target; undefined for several targets and for plain addresses. */
  readonly netns?: NetnsId | undefined;
}

export type Aim =
  | ({ readonly ok: true } & Aimed)
  | { readonly ok: false; readonly error: string; readonly candidates: readonly string[] };

/** Larger clusters are represented by one node with an endpoint and one without. */
const MOST_NODES = 8;
/** Maximum number of other objects of a name to list. */
const MOST_OTHERS = 3;
/** Maximum length of a CNAME chain. */
const MOST_ALIASES = 8;

/** `port` and `wanted`: the requested port and address family, if any. */
export function aimAt(
  topology: Topology,
  text: string,
  sender: Endpoint,
  port: number | undefined,
  wanted: Family | undefined,
): Aim {
  const families = wanted === undefined ? familiesOf(sender) : [wanted];
  const from: Sender = { endpoint: sender, families, wanted, port };
  const ip = parseIp(text);
  if (ip !== undefined) {
    const reached = unmapped(ip);
    const owner = isLoopback(reached) || isUnspecified(reached) ? sender : ownerOf(topology, reached);
    const service = owner ? undefined : serviceAt(topology, reached);
    const ports = owner?.ports ?? (service ? portsOf(service) : []);
    return aimed({ targets: only(ip), ports, notes: addressNotes(ip), path: text, service });
  }
  const meaning = topology.resolve(text);
  if (!meaning.ok) return failed(nameError(text, meaning), meaning.candidates);
  const choice = choiceOf(text, meaning);
  if (meaning.endpoint.kind === "service") {
    const { cluster, service } = meaning.endpoint;
    return withChoice(aimAtService(topology, cluster, service, from, []), choice);
  }
  const endpoint = endpointAt(topology, meaning.endpoint);
  if (typeof endpoint === "string") return failed(endpoint);
  return withChoice(aimAtEndpoint(topology, endpoint, from, []), choice);
}

/** In the first note, which explains how the name is resolved. */
function withChoice(aim: Aim, choice: string | undefined): Aim {
  if (!aim.ok || choice === undefined) return aim;
  const [first, ...rest] = aim.notes;
  return { ...aim, notes: [first === undefined ? choice : `${first}; ${choice}`, ...rest] };
}

/** The object that a name of several objects refers to; undefined if the name has only one. */
export function choiceOf(text: string, meaning: Resolution): string | undefined {
  if (!meaning.ok || meaning.others.length === 0) return undefined;
  const { kind, path } = meaning.endpoint;
  const others = list(
    meaning.others.map((one) => `\`${one}\``),
    MOST_OTHERS,
  );
  return t`\`${text}\` refers to ${kind} ${path} (other matches: ${others})`;
}

/** The journeys to all targets; the probability of a journey is multiplied by the weight of its target. */
export function journeysTo(
  network: Network,
  question: Omit<Question, "dst">,
  targets: readonly Target[],
): readonly Journey[] {
  return targets.flatMap(({ ip, port, weight }) => {
    const journeys = simulate(network, { ...question, dst: ip, dport: port ?? question.dport });
    return weight === 1 ? journeys : journeys.map((journey) => weighted(journey, weight));
  });
}

function weighted(journey: Journey, weight: number): Journey {
  const reply = journey.reply && weighted(journey.reply, weight);
  return { ...journey, probability: journey.probability * weight, reply };
}

function aimed(aim: Aimed): Aim {
  return { ok: true, ...aim };
}

function only(ip: Ip): readonly Target[] {
  return [{ ip, port: undefined, weight: 1 }];
}

function failed(error: string, candidates: readonly string[] = []): Aim {
  return { ok: false, error, candidates };
}

/** How the kernel reads an address that is not an ordinary one. */
function addressNotes(ip: Ip): readonly string[] {
  const reached = unmapped(ip);
  return [
    ...(reached === ip
      ? []
      : [t`${formatIp(ip)} is IPv4-mapped: TCP, UDP, and SCTP send IPv4 packets to ${formatIp(reached)}`]),
    ...(isUnspecified(reached)
      ? [t`${formatIp(reached)} is the sender itself: Linux replaces it with a local address`]
      : []),
  ];
}

/** The error message for a source and a destination address that no packet can have together. */
export function familyError(src: Ip | undefined, dst: Ip | undefined): string | undefined {
  if (src === undefined || dst === undefined || family(src) === family(unmapped(dst))) return undefined;
  return t`${formatIp(src)} and ${formatIp(dst)} have different address families`;
}

/** ip_route_output, ip6_route_output: packets to the unspecified address stay on the machine. */
function isUnspecified(ip: Ip): boolean {
  return ip === 0 || ip === 0n;
}

function serviceAt(topology: Topology, ip: Ip): Service | undefined {
  for (const { services } of topology.clusters) {
    const service = services.byAddress(ip)[0];
    if (service) return service;
  }
  return undefined;
}

/** An address in an address family of the sender; for dual-stack in the cluster's primary family (the first `pods` range). */
function aimAtEndpoint(topology: Topology, endpoint: Endpoint, from: Sender, notes: readonly string[]): Aim {
  const cluster = topology.clusters.find(({ name }) => endpoint.path.startsWith(`${name}/`));
  const primary = family(cluster?.podCidrs[0]?.prefix.ip ?? 0);
  const ordered = [...endpoint.addresses].sort((a, b) => Number(family(a) !== primary) - Number(family(b) !== primary));
  const ip = isMachine(endpoint) ? pickOf(endpoint, ordered, from) : pick(ordered, from);
  if (ip === undefined) return failed(noAddress(endpoint.path, from));
  const chosen = isMachine(endpoint) ? chosenNote(endpoint, ip, from) : undefined;
  const all = chosen === undefined ? notes : [...notes, chosen];
  const { ports, path, netns } = endpoint;
  return aimed({ targets: only(ip), ports, notes: all, path, service: undefined, netns });
}

/** Pods and containers have the interfaces of their node only as senders. */
function isMachine({ kind }: Endpoint): boolean {
  return kind !== "pod" && kind !== "container";
}

/** The address on a segment of the sender, otherwise the first; within one address family. */
function pickOf(target: Pick<Endpoint, "interfaces">, addresses: readonly Ip[], from: Sender): Ip | undefined {
  const first = pick(addresses, from);
  if (first === undefined) return undefined;
  const near = addresses.filter((ip) => family(ip) === family(first) && sharedSegment(target, ip, from) !== undefined);
  return near[0] ?? first;
}

/** The segment of the target's interface with this address, if the sender is attached to it. */
function sharedSegment({ interfaces }: Pick<Endpoint, "interfaces">, ip: Ip, from: Sender): string | undefined {
  const segment = interfaces.find(({ addresses }) => addresses.some((own) => own.ip === ip))?.segment;
  return from.endpoint.interfaces.find((own) => own.segment === segment)?.segment;
}

/** Which address of several the packet is sent to; undefined if there is only one. */
function chosenNote(target: Endpoint, ip: Ip, from: Sender): string | undefined {
  const count = target.addresses.filter((own) => family(own) === family(ip)).length;
  if (count < 2 || target.netns === from.endpoint.netns) return undefined;
  const addresses =
    family(ip) === 4
      ? plural(count, "IPv4 address", "IPv4 addresses")
      : plural(count, "IPv6 address", "IPv6 addresses");
  const segment = sharedSegment(target, ip, from);
  return segment === undefined
    ? t`${target.path} has ${addresses}; packets are sent to the first, ${formatIp(ip)}`
    : t`${target.path} has ${addresses}; packets are sent to ${formatIp(ip)}, on the sender's segment ${segment}`;
}

/** The sender, the address families to use, and the requested family and port. */
interface Sender {
  readonly endpoint: Endpoint;
  readonly families: readonly Family[];
  readonly wanted: Family | undefined;
  readonly port: number | undefined;
}

function familiesOf({ addresses }: Endpoint): readonly Family[] {
  return [...new Set(addresses.map(family))];
}

/** The first address in an address family of the sender; if no family is requested, otherwise any address. */
function pick(addresses: readonly Ip[], from: Sender): Ip | undefined {
  return addresses.find((ip) => speaks(from, ip)) ?? (from.wanted === undefined ? addresses[0] : undefined);
}

function speaks({ families }: Sender, ip: Ip): boolean {
  return families.includes(family(ip));
}

function noAddress(path: string, { wanted }: Sender): string {
  return wanted === undefined ? t`${path} has no address` : t`${path} has no IPv${wanted} address`;
}

function portsOf(service: Service): Endpoint["ports"] {
  return service.ports.map(({ port, proto }) => ({ port, proto, process: service.path }));
}

/* ------------------------------------------------------------------ services */

function aimAtService(
  topology: Topology,
  cluster: Cluster,
  service: Service,
  from: Sender,
  notes: readonly string[],
): Aim {
  const { path } = service;
  const inside = from.endpoint.netns.startsWith(`${cluster.name}/`);
  if (service.type === "external-name") return aimAtAlias(topology, cluster, service, from, notes);
  if (service.type === "headless") return aimAtPods(cluster, service, from, notes);
  const single = (ip: Ip, note: string): Aim =>
    aimed({ targets: only(ip), ports: portsOf(service), notes: [...notes, note], path, service });
  const clusterIp = pick(service.clusterIps, from);
  if (inside) {
    if (clusterIp === undefined)
      return failed(
        from.wanted === undefined ? t`${path} has no ClusterIP` : t`${path} has no IPv${from.wanted} ClusterIP`,
      );
    return single(clusterIp, t`inside cluster ${cluster.name}, ${path} is reached at ClusterIP ${formatIp(clusterIp)}`);
  }
  const balanced = pick(
    service.loadBalancerIps.map(({ ip }) => ip),
    from,
  );
  if (balanced !== undefined) {
    return single(
      balanced,
      t`outside cluster ${cluster.name}, ${path} is reached at load balancer IP ${formatIp(balanced)}`,
    );
  }
  const external = pick(
    service.externalIps.map(({ ip }) => ip),
    from,
  );
  if (external !== undefined) {
    return single(
      external,
      t`outside cluster ${cluster.name}, ${path} is reached at external IP ${formatIp(external)}`,
    );
  }
  const wanted = portOf(service, from.port);
  if (wanted && hasNodePort(wanted)) return aimAtNodes(cluster, service, wanted, from, notes);
  if (clusterIp === undefined) return failed(noAddress(path, from));
  return single(
    clusterIp,
    t`${path} (type ${service.type}) cannot be reached from outside cluster ${cluster.name}: ClusterIP ${formatIp(clusterIp)} is valid only on the cluster's nodes`,
  );
}

/** The requested port, by port number or node port; the first port if none is requested. */
function portOf(service: Service, port: number | undefined): ServicePort | undefined {
  if (port === undefined) return service.ports[0];
  return service.ports.find((one) => one.port === port) ?? service.ports.find((one) => one.nodePort === port);
}

type NodePort = ServicePort & { readonly nodePort: number };

function hasNodePort(port: ServicePort): port is NodePort {
  return port.nodePort !== undefined;
}

/** A client can use the node port of any node. */
function aimAtNodes(cluster: Cluster, service: Service, port: NodePort, from: Sender, notes: readonly string[]): Aim {
  const addresses = (node: Node): Ip | undefined => {
    const all = node.interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => ip));
    return pickOf(
      node,
      all.filter((ip) => speaks(from, ip) && hasFamily(service, ip)),
      from,
    );
  };
  const { nodePort } = port;
  const chosen = nodesFor(cluster, service, port, (node) => addresses(node) !== undefined);
  const targets = chosen.flatMap(({ node, weight }): Target[] => {
    const ip = addresses(node);
    return ip === undefined ? [] : [{ ip, port: nodePort, weight }];
  });
  if (targets.length === 0)
    return failed(t`no node of cluster ${cluster.name} has an address in the address family of ${from.endpoint.path}`);
  const shown = list(
    chosen.map(({ node }) => node.name),
    MOST_NODES,
  );
  const note = t`outside cluster ${cluster.name}, ${service.path} is reached at port ${nodePort} of any node (here ${shown})`;
  return aimed({ targets, ports: portsOf(service), notes: [...notes, note], path: service.path, service });
}

/** kube-proxy opens node ports only in the address families of the service. */
function hasFamily({ clusterIps }: Service, ip: Ip): boolean {
  return clusterIps.length === 0 || clusterIps.some((own) => family(own) === family(ip));
}

/** All nodes of a small cluster; otherwise one node with an endpoint and one without, weighted by their number. */
function nodesFor(
  cluster: Cluster,
  service: Service,
  port: ServicePort,
  usable: (node: Node) => boolean,
): readonly { readonly node: Node; readonly weight: number }[] {
  const nodes = cluster.nodes.filter(usable);
  if (nodes.length <= MOST_NODES) return nodes.map((node) => ({ node, weight: 1 / nodes.length }));
  const holders = new Set(
    ([4, 6] as const).flatMap((of) => cluster.services.endpoints(service, port, of).map(({ node }) => node)),
  );
  const groups = [nodes.filter((node) => holders.has(node)), nodes.filter((node) => !holders.has(node))];
  return groups.flatMap((group) => (group[0] ? [{ node: group[0], weight: group.length / nodes.length }] : []));
}

/** DNS returns all addresses and the client selects one; ports are not rewritten. */
function aimAtPods(cluster: Cluster, service: Service, from: Sender, notes: readonly string[]): Aim {
  const first = portOf(service, from.port);
  const asked = first ?? service.ports[0];
  const found = asked ? from.families.flatMap((of) => cluster.services.endpoints(service, asked, of)) : [];
  const ips = [...new Set(found.map(({ ip }) => ip))];
  if (ips.length === 0) return failed(t`${service.path} is headless and has no endpoints: its name does not resolve`);
  const note = t`${service.path} is headless: DNS returns the addresses of ${plural(ips.length, "endpoint")}; ports are not rewritten`;
  const ports = [...new Set(found.map((one) => one.port))].map((number) => ({
    port: number,
    proto: first?.proto ?? ("tcp" as const),
    process: service.path,
  }));
  const targets = ips.map((ip) => ({ ip, port: undefined, weight: 1 / ips.length }));
  return aimed({ targets, ports, notes: [...notes, note], path: service.path, service });
}

/** A CNAME: the name of a host, or the DNS name of a service. */
function aimAtAlias(
  topology: Topology,
  cluster: Cluster,
  service: Service,
  from: Sender,
  notes: readonly string[],
): Aim {
  const name = service.externalName ?? "";
  const extended = [...notes, t`${service.path} is an alias: DNS returns ${name}`];
  if (extended.length > MOST_ALIASES) return failed(t`${service.path}: the aliases form a loop (${name})`);
  const other = serviceNamed(cluster, name);
  if (other) return aimAtService(topology, cluster, other, from, extended);
  const host = topology.resolve(name, "sender");
  const endpoint = host.ok && host.endpoint.kind === "host" ? endpointAt(topology, host.endpoint) : undefined;
  if (endpoint === undefined || typeof endpoint === "string") {
    return failed(t`${service.path} is an alias for ${name}, which is not a declared host`);
  }
  return aimAtEndpoint(topology, endpoint, from, extended);
}
