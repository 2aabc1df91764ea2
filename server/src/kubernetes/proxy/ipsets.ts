/**
 * The ipset sets that kube-proxy maintains in ipvs mode (pkg/proxy/ipvs/ipset.go): they contain the differences between
 * services, so the rules are the same few for any number of services.
 */

import { formatIp, formatPrefix, type Ip, prefixContains } from "../../addressing/ip.ts";
import type { IpSet } from "../../dataplane/model.ts";
import { memo } from "../../memo/memo.ts";
import type { Node } from "../../topology/model.ts";
import { localIps, primaryIp } from "./node-addresses.ts";
import { admitsNode, healthCheckPort, type ProxyPort, type ProxyPorts } from "./ports.ts";

const SETS = {
  clusterIp: ["KUBE-CLUSTER-IP", "Kubernetes service cluster ip + port for masquerade purpose"],
  loopBack: ["KUBE-LOOP-BACK", "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"],
  externalIp: ["KUBE-EXTERNAL-IP", "Kubernetes service external ip + port for masquerade and filter purpose"],
  externalIpLocal: ["KUBE-EXTERNAL-IP-LOCAL", "Kubernetes service external ip + port with externalTrafficPolicy=local"],
  loadBalancer: ["KUBE-LOAD-BALANCER", "Kubernetes service lb portal"],
  loadBalancerLocal: [
    "KUBE-LOAD-BALANCER-LOCAL",
    "Kubernetes service load balancer ip + port with externalTrafficPolicy=local",
  ],
  loadBalancerFw: [
    "KUBE-LOAD-BALANCER-FW",
    "Kubernetes service load balancer ip + port for load balancer with sourceRange",
  ],
  sourceCidr: [
    "KUBE-LOAD-BALANCER-SOURCE-CIDR",
    "Kubernetes service load balancer ip + port + source cidr for packet filter purpose",
  ],
  sourceIp: [
    "KUBE-LOAD-BALANCER-SOURCE-IP",
    "Kubernetes service load balancer ip + port + source IP for packet filter purpose",
  ],
  nodePortTcp: ["KUBE-NODE-PORT-TCP", "Kubernetes nodeport TCP port for masquerade purpose"],
  nodePortLocalTcp: ["KUBE-NODE-PORT-LOCAL-TCP", "Kubernetes nodeport TCP port with externalTrafficPolicy=local"],
  nodePortUdp: ["KUBE-NODE-PORT-UDP", "Kubernetes nodeport UDP port for masquerade purpose"],
  nodePortLocalUdp: ["KUBE-NODE-PORT-LOCAL-UDP", "Kubernetes nodeport UDP port with externalTrafficPolicy=local"],
  nodePortSctp: [
    "KUBE-NODE-PORT-SCTP-HASH",
    "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'",
  ],
  nodePortLocalSctp: [
    "KUBE-NODE-PORT-LOCAL-SCTP-HASH",
    "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
  ],
  healthCheck: ["KUBE-HEALTH-CHECK-NODE-PORT", "Kubernetes health check node port"],
  ips: ["KUBE-IPVS-IPS", "Addresses on the ipvs interface"],
} as const;
export type SetKey = keyof typeof SETS;

/** A set; kube-proxy adds most rules only for sets with members. */
export interface ProxySet extends IpSet {
  readonly key: SetKey;
  readonly comment: string;
  readonly isEmpty: boolean;
  entries(): Iterable<string>;
}

/** Longer names are truncated (IPSET_MAXNAMELEN). */
const LONGEST_NAME = 31;

/** kube-proxy on one node. */
interface NodeView {
  readonly ports: ProxyPorts;
  readonly node: Node;
  /** The addresses with node ports. */
  readonly nodeIps: readonly Ip[];
}

