/** The senders and receivers of connections: one sender per class of equal nodes or hosts, and the listeners that the files declare. */
import { family, formatIp, type Ip, isNear, type Prefix, parseIp, prefixContains } from "../../addressing/ip.ts";
import type { NetnsId } from "../../dataplane/model.ts";
import type { Origin } from "../../declared/origin.ts";
import { wholeText } from "../../declared/text.ts";
import { memo } from "../../memo/memo.ts";
import { t } from "../../text/l10n.ts";
import type {
  Cluster,
  ExternalHost,
  Interface,
  Node,
  ProcessSpec,
  Router,
  Service,
  Station,
  Topology,
} from "../../topology/model.ts";
import { nodeClasses } from "../classes.ts";
import { ofEach } from "../per-service.ts";
import { planOf } from "../plan.ts";
import { type ProbeEnd, podEndsOn } from "../probes.ts";

/** Classes of nodes per cluster, classes of hosts, and classes of services per cluster whose connections are tried. */
const MOST_CLASSES = 12;
const MOST_HOSTS = 12;
const MOST_SERVICES = 24;
/** Listeners of one machine, if access lists or NAT rules distinguish ports. */
const MOST_LISTENERS = 8;
/** Nodes of a class among which one with pods is searched. */
const MOST_NODES = 8;

export interface Sender {
  readonly kind: "pod" | "node" | "host";
  /** "pod `a` on node `prod/n1`", "host `backup`". */
  readonly name: string;
  readonly netns: NetnsId;
  readonly ip: Ip;
  /** The machine; of a pod, its node. */
  readonly station: Node | ExternalHost;
  readonly cluster: Cluster | undefined;
  /** The nodes of the class; of a host, none. */
  readonly nodes: readonly Node[];
  readonly source: Origin;
  readonly imagined: boolean;
}

/** An open port of a machine or pod. */
export interface Listening {
  /** "host `db`". */
  readonly name: string;
  readonly netns: NetnsId;
  readonly ips: readonly Ip[];
  readonly port: number;
  readonly proto: "tcp" | "udp" | "sctp";
  /** The machine; of a pod, its node. */
  readonly station: Station;
  readonly cluster: Cluster | undefined;
  /** Of the machine or workload. */
  readonly source: Origin;
}

/** One class of nodes. */
export interface Place {
  readonly cluster: Cluster;
  readonly nodes: readonly Node[];
  /** A node with pods if there is one. */
  readonly node: Node;
  /** One per address family. */
  readonly pods: readonly Sender[];
  readonly machine: readonly Sender[];
}

export const placesOf = memo((topology: Topology): readonly Place[] => {
  const disputed = planOf(topology).conflicts.map(({ shared }) => shared);
  return topology.clusters.flatMap((cluster) =>
    nodeClasses(topology, cluster, disputed)
      .slice(0, MOST_CLASSES)
      .flatMap(({ nodes }) => placeOf(cluster, nodes) ?? []),
  );
});

function placeOf(cluster: Cluster, nodes: readonly Node[]): Place | undefined {
  const node = nodes.slice(0, MOST_NODES).find((one) => podEndsOn(cluster, one).length > 0) ?? nodes[0];
  if (!node) return undefined;
  const pods = podEndsOn(cluster, node).map((end) => podSender(cluster, end, nodes));
  return { cluster, nodes, node, pods, machine: machineSenders(node, cluster, nodes) };
}

export function podSender(cluster: Cluster, end: ProbeEnd, nodes: readonly Node[]): Sender {
  const { name, netns, ip, node, source, imagined } = end;
  return { kind: "pod", name, netns, ip, station: node, cluster, nodes, source, imagined };
}

/** One per address family, with the first address. */
function machineSenders(
  station: Node | ExternalHost,
  cluster: Cluster | undefined,
  nodes: readonly Node[],
): readonly Sender[] {
  const { kind, path, source } = station;
  const name = machineName(station);
  return firstOfFamilies(station).map((ip) => {
    const imagined = false;
    return { kind, name, netns: path, ip, station, cluster, nodes, source, imagined };
  });
}

function machineName({ kind, path }: Station): string {
  return kind === "node" ? t`node \`${path}\`` : t`host \`${path}\``;
}

function addressesOf({ interfaces }: Station): readonly Ip[] {
  return interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
}

function firstOfFamilies(station: Station): readonly Ip[] {
  const all = addressesOf(station);
  return ([4, 6] as const).flatMap((of) => all.find((ip) => family(ip) === of) ?? []);
}

