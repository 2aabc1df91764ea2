/**
 * The input of kube-proxy: one entry per service port and address family (pkg/proxy, ServicePort), and the endpoints of
 * it that a node uses (pkg/proxy/topology.go, CategorizeEndpoints).
 */
import { family, type Ip, type Prefix, prefixContains } from "../../addressing/ip.ts";
import type { Cluster, Node, Service, ServiceEndpoint, ServicePort } from "../../topology/model.ts";
import { base32, sha256 } from "./sha256.ts";

export interface ProxyPort {
  readonly service: Service;
  readonly port: ServicePort;
  /** "shop/api:http"; without a colon if the port has no name. */
  readonly id: string;
  readonly clusterIp: Ip;
  readonly externalIps: readonly Ip[];
  readonly loadBalancerIps: readonly Ip[];
  readonly sourceRanges: readonly Prefix[];
  /** Whether the port has a node port, external IP, or load balancer IP. */
  readonly external: boolean;
  /** All usable endpoints. */
  endpoints(): readonly ServiceEndpoint[];
}

/** The endpoints that a node sends to, by traffic policy. */
export interface Reach {
  readonly cluster: readonly ServiceEndpoint[];
  readonly local: readonly ServiceEndpoint[];
  readonly hasEndpoints: boolean;
  readonly hasInternal: boolean;
  readonly hasExternal: boolean;
}

/** The entries of one cluster and family, created on request. */
export interface ProxyPorts {
  readonly family: 4 | 6;
  readonly cluster: Cluster;
  all(): readonly ProxyPort[];
  byAddress(ip: Ip): readonly ProxyPort[];
  byNodePort(port: number): readonly ProxyPort[];
  /** Entries of services with a health check node port. */
  healthChecked(): readonly ProxyPort[];
  reach(port: ProxyPort, node: Node): Reach;
}

export function proxyPorts(cluster: Cluster, of: 4 | 6): ProxyPorts {
  const { services } = cluster;
  const known = new Map<Service, readonly ProxyPort[]>();
  let checked: readonly ProxyPort[] | undefined;
  const portsOf = (service: Service): readonly ProxyPort[] => {
    let ports = known.get(service);
    if (ports === undefined) {
      ports = entries(cluster, service, of);
      known.set(service, ports);
    }
    return ports;
  };
  return {
    family: of,
    cluster,
    all: () => services.all.flatMap(portsOf),
    byAddress: (ip) => services.byAddress(ip).flatMap(portsOf),
    byNodePort: (port) =>
      services.byNodePort(port).flatMap((one) => portsOf(one).filter((entry) => entry.port.nodePort === port)),
    healthChecked: () => {
      checked ??= services.all.flatMap((service) => (healthCheckPort(service) === undefined ? [] : portsOf(service)));
      return checked;
    },
    reach: (port, node) => reachOf(port, node),
  };
}

/** NeedsHealthCheck (pkg/api/v1/service/util.go). */
export function healthCheckPort({ type, externalPolicy, healthCheckNodePort }: Service): number | undefined {
  return type === "load-balancer" && externalPolicy === "local" ? healthCheckNodePort : undefined;
}

function entries(cluster: Cluster, service: Service, of: 4 | 6): readonly ProxyPort[] {
  const clusterIp = service.clusterIps.find((ip) => family(ip) === of);
  if (clusterIp === undefined) return [];
  const ofFamily = (list: readonly { readonly ip: Ip }[]): readonly Ip[] =>
    list.flatMap(({ ip }) => (family(ip) === of ? [ip] : []));
  const externalIps = ofFamily(service.externalIps);
  const loadBalancerIps = service.type === "load-balancer" ? ofFamily(service.loadBalancerIps) : [];
  return service.ports.map((port) => ({
    service,
    port,
    id: `${service.namespace}/${service.name}${port.name === undefined ? "" : `:${port.name}`}`,
    clusterIp,
    externalIps,
    loadBalancerIps,
    sourceRanges: sourceRanges(service.sourceRanges, of, cluster.services.kubeProxy.minor),
    external: port.nodePort !== undefined || externalIps.length > 0 || loadBalancerIps.length > 0,
    endpoints: () => cluster.services.endpoints(service, port, of),
  }));
}