/** `nodeIps`: the addresses with node ports. */
export function ipSets(ports: ProxyPorts, node: Node, nodeIps: readonly Ip[]): readonly ProxySet[] {
  const view: NodeView = { ports, node, nodeIps };
  const all = [
    pairSet(ports, "clusterIp", ({ clusterIp }) => [clusterIp]),
    loopBackSet(view),
    pairSet(ports, "externalIp", (port) => (isLocal(port) ? [] : port.externalIps)),
    pairSet(ports, "externalIpLocal", (port) => (isLocal(port) ? port.externalIps : [])),
    pairSet(ports, "loadBalancer", ({ loadBalancerIps }) => loadBalancerIps),
    pairSet(ports, "loadBalancerLocal", (port) => (isLocal(port) ? port.loadBalancerIps : [])),
    pairSet(ports, "loadBalancerFw", (port) => (port.sourceRanges.length > 0 ? port.loadBalancerIps : [])),
    sourceCidrSet(ports),
    sourceIpSet(view),
    nodePortSet(view, "nodePortTcp", "tcp", false),
    nodePortSet(view, "nodePortLocalTcp", "tcp", true),
    nodePortSet(view, "nodePortUdp", "udp", false),
    nodePortSet(view, "nodePortLocalUdp", "udp", true),
    nodePortSet(view, "nodePortSctp", "sctp", false),
    nodePortSet(view, "nodePortLocalSctp", "sctp", true),
    healthCheckSet(ports),
    boundSet(view),
  ];
  const keys = filledSets(all, ports);
  const isEmpty = (key: SetKey): boolean => {
    if (key === "loopBack") return !ports.all().some((port) => ports.reach(port, node).local.length > 0);
    if (key === "sourceIp") return !guardedPorts(ports).some((port) => isAdmitted(view, port));
    return !keys.has(key);
  };
  return all.map((set) => ({ ...set, isEmpty: isEmpty(set.key) }));
}

function proxySet(
  ports: ProxyPorts,
  key: SetKey,
  type: IpSet["type"],
  entriesOf: (port: ProxyPort) => readonly string[],
  contains: IpSet["contains"],
): ProxySet {
  const [name, comment] = SETS[key];
  const { family } = ports;
  return {
    key,
    comment,
    isEmpty: false,
    name: family === 4 ? name : name.replace("KUBE-", "KUBE-6-").slice(0, LONGEST_NAME),
    type,
    family,
    contains,
    members: () => [],
    entries: () => [...new Set(ports.all().flatMap(entriesOf))],
  };
}

/** Pairs of an address and the service's port. */
function pairSet(ports: ProxyPorts, key: SetKey, of: (port: ProxyPort) => readonly Ip[]): ProxySet {
  return proxySet(
    ports,
    key,
    "hash:ip,port",
    (port) => of(port).map((ip) => pairText(ip, port)),
    containsPort(ports, of),
  );
}

function loopBackSet({ ports, node }: NodeView): ProxySet {
  return proxySet(
    ports,
    "loopBack",
    "hash:ip,port,ip",
    (port) =>
      ports
        .reach(port, node)
        .local.map((one) => `${formatIp(one.ip)},${port.port.proto}:${one.port},${formatIp(one.ip)}`),
    (dst, _, dport, src) => src === dst && hasLocalEndpoint(ports, node, dst, dport),
  );
}

/** Matches packets to one of the addresses and the port of a service port that admits the source. */
function containsPort(
  ports: ProxyPorts,
  of: (port: ProxyPort) => readonly Ip[],
  admits: (port: ProxyPort, src: Ip | undefined, dst: Ip) => boolean = () => true,
): IpSet["contains"] {
  return (dst, proto, dport, src) =>
    ports
      .byAddress(dst)
      .some(
        (one) => one.port.port === dport && one.port.proto === proto && of(one).includes(dst) && admits(one, src, dst),
      );
}

const balancerIps = ({ loadBalancerIps }: ProxyPort): readonly Ip[] => loadBalancerIps;

function sourceCidrSet(ports: ProxyPorts): ProxySet {
  return proxySet(
    ports,
    "sourceCidr",
    "hash:ip,port,net",
    (port) =>
      port.loadBalancerIps.flatMap((ip) => storable(port).map((one) => `${pairText(ip, port)},${formatPrefix(one)}`)),
    containsPort(
      ports,
      balancerIps,
      (port, src) => src !== undefined && storable(port).some((range) => prefixContains(range, src)),
    ),
  );
}

function sourceIpSet(view: NodeView): ProxySet {
  const { ports } = view;
  return proxySet(
    ports,
    "sourceIp",
    "hash:ip,port,ip",
    (port) => (isAdmitted(view, port) ? port.loadBalancerIps.map((ip) => `${pairText(ip, port)},${formatIp(ip)}`) : []),
    containsPort(ports, balancerIps, (port, src, dst) => src === dst && isAdmitted(view, port)),
  );
}

