/**
 * Receivers of packets to load balancer IPs, as Linux state: nodes that reply to ARP (MetalLB's layer-2 mode), routes
 * of a router (MetalLB's BGP mode, pass-through load balancers), or NAT on a router (proxying load balancers).
 */
import { type Family, family, formatIp, hostPrefix, type Ip, isNear } from "../addressing/ip.ts";
import { accessLists, BGP_PORT } from "../cni/bgp/acl.ts";
import type { RouterParts } from "../cni/contributor.ts";
import type { ChainRules } from "../cni/mode.ts";
import type { Nexthop, Route } from "../dataplane/model.ts";
import type { RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, Interface, Node, Router, Segment, Service, ServicePort, Topology } from "../topology/model.ts";

/** A trace follows each node; more nodes behave the same. */
const MOST_NODES = 8;
/** Mark of packets that the load balancer has rewritten and masquerades when they leave. */
const MARK = 0x8000;

/**
 * Nodes that pass the load balancer's health check: with policy Local, nodes with an endpoint; none if the service has
 * no endpoints.
 */
function healthyNodes({ services, nodes }: Cluster, service: Service): readonly Node[] {
  const endpoints = service.ports.flatMap((port) =>
    ([4, 6] as const).flatMap((of) => services.endpoints(service, port, of)),
  );
  if (endpoints.length === 0) return [];
  if (service.externalPolicy === "cluster") return nodes;
  const holders = new Set(endpoints.map(({ node }) => node));
  return nodes.filter((node) => holders.has(node));
}

function balancedAt({ services }: Cluster, ip: Ip): Service | undefined {
  return services.byAddress(ip).find(({ loadBalancerIps }) => loadBalancerIps.some((one) => one.ip === ip));
}

function byThis({ services }: Cluster, router: Router): boolean {
  return services.loadBalancer?.by === router.path;
}

/** Interfaces on the segment that reply to ARP for a load balancer IP. */
export function answersFor(topology: Topology, cluster: Cluster, segment: string, ip: Ip): readonly Interface[] {
  const { services } = cluster;
  const { kubeProxy, loadBalancer } = services;
  if (services.byAddress(ip).length === 0) return [];
  // All addresses of kube-ipvs0 are local, and with arp_ignore = 0 every device replies for every local address.
  if (kubeProxy.mode === "ipvs" && !kubeProxy.strictArp) return attached(cluster.nodes, segment);
  const service = balancedAt(cluster, ip);
  switch (service && loadBalancer?.kind) {
    case "l2":
      return service ? attached(healthyNodes(cluster, service), segment) : [];
    case "proxy":
    case "pass-through":
      return attached(
        topology.routers.filter((router) => byThis(cluster, router)),
        segment,
      );
    default:
      return [];
  }
}

function attached(stations: readonly (Node | Router)[], segment: string): readonly Interface[] {
  return stations.flatMap(({ interfaces }) => interfaces.filter((iface) => iface.segment === segment).slice(0, 1));
}

/**
 * The pass-through load balancer of the cloud (the segment's gateway): Azure's with floating IP, which is AKS's default
 * (cloud-provider-azure, `azure-disable-load-balancer-floating-ip`), and Google's deliver packets with the load balancer IP as destination,
 * and replies have it as source. A machine that forwards packets like this, or a load balancer on AWS, is subject to the check.
 */
export function isDelivered(topology: Topology, cluster: Cluster, segment: Segment, ip: Ip): boolean {
  const { loadBalancer } = cluster.services;
  if (loadBalancer?.kind !== "pass-through" || (segment.cloud !== "azure" && segment.cloud !== "gcp")) return false;
  if (balancedAt(cluster, ip) === undefined) return false;
  const router = topology.routers.find(({ path }) => path === loadBalancer.by);
  return (
    router?.interfaces.some(({ addresses }) => addresses.some((own) => segment.gateways.includes(own.ip))) ?? false
  );
}

/** The router's state because of the cluster; undefined if it is not the cluster's load balancer. */
export function routerParts(topology: Topology, router: Router, cluster: Cluster): RouterParts | undefined {
  const { loadBalancer } = cluster.services;
  if (!loadBalancer || !byThis(cluster, router)) return undefined;
  const given = cluster.services.all.flatMap((service) => service.loadBalancerIps.map(({ ip }) => ({ service, ip })));
  switch (loadBalancer.kind) {
    case "l2":
      return undefined;
    case "bgp":
    case "pass-through":
      return {
        routes: given.flatMap(({ service, ip }) => routeTo(topology, router, cluster, service, ip)),
        chains: () => [],
        devices: [],
      };
    case "proxy":
      return {
        routes: [],
        chains: () => proxyChains(cluster, given),
        devices: [
          {
            kind: "dummy",
            name: "lb0",
            mtu: 1500,
            mac: undefined,
            addresses: given.map(({ ip }) => hostPrefix(ip)),
            origin: loadBalancer.source,
          },
        ],
      };
  }
}

