/**
 * What a name means to a sender: the addresses to which its packets go. Of a service that depends on who asks. Inside the
 * cluster its name is its ClusterIP (DNS says so); from outside it is the load balancer's address, an external address or
 * a node's address with the node port; of a headless service it is each of its pods.
 */

import { type Family, family, formatIp, type Ip, parseIp } from "../addressing/ip.ts";
import type { Journey, Question } from "../dataplane/journey.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { simulate } from "../dataplane/simulator/simulate.ts";
import { serviceNamed } from "../topology/dns.ts";
import type { Cluster, Node, Service, ServicePort, Topology } from "../topology/model.ts";
import { type Endpoint, endpointAt, nameError, ownerOf } from "./endpoints.ts";

/** One address that the sender may take, and how often it does. */
export interface Target {
  readonly ip: Ip;
  /** Where it is not the port that was asked for. */
  readonly port: number | undefined;
  readonly weight: number;
}

export interface Aimed {
  /** At least one. */
  readonly targets: readonly Target[];
  /** Ports of whoever is meant, for questions that name none. */
  readonly ports: Endpoint["ports"];
  /** What the name means, for people. */
  readonly notes: readonly string[];
  readonly service: Service | undefined;
  /** Who is meant. */
  readonly path: string;
  /** The only namespace that is meant; undefined where there are several, or an address may be anybody's. */
  readonly netns?: NetnsId | undefined;
}

export type Aim =
  | ({ readonly ok: true } & Aimed)
  | { readonly ok: false; readonly error: string; readonly candidates: readonly string[] };

/** More nodes are told apart only by whether they have an endpoint. */
const MOST_NODES = 8;
/** CNAMEs that follow each other. */
const MOST_ALIASES = 8;

/** `port` and `wanted`: the port and family that were asked for, if any. */
export function aimAt(
  topology: Topology,
  text: string,
  sender: Endpoint,
  port: number | undefined,
  wanted: Family | undefined,
): Aim {
  const from: Sender = { endpoint: sender, families: wanted === undefined ? familiesOf(sender) : [wanted], wanted };
  const ip = parseIp(text);
  if (ip !== undefined) {
    const owner = ownAddress(ip) ? sender : ownerOf(topology, ip);
    const service = owner ? undefined : serviceAt(topology, ip);
    return aimed(
      [{ ip, port: undefined, weight: 1 }],
      owner?.ports ?? (service ? portsOf(service) : []),
      [],
      text,
      service,
    );
  }
  const meaning = topology.resolve(text);
  if (!meaning.ok) return failed(nameError(text, meaning), meaning.candidates);
  if (meaning.endpoint.kind === "service") {
    const { cluster, service } = meaning.endpoint;
    return aimAtService(topology, cluster, service, from, port, []);
  }
  const endpoint = endpointAt(topology, meaning.endpoint);
  return typeof endpoint === "string" ? failed(endpoint) : aimAtEndpoint(topology, endpoint, from, []);
}

/** The journeys to all targets; probabilities are those of the targets times those of the ways. */
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

function aimed(
  targets: readonly Target[],
  ports: Endpoint["ports"],
  notes: readonly string[],
  path: string,
  service?: Service,
  netns?: NetnsId,
): Aim {
  return { ok: true, targets, ports, notes, path, service, netns };
}

function failed(error: string, candidates: readonly string[] = []): Aim {
  return { ok: false, error, candidates };
}

/** localhost is whoever asks. */
function ownAddress(ip: Ip): boolean {
  return typeof ip === "number" ? ip >>> 24 === 127 : ip === 1n;
}

function serviceAt(topology: Topology, ip: Ip): Service | undefined {
  for (const { services } of topology.clusters) {
    const service = services.byAddress(ip)[0];
    if (service) return service;
  }
  return undefined;
}

/** An address of a family that the sender has; of two that of the cluster's primary family (the first `pods` range). */
function aimAtEndpoint(topology: Topology, endpoint: Endpoint, from: Sender, notes: readonly string[]): Aim {
  const cluster = topology.clusters.find(({ name }) => endpoint.path.startsWith(`${name}/`));
  const primary = family(cluster?.podCidrs[0]?.prefix.ip ?? 0);
  const ordered = [...endpoint.addresses].sort((a, b) => Number(family(a) !== primary) - Number(family(b) !== primary));
  const ip = pick(ordered, from);
  if (ip === undefined) return failed(`${endpoint.path} has no ${addressWord(from)}`);
  return aimed([{ ip, port: undefined, weight: 1 }], endpoint.ports, notes, endpoint.path, undefined, endpoint.netns);
}

/** Who asks, and which families are wanted. */
interface Sender {
  readonly endpoint: Endpoint;
  readonly families: readonly Family[];
  readonly wanted: Family | undefined;
}

function familiesOf({ addresses }: Endpoint): readonly Family[] {
  return [...new Set(addresses.map(family))];
}

/** The first address of a family that the sender has; where none was asked for, any will do. */
function pick(addresses: readonly Ip[], from: Sender): Ip | undefined {
  return addresses.find((ip) => speaks(from, ip)) ?? (from.wanted === undefined ? addresses[0] : undefined);
}

function speaks({ families }: Sender, ip: Ip): boolean {
  return families.includes(family(ip));
}

