/**
 * Who takes packets to load balancers' addresses, as Linux state: nodes that answer ARP (MetalLB's layer-2 mode), routes of a
 * router (MetalLB's BGP mode, pass-through balancers) or translation at a router (proxying balancers).
 */
import { family, formatIp, hostPrefix, type Ip, isNear } from "../addressing/ip.ts";
import type { RouterParts } from "../cni/contributor.ts";
import type { ChainRules } from "../cni/mode.ts";
import type { Nexthop, NfRule, Route } from "../dataplane/model.ts";
import type { Cluster, Interface, Node, Router, Service, ServicePort, Topology } from "../topology/model.ts";

/** A trace follows each node; more than these look alike. */
const MOST_NODES = 8;
/** What the balancer has translated and masquerades on its way out. */
const MARK = 0x8000;

/** Nodes that pass the balancer's health check: under policy Local those with an endpoint; none where nobody serves. */
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

/** Interfaces on the segment that answer ARP for a service's address. */
export function answersFor(topology: Topology, cluster: Cluster, segment: string, ip: Ip): readonly Interface[] {
  const { services } = cluster;
  const { kubeProxy, loadBalancer } = services;
  if (services.byAddress(ip).length === 0) return [];
  // Whatever is on kube-ipvs0 is local, and arp_ignore = 0 answers for every local address on every device.
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

/** What the router holds because of the cluster; undefined where it is not its balancer. */
export function routerParts(router: Router, cluster: Cluster): RouterParts | undefined {
  const { loadBalancer } = cluster.services;
  if (!loadBalancer || !byThis(cluster, router)) return undefined;
  const given = cluster.services.all.flatMap((service) => service.loadBalancerIps.map(({ ip }) => ({ service, ip })));
  switch (loadBalancer.kind) {
    case "l2":
      return undefined;
    case "bgp":
    case "pass-through":
      return {
        routes: given.flatMap(({ service, ip }) => routeTo(router, cluster, service, ip)),
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

/** One route over all healthy nodes that are the router's neighbours. */
function routeTo(router: Router, cluster: Cluster, service: Service, ip: Ip): readonly Route[] {
  const nexthops = healthyNodes(cluster, service).flatMap((node): Nexthop[] => {
    const via = addressOf(node, family(ip));
    const out = via === undefined ? undefined : neighbourDevice(router, via);
    return via === undefined || out === undefined ? [] : [{ via, dev: out }];
  });
  if (nexthops.length === 0) return [];
  const why = `${formatIp(ip)} is the load balancer's address of ${service.path}`;
  const proto = cluster.services.loadBalancer?.kind === "bgp" ? "bgp" : "static";
  const shown = nexthops.slice(0, MOST_NODES);
  return [{ dst: hostPrefix(ip), type: "unicast", nexthops: shown, proto, why, origin: service.source }];
}

function neighbourDevice({ interfaces }: Router, ip: Ip): string | undefined {
  return interfaces.find(({ addresses }) => addresses.some((own) => isNear(own, ip)))?.device;
}

function addressOf({ interfaces }: Node, of: 4 | 6): Ip | undefined {
  for (const { addresses } of interfaces) for (const { ip } of addresses) if (family(ip) === of) return ip;
  return undefined;
}

/** To a healthy node's own address and node port, each as likely as the others, with the router's address as source. */
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
    const masquerade: NfRule = {
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

function portRules(cluster: Cluster, service: Service, port: ServicePort, ip: Ip): readonly NfRule[] {
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
    ...ends.map((to, i): NfRule => {
      const left = ends.length - i;
      const chance = left > 1 ? { statistic: { probability: 1 / left } } : {};
      return { match: { ...match, ...chance }, target: { kind: "DNAT", to, port: nodePort }, comment, origin: source };
    }),
  ];
}