/** Since 1.34, a range of length 0 means "no restriction" (pkg/proxy/serviceport.go, newBaseServiceInfo). */
function sourceRanges(ranges: readonly Prefix[], of: 4 | 6, minor: number): readonly Prefix[] {
  const own = ranges.filter(({ ip }) => family(ip) === of);
  return minor >= 34 && own.some(({ len }) => len === 0) ? [] : own;
}

/**
 * Whether a source range contains the node's own address. kube-proxy then also admits the load balancer IPs: if such an
 * address is on the node itself, the node's packets to it have it as source (allowFromNode).
 */
export function admitsNode({ sourceRanges: ranges }: ProxyPort, nodeIp: Ip | undefined): boolean {
  return nodeIp !== undefined && ranges.some((range) => prefixContains(range, nodeIp));
}

/** Also true if the external policy is Local: packets from the node's own pods use all endpoints. */
export function usesCluster({ service, external }: ProxyPort): boolean {
  return service.internalPolicy === "cluster" || external;
}

export function usesLocal({ service, external }: ProxyPort): boolean {
  return service.internalPolicy === "local" || (external && service.externalPolicy === "local");
}

function reachOf(port: ProxyPort, node: Node): Reach {
  const { service } = port;
  const endpoints = port.endpoints();
  const local = endpoints.filter((one) => one.node === node);
  const hasEndpoints = endpoints.length > 0;
  return {
    cluster: preferred(service, endpoints, node, local),
    local,
    hasEndpoints,
    hasInternal: hasEndpoints && (service.internalPolicy === "cluster" || local.length > 0),
    hasExternal: hasEndpoints && (service.externalPolicy === "cluster" || local.length > 0),
  };
}

const ZONE = "topology.kubernetes.io/zone";

/**
 * Hints apply if every endpoint has one and one matches this node's zone; otherwise all endpoints are used
 * (canUseTopology).
 */
function preferred(
  service: Service,
  endpoints: readonly ServiceEndpoint[],
  node: Node,
  local: readonly ServiceEndpoint[],
): readonly ServiceEndpoint[] {
  if (service.distribution === undefined) return endpoints;
  if (service.distribution === "prefer-same-node" && local.length > 0) return local;
  const zone = node.labels.get(ZONE);
  if (zone === undefined || endpoints.some((one) => one.node?.labels.get(ZONE) === undefined)) return endpoints;
  const near = endpoints.filter((one) => one.node?.labels.get(ZONE) === zone);
  return near.length > 0 ? near : endpoints;
}

/** servicePortChainName and similar: 16 characters of the base32 of the SHA-256 (pkg/proxy/iptables/proxier.go). */
export function chainHash(text: string): string {
  return base32(sha256(text)).slice(0, 16);
}

/** hashAndTruncate: 8 characters of the same (pkg/proxy/nftables/proxier.go). */
export function shortHash(text: string): string {
  return base32(sha256(text)).slice(0, 8);
}

/** Whether kube-proxy has anything to do in the cluster. */
export function runsProxy({ services }: Cluster): boolean {
  return services.kubeProxy.mode !== "none" && (services.all.length > 0 || services.kubeProxy.stated);
}

/** The families for which kube-proxy adds rules: the families of the cluster's ranges. */
export function proxyFamilies({ serviceCidrs, podCidrs }: Cluster): readonly (4 | 6)[] {
  const ranges = [...serviceCidrs, ...podCidrs];
  return ([4, 6] as const).filter((of) => ranges.some(({ prefix }) => family(prefix.ip) === of));
}