/** One host of each class: hosts on the same segments with the same settings send alike. */
export const hostSenders = memo((topology: Topology): readonly Sender[] =>
  differentHosts(topology)
    // The machines beyond it have other addresses.
    .filter(({ edge }) => !edge?.answersAny)
    .flatMap((host) => machineSenders(host, undefined, [])),
);

const differentHosts = memo((topology: Topology): readonly ExternalHost[] => {
  const classes = new Map<string, ExternalHost>();
  const named = prefixesOfRouters(topology);
  for (const host of topology.hosts) {
    if (classes.size === MOST_HOSTS) break;
    const own = addressesOf(host);
    const key = [
      named.flatMap((prefix, i) => (own.some((ip) => prefixContains(prefix, ip)) ? [i] : [])).join(" "),
      ...host.interfaces.map(({ segment, mtu, addresses }) => `${segment} ${mtu} ${addresses.map(({ len }) => len)}`),
      ...host.routes.map(({ implied, source, dst }) => (implied ? `gateway ${dst.ip}` : wholeText(source.decl))),
      ...host.acl.map(({ source }) => wholeText(source.decl)),
      ...[...host.sysctls].map(([name, { value }]) => `${name}=${value}`),
      ...(host.edge ? [host.path] : []),
      ...listenersIn(host.processes, true).map(({ proto, port }) => `${proto} ${port}`),
    ].join("|");
    if (!classes.has(key)) classes.set(key, host);
  }
  return [...classes.values()];
});

/** The prefixes in routes and access lists of routers, which can distinguish hosts of one segment. */
function prefixesOfRouters({ routers }: Topology): readonly Prefix[] {
  return routers.flatMap(({ routes, acl }) => [
    ...routes.flatMap(({ dst }) => (dst.len > 0 ? [dst] : [])),
    ...acl.flatMap(({ from, to }) => [...from, ...to]),
  ]);
}

/* --------------------------------------------------------------- listeners */

/** Whether rules can treat ports of one protocol differently. */
const arePortsMeant = memo(({ routers, hosts, clusters }: Topology): boolean => {
  const isByPort = ({ acl, edge }: Station): boolean =>
    acl.some(({ ports }) => ports.length > 0) || edge?.nat.some(({ kind }) => kind === "port-forward") === true;
  return [...routers, ...hosts].some(isByPort) || clusters.some(({ nodes }) => nodes.some(isByPort));
});

interface Port {
  readonly port: number;
  readonly proto: "tcp" | "udp" | "sctp";
}

/** All ports, or one per protocol. */
function listenersIn(processes: readonly ProcessSpec[], isEach: boolean): readonly Port[] {
  const all = processes.flatMap(({ listeners }) => listeners.map(({ first, proto }) => ({ port: first, proto })));
  if (isEach) return all.slice(0, MOST_LISTENERS);
  return all.filter(({ proto }, i) => all.findIndex((one) => one.proto === proto) === i);
}

/** The open ports of hosts, one host of each class. */
export const hostListeners = memo((topology: Topology): readonly Listening[] => {
  const isEach = arePortsMeant(topology);
  return differentHosts(topology).flatMap((host) =>
    listenersIn(host.processes, isEach).map((port) => listening(host, port, undefined)),
  );
});

function listening(station: Station, { port, proto }: Port, cluster: Cluster | undefined): Listening {
  const { path, source } = station;
  return {
    name: machineName(station),
    netns: path,
    ips: addressesOf(station),
    port,
    proto,
    station,
    cluster,
    source,
  };
}

/** The open ports of the daemons of a node. */
export function nodeListeners(topology: Topology, cluster: Cluster, node: Node): readonly Listening[] {
  return listenersIn(node.processes, arePortsMeant(topology)).map((port) => listening(node, port, cluster));
}

/** An open port of a pod of the class with its own address. */
export function podListener(place: Place): Listening | undefined {
  const { cluster, node } = place;
  let left = MOST_NODES;
  if (place.pods.length === 0) return undefined;
  for (const pod of cluster.pods.podsOn(node)) {
    if (left-- === 0) return undefined;
    const [port] = listenersIn(pod.workload.containers, false);
    if (!port || pod.workload.hostNetwork || pod.addresses.length === 0) continue;
    const name = t`pod \`${pod.name}\` on node \`${node.path}\``;
    const { source } = pod.workload;
    return { ...listening(node, port, cluster), name, netns: pod.path, ips: pod.addresses, source };
  }
  return undefined;
}

/** A host that represents all machines beyond it, with an address of such a machine per address family. */
export interface Outside {
  readonly host: ExternalHost;
  readonly port: number;
  readonly ips: readonly Ip[];
}

