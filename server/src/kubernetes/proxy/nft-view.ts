/** The contents of kube-proxy's nftables table on one node: names of chains, base chains, elements of maps. */
import { formatIp, formatPrefix, hostPrefix, type Ip } from "../../addressing/ip.ts";
import type { NfBase, NfHook, NfTable, NfTarget } from "../../dataplane/model.ts";
import type { Conditions } from "../../dataplane/rule.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Cluster, Node, ServiceEndpoint } from "../../topology/model.ts";
import type { LocalDetector } from "./detect.ts";
import type { NodePortIps } from "./node-addresses.ts";
import { type ProxyPort, type ProxyPorts, type Reach, shortHash, usesCluster, usesLocal } from "./ports.ts";

/** Chains of services by name, shared by the nodes. */
export type NftNames = Map<string, { readonly port: ProxyPort; readonly endpoint?: ServiceEndpoint }>;

/** The input for one node's table. */
export interface NftView {
  readonly ports: ProxyPorts;
  readonly names: NftNames;
  readonly cluster: Cluster;
  readonly node: Node;
  readonly detector: LocalDetector | undefined;
  readonly origin: Origin;
  /** "ip" or "ip6". */
  readonly ip: string;
  readonly nodePortIps: NodePortIps;
}

export const NFT_TABLE: NfTable = "nft kube-proxy";

const DSTNAT = -100;
const FILTER = 0;
const SRCNAT = 100;

/** A base chain: name, hook, priority, type. */
type BaseRow = readonly [string, NfHook, number, "filter" | "nat"];

/** Before 1.34, every filter chain runs before DNAT. */
const EARLY_FILTERS: readonly BaseRow[] = [
  ["filter-prerouting", "PREROUTING", DSTNAT - 10, "filter"],
  ["filter-input", "INPUT", DSTNAT - 10, "filter"],
  ["filter-forward", "FORWARD", DSTNAT - 10, "filter"],
  ["filter-output", "OUTPUT", DSTNAT - 10, "filter"],
  ["filter-output-post-dnat", "OUTPUT", DSTNAT + 10, "filter"],
];
/** Since 1.34, only the checks of source ranges run before DNAT (kubernetes PR 132456). */
const FILTERS: readonly BaseRow[] = [
  ["filter-prerouting-pre-dnat", "PREROUTING", DSTNAT - 10, "filter"],
  ["filter-output-pre-dnat", "OUTPUT", DSTNAT - 10, "filter"],
  ["filter-input", "INPUT", FILTER, "filter"],
  ["filter-forward", "FORWARD", FILTER, "filter"],
  ["filter-output", "OUTPUT", FILTER, "filter"],
];
const NATS: readonly BaseRow[] = [
  ["nat-prerouting", "PREROUTING", DSTNAT, "nat"],
  ["nat-output", "OUTPUT", DSTNAT, "nat"],
  ["nat-postrouting", "POSTROUTING", SRCNAT, "nat"],
];
const basesOf = (rows: readonly BaseRow[]): readonly NfBase[] =>
  rows.map(([chain, hook, priority, type]) => ({ table: NFT_TABLE, chain, hook, priority, type }));
const EARLY_BASES = basesOf([...EARLY_FILTERS, ...NATS]);
const BASES = basesOf([...FILTERS, ...NATS]);

/** nftablesBaseChains of the cluster's release. */
export function nftBases({ services }: Cluster): readonly NfBase[] {
  return services.kubeProxy.minor < 34 ? EARLY_BASES : BASES;
}

/** Since 1.36, the chain of a service contains its DNAT rule (writeServiceToEndpointDNATs); before, it jumps to endpoints. */
export function hasDirectDnat({ services }: Cluster): boolean {
  return services.kubeProxy.minor >= 36;
}

/** An element of a map. The comment is the port's id, only for ports without endpoints. */
export interface Element {
  readonly match: Conditions;
  readonly target: NfTarget;
  readonly comment?: string;
  readonly origin: Origin;
}

export function jump(chain: string): NfTarget {
  return { kind: "JUMP", chain };
}

export function goTo(chain: string): NfTarget {
  return { kind: "JUMP", chain, goto: true };
}

/* ---------------------------------------------------------------------- names */

/** "ULMVA6XW-ns1/svc1/tcp/p80" */
function hashed(text: string): string {
  return `${shortHash(text)}-${text}`;
}

function baseName({ service, port }: ProxyPort): string {
  return `${service.namespace}/${service.name}/${port.proto}/${port.name ?? ""}`;
}

export function named(view: NftView, kind: "service" | "local" | "external" | "firewall", port: ProxyPort): string {
  const name = `${kind}-${hashed(baseName(port))}`;
  view.names.set(name, { port });
  return name;
}