function addressWord({ wanted }: Sender): string {
  return wanted === undefined ? "address" : `IPv${wanted} address`;
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
  port: number | undefined,
  notes: readonly string[],
): Aim {
  const { path } = service;
  const inside = from.endpoint.netns.startsWith(`${cluster.name}/`);
  if (service.type === "external-name") return aimAtAlias(topology, cluster, service, from, port, notes);
  if (service.type === "headless") return aimAtPods(cluster, service, from, port, notes);
  const says = (text: string): readonly string[] => [...notes, text];
  const single = (ip: Ip, note: string): Aim =>
    aimed([{ ip, port: undefined, weight: 1 }], portsOf(service), says(note), path, service);
  const clusterIp = pick(service.clusterIps, from);
  if (inside) {
    if (clusterIp === undefined)
      return failed(`${path} has no ${from.wanted === undefined ? "" : `IPv${from.wanted} `}ClusterIP`);
    return single(clusterIp, `inside ${cluster.name}, ${path} is its ClusterIP ${formatIp(clusterIp)}`);
  }
  const balanced = pick(
    service.loadBalancerIps.map(({ ip }) => ip),
    from,
  );
  if (balanced !== undefined) {
    return single(balanced, `outside ${cluster.name}, ${path} is its load balancer's address ${formatIp(balanced)}`);
  }
  const external = pick(
    service.externalIps.map(({ ip }) => ip),
    from,
  );
  if (external !== undefined) {
    return single(external, `outside ${cluster.name}, ${path} is its external address ${formatIp(external)}`);
  }
  const wanted = portOf(service, port);
  if (wanted?.nodePort !== undefined) return aimAtNodes(cluster, service, wanted, wanted.nodePort, from, notes);
  if (clusterIp === undefined) return failed(`${path} has no ${addressWord(from)}`);
  return single(
    clusterIp,
    `${path} has no address outside ${cluster.name} (type ${service.type}): its ClusterIP ${formatIp(clusterIp)} means something on the cluster's nodes only`,
  );
}

/** The port that was asked for, by its own number or its node port; the first where none was. */
function portOf(service: Service, port: number | undefined): ServicePort | undefined {
  if (port === undefined) return service.ports[0];
  return service.ports.find((one) => one.port === port) ?? service.ports.find((one) => one.nodePort === port);
}

/** Any node will do; a client may take each of them. */
function aimAtNodes(
  cluster: Cluster,
  service: Service,
  port: ServicePort,
  nodePort: number,
  from: Sender,
  notes: readonly string[],
): Aim {
  const addresses = (node: Node): Ip | undefined => {
    const all = node.interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => ip));
    return all.find((ip) => speaks(from, ip));
  };
  const chosen = nodesFor(cluster, service, port, (node) => addresses(node) !== undefined);
  const targets = chosen.flatMap(({ node, weight }): Target[] => {
    const ip = addresses(node);
    return ip === undefined ? [] : [{ ip, port: nodePort, weight }];
  });
  if (targets.length === 0)
    return failed(`no node of ${cluster.name} has an address of ${from.endpoint.path}'s family`);
  const shown = chosen.map(({ node }) => node.name).join(", ");
  const note = `outside ${cluster.name}, ${service.path} is port ${nodePort} of any node (here ${shown})`;
  return aimed(targets, portsOf(service), [...notes, note], service.path, service);
}

/** All nodes where they are few; otherwise one with an endpoint and one without, for all of their kind. */
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

/** DNS gives all addresses and the client takes one: nothing translates the port. */
function aimAtPods(
  cluster: Cluster,
  service: Service,
  from: Sender,
  port: number | undefined,
  notes: readonly string[],
): Aim {
  const first = portOf(service, port);
  const asked = first ?? service.ports[0];
  const found = asked ? from.families.flatMap((of) => cluster.services.endpoints(service, asked, of)) : [];
  const ips = [...new Set(found.map(({ ip }) => ip))];
  if (ips.length === 0) return failed(`${service.path} is headless and has no endpoints: its name has no address`);
  const note = `${service.path} is headless: DNS gives the addresses of its ${ips.length} endpoints, and ports stay as they are`;
  const ports = [...new Set(found.map((one) => one.port))].map((number) => ({
    port: number,
    proto: first?.proto ?? ("tcp" as const),
    process: service.path,
  }));
  const targets = ips.map((ip) => ({ ip, port: undefined, weight: 1 / ips.length }));
  return aimed(targets, ports, [...notes, note], service.path, service);
}

/** A CNAME: the name of a host, or a service's DNS name. */
function aimAtAlias(
  topology: Topology,
  cluster: Cluster,
  service: Service,
  from: Sender,
  port: number | undefined,
  notes: readonly string[],
): Aim {
  const name = service.externalName ?? "";
  const said = [...notes, `${service.path} is an alias: DNS answers ${name}`];
  if (said.length > MOST_ALIASES) return failed(`${service.path}: aliases that lead to each other (${name})`);
  const other = serviceNamed(cluster, name);
  if (other) return aimAtService(topology, cluster, other, from, port, said);
  const host = topology.resolve(name, "sender");
  const endpoint = host.ok && host.endpoint.kind === "host" ? endpointAt(topology, host.endpoint) : undefined;
  if (endpoint === undefined || typeof endpoint === "string") {
    return failed(`${service.path} is an alias for ${name}, and no host is called so`);
  }
  return aimAtEndpoint(topology, endpoint, from, said);
}
