/**
 * kube-proxy's iptables mode: the chains of pkg/proxy/iptables/proxier.go (syncProxyRules), rule by rule and in the
 * same order, for one node. Long chains are built only for printing; a packet is evaluated against the rules for its
 * address and port.
 */

import { hostPrefix, type Ip, prefixOf } from "../../addressing/ip.ts";
import type { ChainRules, ChainSource } from "../../cni/mode.ts";
import type { Device, NfChain, NfRule, NfTable, NfTarget } from "../../dataplane/model.ts";
import { type Conditions, nfChain, nfRule, type RuleSpec } from "../../dataplane/rule.ts";
import type { Origin } from "../../declared/origin.ts";
import { withLazy } from "../../memo/lazy.ts";
import type { Cluster, Node, ServiceEndpoint } from "../../topology/model.ts";
import { endpointText } from "../../topology/service-endpoints.ts";
import { type LocalDetector, localDetector } from "./detect.ts";
import { type NodePortIps, nodePortIps, opensLocalhost, primaryIp, withoutLoopback } from "./node-addresses.ts";
import { admitsNode, chainHash, type ProxyPort, type ProxyPorts, type Reach, usesCluster, usesLocal } from "./ports.ts";

/** Chains of services by name, shared by the nodes: a name is known after a rule that jumps to it has been created. */
export type ChainNames = Map<string, { readonly port: ProxyPort; readonly endpoint?: ServiceEndpoint }>;

interface View {
  readonly ports: ProxyPorts;
  readonly names: ChainNames;
  readonly cluster: Cluster;
  readonly node: Node;
  readonly detector: LocalDetector | undefined;
  readonly nodePortIps: NodePortIps;
  readonly origin: Origin;
}

const MARK_MASQ: NfTarget = { kind: "JUMP", chain: "KUBE-MARK-MASQ" };
const REJECT: NfTarget = { kind: "REJECT", with: "icmp-port-unreachable" };
const DROP: NfTarget = { kind: "DROP" };
const LOCALNET = prefixOf(0x7f000000, 8);

/**
 * iptablesJumpChains and iptablesKubeletJumpChains: each is inserted at the top, so the last one is first. The kubelet's have
 * no comment.
 */