/** Colons have a special meaning in nft. */
export function endpointId(port: ProxyPort, { ip, port: number }: ServiceEndpoint): string {
  return hashed(`${baseName(port)}__${formatIp(ip).replaceAll(":", ".")}/${number}`);
}

export function endpointName(view: NftView, port: ProxyPort, endpoint: ServiceEndpoint): string {
  const name = `endpoint-${endpointId(port, endpoint)}`;
  view.names.set(name, { port, endpoint });
  return name;
}

/* -------------------------------------------------------------------- elements */

function to({ port }: ProxyPort, ip: Ip | undefined, number: number): Conditions {
  return {
    ...(ip === undefined ? {} : { dst: { is: hostPrefix(ip) } }),
    proto: port.proto,
    dport: { first: number, last: number },
  };
}

export function serviceElements(view: NftView, port: ProxyPort): readonly Element[] {
  const reach = view.ports.reach(port, view.node);
  if (!reach.hasEndpoints) return [];
  const origin = port.port.source;
  const outer = [...port.externalIps, ...port.loadBalancerIps].map((ip) => ({
    match: to(port, ip, port.port.port),
    target: goTo(named(view, "external", port)),
    origin,
  }));
  if (!reach.hasInternal) return outer;
  const chain = named(view, port.service.internalPolicy === "local" ? "local" : "service", port);
  return [{ match: to(port, port.clusterIp, port.port.port), target: goTo(chain), origin }, ...outer];
}

export function nodePortElements(view: NftView, port: ProxyPort): readonly Element[] {
  const { nodePort, source } = port.port;
  if (nodePort === undefined || !view.ports.reach(port, view.node).hasEndpoints) return [];
  return [{ match: to(port, undefined, nodePort), target: goTo(named(view, "external", port)), origin: source }];
}

function missing({ hasEndpoints }: Reach): NfTarget {
  return hasEndpoints ? { kind: "DROP" } : goTo("reject-chain");
}

export function noEndpointElements(view: NftView, port: ProxyPort): readonly Element[] {
  const reach = view.ports.reach(port, view.node);
  const ips = [
    ...(reach.hasInternal ? [] : [port.clusterIp]),
    ...(reach.hasExternal ? [] : [...port.externalIps, ...port.loadBalancerIps]),
  ];
  return ips.map((ip) => ({
    match: to(port, ip, port.port.port),
    target: missing(reach),
    comment: port.id,
    origin: port.port.source,
  }));
}

export function noEndpointNodePorts(view: NftView, port: ProxyPort): readonly Element[] {
  const { nodePort, source } = port.port;
  const reach = view.ports.reach(port, view.node);
  if (nodePort === undefined || reach.hasExternal) return [];
  return [{ match: to(port, undefined, nodePort), target: missing(reach), comment: port.id, origin: source }];
}

/** Also for a service without endpoints, unlike in iptables mode. */
export function firewallElements(view: NftView, port: ProxyPort): readonly Element[] {
  if (port.sourceRanges.length === 0) return [];
  return port.loadBalancerIps.map((ip) => ({
    match: to(port, ip, port.port.port),
    target: goTo(named(view, "firewall", port)),
    origin: port.port.source,
  }));
}

/** "10.96.0.20 . tcp . 80 : goto service-…", without the address for a node port. */
export function elementText({ match, target, comment }: Pick<Element, "match" | "target" | "comment">): string {
  const port = `${match.proto ?? ""} . ${match.dport?.first ?? ""}${comment === undefined ? "" : ` comment "${comment}"`}`;
  const to = target.kind === "JUMP" ? `goto ${target.chain}` : target.kind.toLowerCase();
  return match.dst ? `${formatIp(match.dst.is.ip)} . ${port} : ${to}` : `${port} : ${to}`;
}

/** The local endpoints that packets reach: sources that the set `hairpin-connections` masquerades. */
export function hairpinEndpoints({ ports, node }: NftView, port: ProxyPort): readonly ServiceEndpoint[] {
  const { cluster, local } = ports.reach(port, node);
  const used = new Set([...(usesCluster(port) ? cluster : []), ...(usesLocal(port) ? local : [])]);
  return [...used].filter((endpoint) => endpoint.node === node);
}

/** The local detector's match in nft syntax. */
export function matchText(match: Conditions, ip: string): string {
  const { src } = match;
  if (src) return `${ip} saddr ${src.not ? "!= " : ""}${formatPrefix(src.is)}`;
  const device = match.in;
  return device ? `iifname ${device.not ? "!= " : ""}"${device.is.replace(/\+$/, "*")}"` : "";
}
