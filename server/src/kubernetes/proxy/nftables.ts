/**
 * kube-proxy's nftables mode: table `kube-proxy` of pkg/proxy/nftables/proxier.go (setupNFTables, syncProxyRules) for
 * one node. The maps from addresses and ports to chains contain the services: for a packet, only the element for its
 * address and port is created; a listing creates all of them.
 */
import { formatIp, formatPrefix, hostPrefix, type Ip, prefixContains } from "../../addressing/ip.ts";
import type { ChainSource } from "../../cni/mode.ts";
import type { NfChain, NfMatch, NfRule, NfTarget } from "../../dataplane/model.ts";
import type { Node, ServiceEndpoint } from "../../topology/model.ts";
import { endpointText } from "../../topology/service-endpoints.ts";
import { localDetector } from "./detect.ts";
import { nodeAddresses } from "./iptables.ts";
import { nftListing } from "./nft-listing.ts";
import {
  type Element,
  elementText,
  endpointId,
  endpointName,
  firewallElements,
  jump,
  NFT_BASES,
  NFT_TABLE,
  type NftNames,
  type NftView,
  named,
  nodePortElements,
  noEndpointElements,
  noEndpointNodePorts,
  serviceElements,
} from "./nft-view.ts";
import type { ProxyPort, ProxyPorts, Reach } from "./ports.ts";

const BY_SERVICE = "daddr . meta l4proto . th dport vmap";

export function nftablesChains(ports: ProxyPorts, names: NftNames, node: Node): ChainSource {
  const { cluster, family } = ports;
  const { kubeProxy } = cluster.services;
  const view: NftView = {
    ports,
    names,
    cluster,
    node,
    detector: localDetector(cluster, node, family),
    origin: kubeProxy.source,
    ip: family === 4 ? "ip" : "ip6",
    nodePortIps: nodeAddresses(node, family, kubeProxy.nodePortAddresses ?? "primary"),
  };
  const fixed = new Map([...fixedChains(view), ...lookups(view)].map((chain) => [chain.name, chain]));
  const made = new Map<string, NfChain | undefined>();
  return {
    chain: (of, table, name) => {
      if (of !== family || table !== NFT_TABLE) return undefined;
      const own = fixed.get(name);
      if (own) return own;
      if (!made.has(name)) made.set(name, serviceChain(view, name));
      return made.get(name);
    },
    chains: () => [],
    bases: (of) => (of === family ? NFT_BASES : []),
    nft: (of) =>
      of === family ? nftListing(view, [...fixed.values()], (name) => serviceChain(view, name), chainNames(view)) : [],
  };
}

/* ---------------------------------------------------------------- rules that are always there */

function fixedChains({ cluster, origin }: NftView): readonly NfChain[] {
  const { mark } = cluster.services.kubeProxy;
  const bit = `0x${mark.toString(16)}`;
  const rule = (text: string, match: NfMatch, target: NfTarget): NfRule => ({ match, target, text, origin });
  const fresh = (...chains: readonly string[]): readonly NfRule[] =>
    chains.map((chain) => rule(`ct state new jump ${chain}`, { ctstate: ["NEW"] }, jump(chain)));
  const plain = (chain: string): readonly NfRule[] => [rule(`jump ${chain}`, {}, jump(chain))];
  return [
    { name: "filter-prerouting", rules: fresh("firewall-check") },
    { name: "filter-input", rules: fresh("nodeport-endpoints-check", "service-endpoints-check") },
    { name: "filter-forward", rules: fresh("service-endpoints-check", "cluster-ips-check") },
    { name: "filter-output", rules: fresh("service-endpoints-check", "firewall-check") },
    { name: "filter-output-post-dnat", rules: fresh("cluster-ips-check") },
    { name: "nat-prerouting", rules: plain("services") },
    { name: "nat-output", rules: plain("services") },
    { name: "nat-postrouting", rules: plain("masquerading") },
    {
      name: "mark-for-masquerade",
      rules: [rule(`mark set mark or ${bit}`, {}, { kind: "MARK", value: mark, mask: mark })],
    },
    {
      name: "masquerading",
      rules: [
        rule(
          `mark and ${bit} == 0 return`,
          { mark: { is: { value: mark, mask: mark }, not: true } },
          { kind: "RETURN" },
        ),
        rule(`mark set mark xor ${bit}`, {}, { kind: "MARK", value: mark, mask: 0 }),
        rule("masquerade fully-random", {}, { kind: "MASQUERADE", randomFully: true }),
      ],
    },
    { name: "reject-chain", rules: [rule("reject", {}, { kind: "REJECT", with: "icmp-port-unreachable" })] },
  ];
}

/* ------------------------------------------------------------- chains that look into maps */