const JUMPS: readonly (readonly [NfTable, string, string, string | undefined, fresh: boolean])[] = [
  ["filter", "INPUT", "KUBE-FIREWALL", undefined, false],
  ["filter", "OUTPUT", "KUBE-FIREWALL", undefined, false],
  ["filter", "INPUT", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall", true],
  ["filter", "INPUT", "KUBE-NODEPORTS", "kubernetes health check service ports", false],
  ["filter", "INPUT", "KUBE-EXTERNAL-SERVICES", "kubernetes externally-visible service portals", true],
  ["filter", "FORWARD", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall", true],
  ["filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules", false],
  ["filter", "FORWARD", "KUBE-SERVICES", "kubernetes service portals", true],
  ["filter", "FORWARD", "KUBE-EXTERNAL-SERVICES", "kubernetes externally-visible service portals", true],
  ["filter", "OUTPUT", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall", true],
  ["filter", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals", true],
  ["nat", "PREROUTING", "KUBE-SERVICES", "kubernetes service portals", false],
  ["nat", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals", false],
  ["nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules", false],
];

/** The jumps from the built-in chains. */
export function iptablesJumps(of: 4 | 6, origin: Origin): readonly ChainRules[] {
  return JUMPS.map(([table, chain, to, comment, fresh]) => ({
    family: of,
    table,
    chain,
    rules: [
      {
        match: fresh ? { ctstate: ["NEW"] } : {},
        target: { kind: "JUMP", chain: to },
        ...(comment === undefined ? {} : { comment }),
        origin,
      },
    ],
  }));
}

/** The node's own chains. `devices` are those that its mode adds. */
export function iptablesChains(
  ports: ProxyPorts,
  names: ChainNames,
  node: Node,
  devices: readonly Device[],
): ChainSource {
  const { cluster } = ports;
  const { kubeProxy } = cluster.services;
  const origin = kubeProxy.source;
  const view: View = {
    ports,
    names,
    cluster,
    node,
    detector: localDetector(cluster, node, ports.family),
    nodePortIps: nodePortIps(node, ports.family, kubeProxy, devices),
    origin,
  };
  const fixed: Readonly<Partial<Record<NfTable, ReadonlyMap<string, NfChain>>>> = {
    filter: byName([
      longChain("KUBE-EXTERNAL-SERVICES", view, externalFilter, true),
      nfChain({ name: "KUBE-FIREWALL", rules: localnetRules(view) }),
      nfChain({ name: "KUBE-FORWARD", rules: forwardRules(cluster.services.kubeProxy.mark, origin) }),
      healthChain(view),
      longChain("KUBE-PROXY-FIREWALL", view, firewallFilter, false),
      longChain("KUBE-SERVICES", view, internalFilter, false),
    ]),
    nat: byName([
      nfChain({ name: "KUBE-MARK-MASQ", rules: [markRule(cluster.services.kubeProxy.mark, origin)] }),
      longChain("KUBE-NODEPORTS", view, nodePortRules, true),
      nfChain({ name: "KUBE-POSTROUTING", rules: postroutingRules(cluster.services.kubeProxy.mark, origin) }),
      longChain("KUBE-SERVICES", view, serviceRules, false, nodePortsRules(view)),
    ]),
  };
  const made = new Map<string, NfChain | undefined>();
  const ofService = (name: string): NfChain | undefined => {
    if (!made.has(name)) made.set(name, serviceChain(view, name));
    return made.get(name);
  };
  return {
    chain: (of, table, name) => {
      if (of !== ports.family) return undefined;
      return fixed[table]?.get(name) ?? (table === "nat" && name.startsWith("KUBE-") ? ofService(name) : undefined);
    },
    chains: function* (of) {
      if (of !== ports.family) return;
      for (const chain of fixed.filter?.values() ?? []) yield { table: "filter", chain };
      for (const chain of fixed.nat?.values() ?? []) yield { table: "nat", chain };
      for (const name of namesOn(view).sort()) {
        const chain = ofService(name);
        if (chain) yield { table: "nat", chain };
      }
    },
  };
}

function byName(chains: readonly NfChain[]): ReadonlyMap<string, NfChain> {
  return new Map(chains.map((chain) => [chain.name, chain]));
}

/** A chain with rules for every port of every service: all of them are created only if `rules` is read. */
function longChain(
  name: string,
  view: View,
  rulesOf: (view: View, port: ProxyPort) => readonly RuleSpec[],
  byNodePort: boolean,
  tail: readonly RuleSpec[] = [],
): NfChain {
  const rest: Omit<NfChain, "rules"> = {
    name,
    candidates: (dst, dport) => {
      const found = new Set(view.ports.byAddress(dst));
      if (byNodePort && dport !== undefined) for (const port of view.ports.byNodePort(dport)) found.add(port);
      return [...[...found].flatMap((port) => rulesOf(view, port)), ...tail].map(nfRule);
    },
  };
  return withLazy(rest, {
    rules: () => [...view.ports.all().flatMap((port) => rulesOf(view, port)), ...tail].map(nfRule),
  });
}

/* ---------------------------------------------------------------------- names */

function named(view: View, kind: "SVC" | "SVL" | "EXT" | "FW", port: ProxyPort): string {
  const name = `KUBE-${kind}-${chainHash(port.id + port.port.proto)}`;
  view.names.set(name, { port });
  return name;
}

function endpointName(view: View, port: ProxyPort, endpoint: ServiceEndpoint): string {
  const name = `KUBE-SEP-${chainHash(port.id + port.port.proto + endpointText(endpoint))}`;
  view.names.set(name, { port, endpoint });
  return name;
}

/** Names of all chains of services that this node has. */
function namesOn(view: View): string[] {
  const found = new Set<string>();
  for (const port of view.ports.all()) {
    const reach = view.ports.reach(port, view.node);
    if (!reach.hasEndpoints) continue;
    if (usesCluster(port)) found.add(named(view, "SVC", port));
    if (usesLocal(port) && reach.local.length > 0) found.add(named(view, "SVL", port));
    if (port.external) found.add(named(view, "EXT", port));
    if (hasFirewall(port)) found.add(named(view, "FW", port));
    const used = [...(usesCluster(port) ? reach.cluster : []), ...(usesLocal(port) ? reach.local : [])];
    for (const endpoint of used) found.add(endpointName(view, port, endpoint));
  }
  return [...found];
}

function hasFirewall({ loadBalancerIps, sourceRanges }: ProxyPort): boolean {
  return loadBalancerIps.length > 0 && sourceRanges.length > 0;
}

function internalChain(view: View, port: ProxyPort): string {
  return named(view, port.service.internalPolicy === "local" ? "SVL" : "SVC", port);
}

/* ---------------------------------------------------------------------- rules */

function rule(port: ProxyPort, comment: string, match: Conditions, target: NfTarget): RuleSpec {
  return { match, target, comment, commentFirst: true, origin: port.port.source };
}

function toAddress(port: ProxyPort, ip: Ip): Conditions {
  return { dst: { is: hostPrefix(ip) }, ...toPort(port, port.port.port) };
}

function toPort({ port }: ProxyPort, number: number): Conditions {
  return { proto: port.proto, dport: { first: number, last: number } };
}

/** nat/KUBE-SERVICES. */
function serviceRules(view: View, port: ProxyPort): readonly RuleSpec[] {
  const reach = view.ports.reach(port, view.node);
  if (!reach.hasEndpoints) return [];
  const rules: RuleSpec[] = [];
  if (reach.hasInternal) {
    const chain = internalChain(view, port);
    rules.push(rule(port, `${port.id} cluster IP`, toAddress(port, port.clusterIp), { kind: "JUMP", chain }));
  }
  for (const ip of port.externalIps) {
    const chain = named(view, "EXT", port);
    rules.push(rule(port, `${port.id} external IP`, toAddress(port, ip), { kind: "JUMP", chain }));
  }
  for (const ip of port.loadBalancerIps) {
    const chain = named(view, hasFirewall(port) ? "FW" : "EXT", port);
    rules.push(rule(port, `${port.id} loadbalancer IP`, toAddress(port, ip), { kind: "JUMP", chain }));
  }
  return rules;
}

/** The last rules of nat/KUBE-SERVICES: to any address of the node, or to the configured addresses. */
function nodePortsRules({ cluster, nodePortIps: ips, ports, origin }: View): readonly RuleSpec[] {
  const localhost = ports.family === 4 && opensLocalhost(cluster.services.kubeProxy);
  const comment = "kubernetes service nodeports; NOTE: this must be the last rule in this chain";
  const target: NfTarget = { kind: "JUMP", chain: "KUBE-NODEPORTS" };
  const make = (match: Conditions): RuleSpec => ({ match, target, comment, commentFirst: true, origin });
  if (ips === "all") {
    const loopback = ports.family === 6 ? prefixOf(1n, 128) : LOCALNET;
    return [
      make({
        ...(localhost ? {} : { dst: { is: loopback, not: true } }),
        addrtype: { side: "dst", type: "LOCAL" },
      }),
    ];
  }
  return (localhost ? ips : withoutLoopback(ips)).map((ip) => make({ dst: { is: hostPrefix(ip) } }));
}

/** filter/KUBE-FIREWALL: with route_localnet, other machines could reach 127.0.0.1 (kubernetes issue 90259). */
function localnetRules({ cluster, ports, origin }: View): readonly RuleSpec[] {
  if (ports.family === 6 || !opensLocalhost(cluster.services.kubeProxy)) return [];
  return [
    {
      match: {
        src: { is: LOCALNET, not: true },
        dst: { is: LOCALNET },
        notCtstate: ["RELATED", "ESTABLISHED", "DNAT"],
      },
      target: DROP,
      comment: "block incoming localnet connections",
      commentFirst: true,
      origin,
    },
  ];
}

/** nat/KUBE-NODEPORTS. */
function nodePortRules(view: View, port: ProxyPort): readonly RuleSpec[] {
  const { nodePort } = port.port;
  if (nodePort === undefined || !view.ports.reach(port, view.node).hasEndpoints) return [];
  return [rule(port, port.id, toPort(port, nodePort), { kind: "JUMP", chain: named(view, "EXT", port) })];
}

/**
 * filter/KUBE-SERVICES: rejects packets to services without endpoints; drops them if the policy is Local and no endpoint is
 * on this node.
 */
function internalFilter(view: View, port: ProxyPort): readonly RuleSpec[] {
  const reach = view.ports.reach(port, view.node);
  if (reach.hasInternal) return [];
  const [target, comment] = noEndpoints(port, reach);
  return [rule(port, comment, toAddress(port, port.clusterIp), target)];
}

/** filter/KUBE-EXTERNAL-SERVICES: the same for external IPs, load balancer IPs, and node ports. */
function externalFilter(view: View, port: ProxyPort): readonly RuleSpec[] {
  const reach = view.ports.reach(port, view.node);
  if (reach.hasExternal) return [];
  const [target, comment] = noEndpoints(port, reach);
  const rules = [...port.externalIps, ...port.loadBalancerIps].map((ip) =>
    rule(port, comment, toAddress(port, ip), target),
  );
  const { nodePort } = port.port;
  if (nodePort === undefined) return rules;
  const match: Conditions = { addrtype: { side: "dst", type: "LOCAL" }, ...toPort(port, nodePort) };
  return [...rules, rule(port, comment, match, target)];
}

function noEndpoints(port: ProxyPort, { hasEndpoints }: Reach): readonly [NfTarget, string] {
  return hasEndpoints ? [DROP, `${port.id} has no local endpoints`] : [REJECT, `${port.id} has no endpoints`];
}

/** filter/KUBE-PROXY-FIREWALL: packets that KUBE-FW did not accept still have the load balancer IP as destination. */
function firewallFilter(view: View, port: ProxyPort): readonly RuleSpec[] {
  if (!hasFirewall(port) || !view.ports.reach(port, view.node).hasEndpoints) return [];
  const comment = `${port.id} traffic not accepted by ${named(view, "FW", port)}`;
  return port.loadBalancerIps.map((ip) => rule(port, comment, toAddress(port, ip), DROP));
}

/** filter/KUBE-NODEPORTS: accepts health check node ports. */
function healthChain(view: View): NfChain {
  const rules = (): readonly NfRule[] =>
    view.ports.healthChecked().map((port) => {
      const number = port.service.healthCheckNodePort ?? 0;
      const match: Conditions = { proto: "tcp", dport: { first: number, last: number } };
      return nfRule(rule(port, `${port.id} health check node port`, match, { kind: "ACCEPT" }));
    });
  return withLazy({ name: "KUBE-NODEPORTS" }, { rules });
}

function forwardRules(mark: number, origin: Origin): readonly RuleSpec[] {
  const accept: NfTarget = { kind: "ACCEPT" };
  return [
    { match: { ctstate: ["INVALID"] }, target: DROP, origin },
    {
      match: { mark: { is: { value: mark, mask: mark } } },
      target: accept,
      comment: "kubernetes forwarding rules",
      commentFirst: true,
      origin,
    },
    {
      match: { ctstate: ["RELATED", "ESTABLISHED"] },
      target: accept,
      comment: "kubernetes forwarding conntrack rule",
      commentFirst: true,
      origin,
    },
  ];
}

export function postroutingRules(mark: number, origin: Origin): readonly RuleSpec[] {
  return [
    { match: { mark: { is: { value: mark, mask: mark }, not: true } }, target: { kind: "RETURN" }, origin },
    { match: {}, target: { kind: "MARK", value: mark, mask: 0 }, origin },
    {
      match: {},
      target: { kind: "MASQUERADE", randomFully: true },
      comment: "kubernetes service traffic requiring SNAT",
      commentFirst: true,
      origin,
    },
  ];
}

export function markRule(mark: number, origin: Origin): RuleSpec {
  return { match: {}, target: { kind: "MARK", value: mark, mask: mark }, origin };
}

/* --------------------------------------------------------- chains of a service */

function serviceChain(view: View, name: string): NfChain | undefined {
  let found = view.names.get(name);
  if (found === undefined) {
    // Requested by name: all names must be created first.
    namesOn(view);
    found = view.names.get(name);
  }
  if (found === undefined) return undefined;
  const { port, endpoint } = found;
  const reach = view.ports.reach(port, view.node);
  if (endpoint !== undefined) return nfChain({ name, rules: endpointRules(name, port, endpoint) });
  if (name.startsWith("KUBE-SVC-")) return nfChain({ name, rules: balancingRules(view, name, port, reach.cluster) });
  if (name.startsWith("KUBE-SVL-")) return nfChain({ name, rules: balancingRules(view, name, port, reach.local) });
  if (name.startsWith("KUBE-EXT-")) return nfChain({ name, rules: externalRules(view, port, reach) });
  return nfChain({ name, rules: firewallRules(view, port) });
}

/**
 * KUBE-SVC and KUBE-SVL: masquerade packets that are not from a pod, then jump to an endpoint, each with the same
 * probability.
 */
function balancingRules(
  view: View,
  name: string,
  port: ProxyPort,
  endpoints: readonly ServiceEndpoint[],
): readonly RuleSpec[] {
  const rules: RuleSpec[] = [];
  if (name === internalChain(view, port)) {
    const comment = `${port.id} cluster IP`;
    const match = toAddress(port, port.clusterIp);
    if (view.cluster.services.kubeProxy.masqueradeAll) rules.push(rule(port, comment, match, MARK_MASQ));
    else if (view.detector) rules.push(rule(port, comment, { ...match, ...view.detector.ifNotLocal }, MARK_MASQ));
  }
  const chains = endpoints.map((endpoint) => ({
    comment: `${port.id} -> ${endpointText(endpoint)}`,
    chain: endpointName(view, port, endpoint),
  }));
  const { affinity } = port.service;
  if (affinity !== undefined) {
    for (const { comment, chain } of chains) {
      const match: Conditions = { recent: { name: chain, op: "rcheck", seconds: affinity, reap: true } };
      rules.push(rule(port, comment, match, { kind: "JUMP", chain }));
    }
  }
  chains.forEach(({ comment, chain }, i) => {
    const left = chains.length - i;
    const match: Conditions = left > 1 ? { statistic: { probability: 1 / left } } : {};
    rules.push(rule(port, comment, match, { kind: "JUMP", chain }));
  });
  return rules;
}

/** KUBE-SEP: packets from an endpoint to itself are masqueraded, so the replies return through the node. */
function endpointRules(name: string, port: ProxyPort, endpoint: ServiceEndpoint): readonly RuleSpec[] {
  const { affinity } = port.service;
  return [
    rule(port, port.id, { src: { is: hostPrefix(endpoint.ip) } }, MARK_MASQ),
    rule(
      port,
      port.id,
      { proto: port.port.proto, ...(affinity === undefined ? {} : { recent: { name, op: "set" as const } }) },
      { kind: "DNAT", to: endpoint.ip, port: endpoint.port },
    ),
  ];
}

/** KUBE-EXT: packets to node ports, external IPs, and load balancer IPs. */
function externalRules(view: View, port: ProxyPort, reach: Reach): readonly RuleSpec[] {
  const cluster: NfTarget = { kind: "JUMP", chain: named(view, "SVC", port) };
  const bare = (target: NfTarget): RuleSpec => ({ match: {}, target, origin: port.port.source });
  if (port.service.externalPolicy === "cluster") {
    return [rule(port, `masquerade traffic for ${port.id} external destinations`, {}, MARK_MASQ), bare(cluster)];
  }
  const rules: RuleSpec[] = [];
  const external = `${port.id} external destinations`;
  if (view.detector) rules.push(rule(port, `pod traffic for ${external}`, view.detector.ifLocal, cluster));
  const own: Conditions = { addrtype: { side: "src", type: "LOCAL" } };
  rules.push(rule(port, `masquerade LOCAL traffic for ${external}`, own, MARK_MASQ));
  rules.push(rule(port, `route LOCAL traffic for ${external}`, own, cluster));
  if (reach.local.length > 0) rules.push(bare({ kind: "JUMP", chain: named(view, "SVL", port) }));
  return rules;
}

/**
 * KUBE-FW: sources that are allowed to use the load balancer IP; KUBE-PROXY-FIREWALL drops the remaining packets. If
 * a node has the load balancer IP itself, its packets to this address have it as source.
 */
function firewallRules(view: View, port: ProxyPort): readonly RuleSpec[] {
  const target: NfTarget = { kind: "JUMP", chain: named(view, "EXT", port) };
  const own = admitsNode(port, primaryIp(view.node, view.ports.family)) ? port.loadBalancerIps.map(hostPrefix) : [];
  return [
    ...[...port.sourceRanges, ...own].map((is) => rule(port, `${port.id} loadbalancer IP`, { src: { is } }, target)),
    rule(port, `other traffic to ${port.id} will be dropped by KUBE-PROXY-FIREWALL`, {}, { kind: "NONE" }),
  ];
}