function nodePortSet({ ports, nodeIps }: NodeView, key: SetKey, proto: string, local: boolean): ProxySet {
  const fits = (port: ProxyPort): boolean =>
    port.port.proto === proto && port.port.nodePort !== undefined && (!local || isLocal(port));
  const numbers = (port: string): readonly string[] =>
    proto === "sctp" ? nodeIps.map((ip) => `${formatIp(ip)},sctp:${port}`) : [port];
  return proxySet(
    ports,
    key,
    proto === "sctp" ? "hash:ip,port" : "bitmap:port",
    (port) => (fits(port) ? numbers(String(port.port.nodePort)) : []),
    (ip, _, dport) =>
      dport !== undefined && (proto !== "sctp" || nodeIps.includes(ip)) && ports.byNodePort(dport).some(fits),
  );
}

function healthCheckSet(ports: ProxyPorts): ProxySet {
  return proxySet(
    ports,
    "healthCheck",
    "bitmap:port",
    ({ service }) => {
      const number = healthCheckPort(service);
      return number === undefined ? [] : [String(number)];
    },
    (_, __, dport) => ports.healthChecked().some(({ service }) => service.healthCheckNodePort === dport),
  );
}

function boundSet({ ports, node }: NodeView): ProxySet {
  const own = new Set(localIps(node, ports.family, []));
  return proxySet(
    ports,
    "ips",
    "hash:ip",
    (port) => boundIps(port, own).map(formatIp),
    (dst) => ports.byAddress(dst).some((port) => boundIps(port, own).includes(dst)),
  );
}

function isLocal({ service }: ProxyPort): boolean {
  return service.externalPolicy === "local";
}

function isAdmitted({ ports, node }: NodeView, port: ProxyPort): boolean {
  return admitsNode(port, primaryIp(node, ports.family));
}

/** ip_set_hash_ipportnet rejects prefixes of length 0: before 1.34, such a range allows no client in ipvs mode. */
function storable({ sourceRanges }: ProxyPort): ProxyPort["sourceRanges"] {
  return sourceRanges.filter(({ len }) => len > 0);
}

function pairText(ip: Ip, { port }: ProxyPort): string {
  return `${formatIp(ip)},${port.proto}:${port.port}`;
}

/** The addresses with virtual servers. */
export function virtualIps({ clusterIp, externalIps, loadBalancerIps }: ProxyPort): readonly Ip[] {
  return [clusterIp, ...externalIps, ...loadBalancerIps];
}

/** The addresses of kube-ipvs0: without external addresses that the node has on another device (shouldBind). */
export function boundIps({ clusterIp, externalIps, loadBalancerIps }: ProxyPort, own: ReadonlySet<Ip>): readonly Ip[] {
  return [clusterIp, ...[...externalIps, ...loadBalancerIps].filter((ip) => !own.has(ip))];
}

function hasLocalEndpoint(ports: ProxyPorts, node: Node, ip: Ip, port: number | undefined): boolean {
  return ports
    .all()
    .some((one) => ports.reach(one, node).local.some((endpoint) => endpoint.ip === ip && endpoint.port === port));
}

/** The ports with source ranges; determined once for all nodes. */
export const guardedPorts = memo((ports: ProxyPorts): readonly ProxyPort[] =>
  ports.all().filter(({ sourceRanges, loadBalancerIps }) => sourceRanges.length > 0 && loadBalancerIps.length > 0),
);

const filledKeys = memo((_: ProxyPorts): { keys: ReadonlySet<SetKey> | undefined } => ({ keys: undefined }));

/** Which sets have members, except those that depend on the node; determined once for all services. */
function filledSets(sets: readonly ProxySet[], ports: ProxyPorts): ReadonlySet<SetKey> {
  const filled = filledKeys(ports);
  filled.keys ??= new Set(sets.filter((set) => holdsAny(set, ports)).map(({ key }) => key));
  return filled.keys;
}

/**
 * The sets of ClusterIPs have members whenever there are services; for the other sets, the first entry is sufficient.
 */
function holdsAny(set: ProxySet, ports: ProxyPorts): boolean {
  if (set.key === "clusterIp" || set.key === "ips") return ports.cluster.services.all.length > 0;
  for (const _ of set.entries()) return true;
  return false;
}