/** Addresses on the Internet: Google Public DNS. */
const OUTSIDE: readonly Ip[] = ["8.8.8.8", "2001:4860:4860::8888"].flatMap((text) => parseIp(text) ?? []);
const HTTPS = 443;

export const outsideHosts = memo((topology: Topology): readonly Outside[] => {
  const isDeclared = (ip: Ip): boolean => placeIn(topology, ip) !== `routed ${family(ip)}`;
  return topology.hosts
    .filter(({ edge }) => edge?.answersAny)
    .slice(0, MOST_HOSTS)
    .map((host) => {
      const own = firstOfFamilies(host);
      const ips = OUTSIDE.filter((ip) => !isDeclared(ip) && own.some((one) => family(one) === family(ip)));
      const tcp = host.processes.flatMap(({ listeners }) => listeners).find(({ proto }) => proto === "tcp");
      return { host, port: tcp?.first ?? HTTPS, ips };
    });
});

/** A port of a router that it forwards to a declared machine. */
export interface Forwarded extends Port {
  readonly router: Router;
  /** The address that clients use: on another segment than the server's. */
  readonly ip: Ip;
  readonly source: Origin;
}

export function forwardedPorts(topology: Topology): readonly Forwarded[] {
  return topology.routers.flatMap((router) =>
    (router.edge?.nat ?? []).flatMap((rule): Forwarded[] => {
      if (rule.kind !== "port-forward") return [];
      const isServers = ({ addresses }: Interface): boolean => addresses.some((own) => isNear(own, rule.to));
      const ip = router.interfaces
        .filter((one) => !isServers(one) && (rule.segment === undefined || rule.segment.name === one.segment))
        .flatMap(({ addresses }) => addresses.map((one) => one.ip))
        .find((one) => family(one) === family(rule.to));
      return ip === undefined ? [] : [{ router, ip, port: rule.port, proto: rule.proto, source: rule.source }];
    }),
  );
}

/* ---------------------------------------------------------------- services */

/** A service that represents all services whose packets take the same paths. */
export interface Served {
  readonly cluster: Cluster;
  readonly service: Service;
  /** Whether packets can leave the pod network on the way to an endpoint: it is a machine. */
  readonly onMachines: boolean;
  readonly isExposed: boolean;
}

interface Keyed extends Omit<Served, "cluster"> {
  readonly key: string;
}

/** The part of the key that does not depend on segments. */
const keyed = ofEach<Keyed>((service, selected) => {
  const { type, externalPolicy, internalPolicy, clusterIps, ports, written } = service;
  if (type === "external-name" || type === "headless" || ports.length === 0) return [];
  const ends = new Set<string>(written.map(({ ip }) => formatIp(ip)));
  for (const { hostNetwork, on, notReady, replicas } of selected()) {
    if (replicas === 0 || (notReady === true && !service.publishNotReady)) continue;
    ends.add(hostNetwork ? `host ${on?.path ?? ""}` : "pod");
  }
  if (ends.size === 0) return [];
  const hasNodePort = ports.some(({ nodePort }) => nodePort !== undefined);
  const protos = [...new Set(ports.map(({ proto }) => proto))].join();
  const families = clusterIps.map(family).join();
  const key = `${type} ${externalPolicy} ${internalPolicy} ${families} ${protos} ${hasNodePort} ${[...ends].sort().join()}`;
  const isExposed = hasNodePort || service.externalIps.length > 0 || service.loadBalancerIps.length > 0;
  return [{ service, key, onMachines: [...ends].some((end) => end !== "pod"), isExposed }];
});

export const servedBy = memo((topology: Topology): readonly Served[] =>
  topology.clusters.flatMap((cluster) => {
    const classes = new Map<string, Served>();
    for (const { service, key, onMachines, isExposed } of keyed(cluster)) {
      const outside = outsideAddresses(service);
      const full = outside.length === 0 ? key : `${key} ${outside.map((ip) => placeIn(topology, ip)).join()}`;
      if (!classes.has(full) && classes.size < MOST_SERVICES)
        classes.set(full, { cluster, service, onMachines, isExposed });
    }
    return [...classes.values()];
  }),
);

/** The addresses at which machines outside the cluster reach the service. */
export function outsideAddresses({ externalIps, loadBalancerIps }: Service): readonly Ip[] {
  return [...loadBalancerIps, ...externalIps].map(({ ip }) => ip);
}

/** The segment with the address; addresses on no segment follow the same routes. */
function placeIn({ segments }: Topology, ip: Ip): string {
  for (const { name, cidrs } of segments.values()) if (cidrs.some((cidr) => prefixContains(cidr, ip))) return name;
  return `routed ${family(ip)}`;
}