/** One route to all healthy nodes that announce the address, or to which the router can forward packets unchanged. */
function routeTo(topology: Topology, router: Router, cluster: Cluster, service: Service, ip: Ip): readonly Route[] {
  const peer = balancerPeers(topology, router, cluster);
  const nexthops = healthyNodes(cluster, service).flatMap((node): Nexthop[] => {
    const found = peer(node, family(ip));
    return found.kind === "up" ? [{ via: found.via, dev: found.dev }] : [];
  });
  if (nexthops.length === 0) return [];
  const why = t`load balancer IP ${formatIp(ip)} of service ${service.path}`;
  const proto = cluster.services.loadBalancer?.kind === "bgp" ? "bgp" : "static";
  const shown = nexthops.slice(0, MOST_NODES);
  return [{ dst: hostPrefix(ip), type: "unicast", nexthops: shown, proto, why, origin: service.source }];
}

/** A node, from the point of view of the router that performs the load balancing (`bgp` and `pass-through`). */
export type BalancerPeer =
  | { readonly kind: "up"; readonly via: Ip; readonly dev: string }
  /** Access lists drop the BGP session from the node's address to the router's: the rules along the path. */
  | { readonly kind: "blocked"; readonly via: Ip; readonly own: Ip; readonly rules: readonly Origin[] }
  /** Not on-link: MetalLB's eBGP sessions have TTL 1 (without `ebgpMultiHop`), and DSR requires a common segment. */
  | { readonly kind: "far" };

/**
 * MetalLB's speakers connect to the router and do not listen (`bgpd -p 0`), so connections from the router do not matter.
 */
export function balancerPeers(
  topology: Topology,
  router: Router,
  { services }: Cluster,
): (node: Node, of: Family) => BalancerPeer {
  const lists = accessLists(topology);
  const isBgp = services.loadBalancer?.kind === "bgp";
  return (node, of) => {
    const via = addressOf(node, of);
    const near = via === undefined ? undefined : neighbourOf(router, via);
    if (via === undefined || near === undefined) return { kind: "far" };
    const rules = isBgp ? lists.blockers(node, via, router, near.own, BGP_PORT) : [];
    return rules.length > 0 ? { kind: "blocked", via, own: near.own, rules } : { kind: "up", via, dev: near.dev };
  };
}

/** The router's address on the link of `ip`, and its device. */
function neighbourOf({ interfaces }: Router, ip: Ip): { readonly own: Ip; readonly dev: string } | undefined {
  for (const { addresses, device } of interfaces)
    for (const own of addresses) if (isNear(own, ip)) return { own: own.ip, dev: device };
  return undefined;
}

function addressOf({ interfaces }: Node, of: 4 | 6): Ip | undefined {
  for (const { addresses } of interfaces) for (const { ip } of addresses) if (family(ip) === of) return ip;
  return undefined;
}

/**
 * DNAT to the address and node port of a healthy node, each with the same probability, with the router's address as
 * source.
 */
function proxyChains(
  cluster: Cluster,
  given: readonly { readonly service: Service; readonly ip: Ip }[],
): readonly ChainRules[] {
  return ([4, 6] as const).flatMap((of): ChainRules[] => {
    const rules = given
      .filter(({ ip }) => family(ip) === of)
      .flatMap(({ service, ip }) => service.ports.flatMap((port) => portRules(cluster, service, port, ip)));
    if (rules.length === 0) return [];
    const mark = { value: MARK, mask: MARK };
    const masquerade: RuleSpec = {
      match: { mark: { is: mark } },
      target: { kind: "MASQUERADE" },
      origin: cluster.services.loadBalancer?.source,
    };
    return [
      { family: of, table: "nat", chain: "PREROUTING", rules },
      { family: of, table: "nat", chain: "POSTROUTING", rules: [masquerade] },
    ];
  });
}

function portRules(cluster: Cluster, service: Service, port: ServicePort, ip: Ip): readonly RuleSpec[] {
  const { nodePort, proto, source } = port;
  if (nodePort === undefined) return [];
  const match = { dst: { is: hostPrefix(ip) }, proto, dport: { first: port.port, last: port.port } };
  const comment = `load balancer of ${service.namespace}/${service.name}`;
  const ends = healthyNodes(cluster, service)
    .slice(0, MOST_NODES)
    .flatMap((node) => addressOf(node, family(ip)) ?? []);
  if (ends.length === 0) return [];
  return [
    { match, target: { kind: "MARK", value: MARK, mask: MARK }, comment, origin: source },
    ...ends.map((to, i): RuleSpec => {
      const left = ends.length - i;
      const chance = left > 1 ? { statistic: { probability: 1 / left } } : {};
      return { match: { ...match, ...chance }, target: { kind: "DNAT", to, port: nodePort }, comment, origin: source };
    }),
  ];
}
