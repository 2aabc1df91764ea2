/**
 * kube-proxy's ipvs mode for one node (pkg/proxy/ipvs/proxier.go): a dummy device that makes the virtual IPs local, a
 * virtual server for each virtual IP and each node port, and rules over sets that mark packets for masquerading and
 * reject the rest.
 */
import { hostPrefix, type Ip, isLinkLocal, prefixOf } from "../../addressing/ip.ts";
import type { ChainRules } from "../../cni/mode.ts";
import type { Device, IptablesTable, Ipvs, NfTarget, SetMatch, VirtualServer } from "../../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../../dataplane/rule.ts";
import type { Origin } from "../../declared/origin.ts";
import type { KubeProxy, Node, ServiceEndpoint } from "../../topology/model.ts";
import { localDetector } from "./detect.ts";
import { boundIps, guardedPorts, ipSets, type ProxySet, type SetKey, virtualIps } from "./ipsets.ts";
import { markRule, postroutingRules } from "./iptables.ts";
import { localIps, nodePortIps, primaryIp, withoutLoopback } from "./node-addresses.ts";
import { admitsNode, type ProxyPort, type ProxyPorts, usesCluster } from "./ports.ts";

const IPVS_DEVICE = "kube-ipvs0";

/** kube-ipvs0 with every virtual IP as /32 or /128; the same on all nodes that have no such address themselves. */
export function ipvsDevice(all: readonly ProxyPorts[], origin: Origin): Device {
  const ips = new Set(all.flatMap((ports) => ports.all().flatMap(virtualIps)));
  return {
    kind: "dummy",
    name: IPVS_DEVICE,
    mtu: 1500,
    mac: undefined,
    addresses: [...ips].map((ip) => hostPrefix(ip)),
    origin,
  };
}

/** Without the external addresses that the node has on its own interfaces. */
export function ipvsDeviceOn(node: Node, all: readonly ProxyPorts[], shared: Device): Device {
  const own = new Set(all.flatMap(({ family }) => localIps(node, family, [])));
  if (!shared.addresses.some(({ ip }) => own.has(ip))) return shared;
  const bound = new Set(all.flatMap((ports) => ports.all().flatMap((port) => boundIps(port, own))));
  return { ...shared, addresses: shared.addresses.filter(({ ip }) => bound.has(ip)) };
}

/** `devices` are those that the node's mode adds, and kube-ipvs0. */
export function ipvsServers(all: readonly ProxyPorts[], node: Node, devices: readonly Device[]): Ipvs {
  const { services } = all[0]?.cluster ?? { services: undefined };
  const scheduler = services?.kubeProxy.scheduler ?? "rr";
  const server = (ports: ProxyPorts, port: ProxyPort, ip: Ip, number: number, outer: boolean): VirtualServer => ({
    proto: port.port.proto,
    ip,
    port: number,
    scheduler,
    persistence: port.service.affinity,
    servers: servers(ports, port, node, outer).map((one) => ({ ip: one.ip, port: one.port })),
    origin: port.port.source,
  });
  const known = new Map<4 | 6, ReadonlySet<Ip>>();
  const own = (of: 4 | 6): ReadonlySet<Ip> => {
    let ips = known.get(of);
    if (ips === undefined) {
      ips = new Set(services ? serverIps(node, of, services.kubeProxy, devices) : []);
      known.set(of, ips);
    }
    return ips;
  };
  return {
    find: (proto, ip, number) => {
      for (const ports of all) {
        for (const port of ports.byAddress(ip)) {
          if (port.port.port === number && port.port.proto === proto) {
            return server(ports, port, ip, number, ip !== port.clusterIp);
          }
        }
        if ((typeof ip === "number" ? 4 : 6) !== ports.family || !own(ports.family).has(ip)) continue;
        for (const port of ports.byNodePort(number)) {
          if (port.port.proto === proto) return server(ports, port, ip, number, true);
        }
      }
      return undefined;
    },
    all: function* () {
      for (const ports of all) {
        for (const port of ports.all()) {
          for (const ip of virtualIps(port)) yield server(ports, port, ip, port.port.port, ip !== port.clusterIp);
          const { nodePort } = port.port;
          if (nodePort !== undefined) for (const ip of own(ports.family)) yield server(ports, port, ip, nodePort, true);
        }
      }
    },
  };
}