/** `candidates` returns the elements for a packet; the rules themselves are one lookup each. */
function lookups(view: NftView): readonly NfChain[] {
  const { ip } = view;
  const byAddress = (name: string, map: string, of: (port: ProxyPort) => readonly Element[]): NfChain => ({
    name,
    rules: [lookupRule(view, `${ip} ${BY_SERVICE} @${map}`)],
    candidates: (dst) => view.ports.byAddress(dst).flatMap((port) => of(port).map((one) => elementRule(one, map))),
  });
  const byNodePort = (dst: Ip, dport: number | undefined): readonly ProxyPort[] =>
    dport === undefined || !view.nodePortIps.includes(dst) ? [] : view.ports.byNodePort(dport);
  const nodePorts = `${ip} daddr @nodeport-ips meta l4proto . th dport vmap`;
  return [
    byAddress("firewall-check", "firewall-ips", (port) => firewallElements(view, port)),
    byAddress("service-endpoints-check", "no-endpoint-services", (port) => noEndpointElements(view, port)),
    {
      name: "nodeport-endpoints-check",
      rules: [lookupRule(view, `${nodePorts} @no-endpoint-nodeports`)],
      candidates: (dst, dport) =>
        byNodePort(dst, dport).flatMap((port) =>
          noEndpointNodePorts(view, port).map((one) => elementRule(one, "no-endpoint-nodeports")),
        ),
    },
    {
      name: "services",
      rules: [
        lookupRule(view, `${ip} ${BY_SERVICE} @service-ips`),
        lookupRule(view, `${nodePorts} @service-nodeports`),
      ],
      candidates: (dst, dport) => [
        ...view.ports
          .byAddress(dst)
          .flatMap((port) => serviceElements(view, port).map((one) => elementRule(one, "service-ips"))),
        ...byNodePort(dst, dport).flatMap((port) =>
          nodePortElements(view, port).map((one) => elementRule(one, "service-nodeports")),
        ),
      ],
    },
    clusterIpsCheck(view),
  ];
}

function lookupRule({ origin }: NftView, text: string): NfRule {
  return { match: {}, target: { kind: "NONE" }, text, origin };
}

function elementRule({ match, target, origin }: Element, map: string): NfRule {
  return { match, target, text: `vmap @${map} { ${elementText({ match, target })} }`, origin };
}

/** Other ports of a ClusterIP are rejected; packets to addresses of the range that no service has are dropped. */
function clusterIpsCheck(view: NftView): NfChain {
  const { cluster, ports, ip, origin } = view;
  const ranges = cluster.serviceCidrs
    .map(({ prefix }) => prefix)
    .filter((one) => typeof one.ip === (ports.family === 4 ? "number" : "bigint"));
  const reject: NfRule = {
    match: {},
    target: { kind: "REJECT", with: "icmp-port-unreachable" },
    text: `${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`,
    origin,
  };
  const drop: NfRule = {
    match: {},
    target: { kind: "DROP" },
    text: `${ip} daddr { ${ranges.map(formatPrefix).join(", ")} } drop comment "Drop traffic to unallocated ClusterIPs"`,
    origin,
  };
  return {
    name: "cluster-ips-check",
    rules: ranges.length === 0 ? [reject] : [reject, drop],
    candidates: (dst) => {
      if (ports.byAddress(dst).some(({ clusterIp }) => clusterIp === dst)) return [reject];
      return ranges.some((range) => prefixContains(range, dst)) ? [drop] : [];
    },
  };
}

/* --------------------------------------------------------- chains of a service */

/** Names of all chains of services, in order of the services. */
function chainNames(view: NftView): readonly string[] {
  return view.ports.all().flatMap((port) => {
    const reach = view.ports.reach(port, view.node);
    if (!reach.hasEndpoints) return [];
    const { service, external } = port;
    const all = service.internalPolicy === "cluster" || external;
    const local = service.internalPolicy === "local" || (external && service.externalPolicy === "local");
    const used = new Set([...(all ? reach.cluster : []), ...(local ? reach.local : [])]);
    return [
      ...(all ? [named(view, "service", port)] : []),
      ...(local && reach.local.length > 0 ? [named(view, "local", port)] : []),
      ...(external ? [named(view, "external", port)] : []),
      ...(firewallElements(view, port).length > 0 ? [named(view, "firewall", port)] : []),
      ...[...used].map((endpoint) => endpointName(view, port, endpoint)),
    ];
  });
}

function serviceChain(view: NftView, name: string): NfChain | undefined {
  const found = view.names.get(name);
  if (!found) return undefined;
  const { port, endpoint } = found;
  const reach = view.ports.reach(port, view.node);
  if (endpoint) return { name, rules: endpointRules(view, port, endpoint) };
  if (name.startsWith("service-")) return { name, rules: balancingRules(view, port, reach.cluster, "cluster") };
  if (name.startsWith("local-")) return { name, rules: balancingRules(view, port, reach.local, "local") };
  if (name.startsWith("external-")) return { name, rules: externalRules(view, port, reach) };
  return { name, rules: firewallRules(view, port) };
}