/**
 * The addresses with virtual servers for node ports: never a loopback address. `node-port-addresses` also selects virtual IPs on
 * kube-ipvs0; without it, kube-proxy excludes this device, and link-local addresses (GetAllLocalAddressesExcept).
 */
function serverIps(node: Node, of: 4 | 6, kubeProxy: KubeProxy, devices: readonly Device[]): readonly Ip[] {
  const ips = nodePortIps(node, of, kubeProxy, devices);
  if (ips !== "all") return withoutLoopback(ips);
  const others = devices.filter(({ name }) => name !== IPVS_DEVICE);
  return withoutLoopback(localIps(node, of, others)).filter((ip) => !isLinkLocal(ip));
}

/**
 * syncEndpoint: with policy Local, the node's own endpoints; if it has no endpoint, all endpoints, to serve the node's own
 * pods. Replies to external clients then come from another node and bypass the reverse NAT (kubernetes PR 97081).
 */
function servers(ports: ProxyPorts, port: ProxyPort, node: Node, outer: boolean): readonly ServiceEndpoint[] {
  const reach = ports.reach(port, node);
  const { internalPolicy, externalPolicy } = port.service;
  const others = usesCluster(port) ? reach.cluster : [];
  if ((outer ? externalPolicy : internalPolicy) === "cluster") return others;
  return reach.local.length > 0 ? reach.local : others;
}

/* ---------------------------------------------------------------------- rules */

interface Rules {
  readonly family: 4 | 6;
  readonly origin: Origin;
  readonly set: (key: SetKey) => ProxySet;
}

function setOf(sets: readonly ProxySet[], key: SetKey): ProxySet {
  const found = sets.find((one) => one.key === key);
  if (found === undefined) throw new Error(`no set ${key}`);
  return found;
}

const MARK_MASQ = jump("KUBE-MARK-MASQ");
const ACCEPT: NfTarget = { kind: "ACCEPT" };
const RETURN: NfTarget = { kind: "RETURN" };

function jump(chain: string): NfTarget {
  return { kind: "JUMP", chain };
}

/**
 * The same rules for any number of services, except those for source ranges that exclude the node. `devices` are those that the
 * node's mode adds, and kube-ipvs0.
 */
export function ipvsRules(ports: ProxyPorts, node: Node, devices: readonly Device[]): readonly ChainRules[] {
  const { cluster, family } = ports;
  const { kubeProxy } = cluster.services;
  const sets = ipSets(ports, node, serverIps(node, family, kubeProxy, devices));
  const rules: Rules = { family, origin: kubeProxy.source, set: (key) => setOf(sets, key) };
  return [
    ...hooks(rules),
    ...natChains(rules, kubeProxy, masqueradeRules(rules, ports, node)),
    ...filterChains(rules, kubeProxy, outRules(ports, node)),
  ];
}

function chain({ family }: Rules, table: IptablesTable, name: string, rules: readonly RuleSpec[]): ChainRules {
  return { family, table, chain: name, rules };
}

function hook(rules: Rules, table: IptablesTable, name: string, to: string, comment: string): ChainRules {
  return chain(rules, table, name, [{ match: {}, target: jump(to), comment, origin: rules.origin }]);
}

/** From the built-in chains to kube-proxy's chains. */
function hooks(rules: Rules): readonly ChainRules[] {
  return [
    hook(rules, "nat", "PREROUTING", "KUBE-SERVICES", "kubernetes service portals"),
    hook(rules, "nat", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals"),
    hook(rules, "nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"),
    hook(rules, "filter", "INPUT", "KUBE-IPVS-FILTER", "kubernetes ipvs access filter"),
    hook(rules, "filter", "INPUT", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"),
    hook(rules, "filter", "INPUT", "KUBE-NODE-PORT", "kubernetes health check rules"),
    hook(rules, "filter", "FORWARD", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"),
    hook(rules, "filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"),
    hook(rules, "filter", "OUTPUT", "KUBE-IPVS-OUT-FILTER", "kubernetes ipvs access filter"),
  ];
}

/** Packets to ClusterIPs that are masqueraded: all, or those that are not from a pod. */
function masqueradeRules(rules: Rules, { cluster, family }: ProxyPorts, node: Node): readonly RuleSpec[] {
  const detector = localDetector(cluster, node, family);
  return cluster.services.kubeProxy.masqueradeAll
    ? of(rules, "clusterIp", "dst,dst", {}, MARK_MASQ)
    : detector
      ? of(rules, "clusterIp", "dst,dst", detector.ifNotLocal, MARK_MASQ)
      : of(rules, "clusterIp", "src,dst", {}, MARK_MASQ);
}

function natChains(rules: Rules, { mark }: KubeProxy, masquerade: readonly RuleSpec[]): readonly ChainRules[] {
  const { family, origin } = rules;
  return [
    chain(rules, "nat", "KUBE-SERVICES", [
      { match: { src: { is: family === 4 ? prefixOf(0x7f000000, 8) : prefixOf(1n, 128) } }, target: RETURN, origin },
      ...of(rules, "loadBalancer", "dst,dst", {}, jump("KUBE-LOAD-BALANCER")),
      ...masquerade,
      ...of(rules, "externalIp", "dst,dst", {}, MARK_MASQ),
      ...externalRules(rules, "externalIp"),
      ...externalRules(rules, "externalIpLocal"),
      { match: { addrtype: { side: "dst", type: "LOCAL" } }, target: jump("KUBE-NODE-PORT"), origin },
      ...(["clusterIp", "loadBalancer"] as const).flatMap((key) =>
        rules.set(key).isEmpty ? [] : [bare(rules, key, ACCEPT)],
      ),
    ]),
    chain(rules, "nat", "KUBE-LOAD-BALANCER", [
      ...of(rules, "loadBalancerLocal", "dst,dst", {}, RETURN),
      { match: {}, target: MARK_MASQ, origin },
    ]),
    chain(rules, "nat", "KUBE-NODE-PORT", [
      ...of(rules, "nodePortLocalTcp", "dst", { proto: "tcp" }, RETURN),
      ...of(rules, "nodePortTcp", "dst", { proto: "tcp" }, MARK_MASQ),
      ...of(rules, "nodePortLocalUdp", "dst", { proto: "udp" }, RETURN),
      ...of(rules, "nodePortUdp", "dst", { proto: "udp" }, MARK_MASQ),
      ...of(rules, "nodePortLocalSctp", "dst,dst", { proto: "sctp" }, RETURN),
      ...of(rules, "nodePortSctp", "dst,dst", { proto: "sctp" }, MARK_MASQ),
    ]),
    chain(rules, "nat", "KUBE-MARK-MASQ", [markRule(mark, origin)]),
    chain(rules, "nat", "KUBE-POSTROUTING", [
      ...of(rules, "loopBack", "dst,dst,src", {}, { kind: "MASQUERADE" }),
      ...postroutingRules(mark, origin),
    ]),
  ];
}

/** `out`: the rules of KUBE-IPVS-OUT-FILTER. */
function filterChains(rules: Rules, { mark }: KubeProxy, out: readonly RuleSpec[]): readonly ChainRules[] {
  const { origin } = rules;
  return [
    chain(rules, "filter", "KUBE-FORWARD", forward(mark, origin)),
    chain(rules, "filter", "KUBE-NODE-PORT", [commented(rules, "healthCheck", "dst", {}, ACCEPT)]),
    chain(
      rules,
      "filter",
      "KUBE-PROXY-FIREWALL",
      of(rules, "loadBalancerFw", "dst,dst", {}, jump("KUBE-SOURCE-RANGES-FIREWALL")),
    ),
    chain(rules, "filter", "KUBE-SOURCE-RANGES-FIREWALL", [
      ...of(rules, "sourceCidr", "dst,dst,src", {}, RETURN),
      ...of(rules, "sourceIp", "dst,dst,src", {}, RETURN),
      { match: {}, target: { kind: "DROP" }, origin },
    ]),
    // Also with empty sets.
    chain(rules, "filter", "KUBE-IPVS-FILTER", [
      bare(rules, "loadBalancer", RETURN),
      bare(rules, "clusterIp", RETURN),
      bare(rules, "externalIp", RETURN),
      bare(rules, "externalIpLocal", RETURN),
      bare(rules, "healthCheck", RETURN, "dst"),
      bare(rules, "ips", { kind: "REJECT", with: "icmp-port-unreachable" }, "dst", { ctstate: ["NEW"] }),
    ]),
    chain(rules, "filter", "KUBE-IPVS-OUT-FILTER", out),
  ];
}

/** A rule over a set, with the set's comment; no rule if the set is empty. */
function of(rules: Rules, key: SetKey, by: SetMatch["side"], match: Conditions, target: NfTarget): readonly RuleSpec[] {
  return rules.set(key).isEmpty ? [] : [commented(rules, key, by, match, target)];
}

function commented(
  { set, origin }: Rules,
  key: SetKey,
  by: SetMatch["side"],
  match: Conditions,
  target: NfTarget,
): RuleSpec {
  const found = set(key);
  return {
    match: { ...match, sets: [{ set: found, side: by }] },
    target,
    comment: found.comment,
    commentFirst: true,
    origin,
  };
}

function bare(
  { set, origin }: Rules,
  key: SetKey,
  target: NfTarget,
  by: SetMatch["side"] = "dst,dst",
  match: Conditions = {},
): RuleSpec {
  return { match: { ...match, sets: [{ set: set(key), side: by }] }, target, origin };
}

/** externalIPRules: packets from other machines, and packets to external IPs that are local addresses. */
function externalRules(rules: Rules, key: "externalIp" | "externalIpLocal"): readonly RuleSpec[] {
  return [
    { notBridged: true, addrtype: { side: "src", type: "LOCAL", not: true } } as const,
    { addrtype: { side: "dst", type: "LOCAL" } } as const,
  ].flatMap((match) => of(rules, key, "dst,dst", match, ACCEPT));
}

/** Drops the node's own packets to load balancer IPs whose source ranges exclude the node. */
function outRules(ports: ProxyPorts, node: Node): readonly RuleSpec[] {
  const nodeIp = primaryIp(node, ports.family);
  return guardedPorts(ports)
    .filter((port) => !admitsNode(port, nodeIp))
    .flatMap((port) =>
      port.loadBalancerIps.map(
        (ip): RuleSpec => ({
          match: { src: { is: hostPrefix(ip) }, ipvs: { ip, proto: port.port.proto, port: port.port.port } },
          target: { kind: "DROP" },
          origin: port.port.source,
        }),
      ),
    );
}

function forward(mark: number, origin: Origin): readonly RuleSpec[] {
  return [
    {
      match: { mark: { is: { value: mark, mask: mark } } },
      target: ACCEPT,
      comment: "kubernetes forwarding rules",
      commentFirst: true,
      origin,
    },
    {
      match: { ctstate: ["RELATED", "ESTABLISHED"] },
      target: ACCEPT,
      comment: "kubernetes forwarding conntrack rule",
      commentFirst: true,
      origin,
    },
  ];
}