function rule(port: ProxyPort, text: string, match: NfMatch, target: NfTarget): NfRule {
  return { match, target, text, origin: port.port.source };
}

const MARK = jump("mark-for-masquerade");

/** One lookup with a random number: here one rule per endpoint, each with its share of the remaining probability. */
function balancingRules(
  view: NftView,
  port: ProxyPort,
  endpoints: readonly ServiceEndpoint[],
  policy: "cluster" | "local",
): readonly NfRule[] {
  const { ip } = view;
  const rules: NfRule[] = [];
  if (port.service.internalPolicy === policy) {
    const daddr = `${ip} daddr ${formatIp(port.clusterIp)}`;
    const match: NfMatch = { dst: { is: hostPrefix(port.clusterIp) } };
    if (view.cluster.services.kubeProxy.masqueradeAll)
      rules.push(rule(port, `${daddr} jump mark-for-masquerade`, match, MARK));
    else if (view.detector) {
      const { ifNotLocal } = view.detector;
      rules.push(
        rule(port, `${daddr} ${matchText(ifNotLocal, ip)} jump mark-for-masquerade`, { ...match, ...ifNotLocal }, MARK),
      );
    }
  }
  const { affinity } = port.service;
  for (const endpoint of affinity === undefined ? [] : endpoints) {
    const id = endpointId(port, endpoint);
    const match: NfMatch = { recent: { name: id, op: "rcheck", seconds: affinity ?? 0, reap: true } };
    const chain = endpointName(view, port, endpoint);
    rules.push(rule(port, `${ip} saddr @affinity-${id} goto ${chain}`, match, jump(chain)));
  }
  const chains = endpoints.map((endpoint) => endpointName(view, port, endpoint));
  const text = `numgen random mod ${chains.length} vmap { ${chains.map((chain, i) => `${i} : goto ${chain}`).join(" , ")} }`;
  chains.forEach((chain, i) => {
    const left = chains.length - i;
    rules.push(rule(port, text, left > 1 ? { statistic: { probability: 1 / left } } : {}, jump(chain)));
  });
  return rules;
}

function endpointRules({ ip }: NftView, port: ProxyPort, endpoint: ServiceEndpoint): readonly NfRule[] {
  const own = formatIp(endpoint.ip);
  const set = `affinity-${endpointId(port, endpoint)}`;
  return [
    rule(port, `${ip} saddr ${own} jump mark-for-masquerade`, { src: { is: hostPrefix(endpoint.ip) } }, MARK),
    ...(port.service.affinity === undefined
      ? []
      : [rule(port, `update @${set} { ${ip} saddr }`, {}, { kind: "NONE" })]),
    rule(
      port,
      `meta l4proto ${port.port.proto} dnat to ${endpointText(endpoint)}`,
      { proto: port.port.proto },
      { kind: "DNAT", to: endpoint.ip, port: endpoint.port },
    ),
  ];
}

function externalRules(view: NftView, port: ProxyPort, reach: Reach): readonly NfRule[] {
  const all = named(view, "service", port);
  if (port.service.externalPolicy === "cluster") {
    return [rule(port, "jump mark-for-masquerade", {}, MARK), rule(port, `goto ${all}`, {}, jump(all))];
  }
  const own: NfMatch = { addrtype: { side: "src", type: "LOCAL" } };
  const rules: NfRule[] = [];
  if (view.detector) {
    const { ifLocal } = view.detector;
    rules.push(
      rule(port, `${matchText(ifLocal, view.ip)} goto ${all} comment "short-circuit pod traffic"`, ifLocal, jump(all)),
    );
  }
  rules.push(
    rule(port, 'fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"', own, MARK),
    rule(port, `fib saddr type local goto ${all} comment "short-circuit local traffic"`, own, jump(all)),
  );
  if (reach.local.length > 0) {
    const local = named(view, "local", port);
    rules.push(rule(port, `goto ${local}`, {}, jump(local)));
  }
  return rules;
}

function firewallRules({ ip }: NftView, port: ProxyPort): readonly NfRule[] {
  const text = `${ip} saddr != { ${port.sourceRanges.map(formatPrefix).join(", ")} } drop`;
  return [
    ...port.sourceRanges.map((is) => rule(port, text, { src: { is } }, { kind: "RETURN" })),
    rule(port, text, {}, { kind: "DROP" }),
  ];
}

/** The local detector's match in nft syntax. */
function matchText(match: NfMatch, ip: string): string {
  const { src } = match;
  if (src) return `${ip} saddr ${src.not ? "!= " : ""}${formatPrefix(src.is)}`;
  const device = match.in;
  return device ? `iifname ${device.not ? "!= " : ""}"${device.is.replace(/\+$/, "*")}"` : "";
}
