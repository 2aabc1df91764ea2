/**
 * kube-proxy's nftables mode: table `kube-proxy` of pkg/proxy/nftables/proxier.go (setupNFTables, syncProxyRules) for
 * one node. The maps from addresses and ports to chains contain the services: for a packet, only the element for its
 * address and port is created; a listing creates all of them.
 */
import { formatPrefix, type Ip, isLoopback, prefixContains } from "../../addressing/ip.ts";
import type { ChainSource } from "../../cni/mode.ts";
import type { Device, IpSet, NfChain, NfTarget } from "../../dataplane/model.ts";
import { type Conditions, nfChain, nfRule, type RuleSpec } from "../../dataplane/rule.ts";
import type { Node } from "../../topology/model.ts";
import { localDetector } from "./detect.ts";
import { nftListing } from "./nft-listing.ts";
import { chainNames, markText, serviceChain } from "./nft-services.ts";
import {
  type Element,
  elementText,
  firewallElements,
  hairpinEndpoints,
  hasDirectDnat,
  jump,
  matchText,
  NFT_TABLE,
  type NftNames,
  type NftView,
  nftBases,
  nodePortElements,
  noEndpointElements,
  noEndpointNodePorts,
  serviceElements,
} from "./nft-view.ts";
import { nodePortIps } from "./node-addresses.ts";
import type { ProxyPort, ProxyPorts } from "./ports.ts";

const BY_SERVICE = "daddr . meta l4proto . th dport vmap";

/** `devices` are those that the node's mode adds. */
export function nftablesChains(
  ports: ProxyPorts,
  names: NftNames,
  node: Node,
  devices: readonly Device[],
): ChainSource {
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
    nodePortIps: nodePortIps(node, family, kubeProxy, devices),
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
    bases: (of) => (of === family ? nftBases(cluster) : []),
    nft: (of) =>
      of === family ? nftListing(view, [...fixed.values()], (name) => serviceChain(view, name), chainNames(view)) : [],
  };
}

/* ---------------------------------------------------------------- rules that are always there */

/** nftablesJumpChains of the cluster's release: base chain, and the chains to which it jumps for new connections. */
const EARLY_CHECKS: readonly (readonly [string, ...string[]])[] = [
  ["filter-prerouting", "firewall-check"],
  ["filter-input", "nodeport-endpoints-check", "service-endpoints-check"],
  ["filter-forward", "service-endpoints-check", "cluster-ips-check"],
  ["filter-output", "service-endpoints-check", "firewall-check"],
  ["filter-output-post-dnat", "cluster-ips-check"],
];
const CHECKS: readonly (readonly [string, ...string[]])[] = [
  ["filter-prerouting-pre-dnat", "firewall-check"],
  ["filter-output-pre-dnat", "firewall-check"],
  ["filter-input", "nodeport-endpoints-check", "service-endpoints-check"],
  ["filter-forward", "service-endpoints-check", "cluster-ips-check"],
  ["filter-output", "service-endpoints-check", "cluster-ips-check"],
];

function fixedChains(view: NftView): readonly NfChain[] {
  const { kubeProxy } = view.cluster.services;
  const checks = (kubeProxy.minor < 34 ? EARLY_CHECKS : CHECKS).map(([name, ...chains]) =>
    nfChain({
      name,
      rules: chains.map((chain) => fixed(view, `ct state new jump ${chain}`, { ctstate: ["NEW"] }, jump(chain))),
    }),
  );
  const plain = (name: string, chain: string): NfChain =>
    nfChain({ name, rules: [fixed(view, `jump ${chain}`, {}, jump(chain))] });
  return [
    ...checks,
    plain("nat-prerouting", "services"),
    plain("nat-output", "services"),
    plain("nat-postrouting", "masquerading"),
    ...(hasDirectDnat(view.cluster) ? [masquerading(view)] : masqueradingByChain(view)),
    nfChain({
      name: "reject-chain",
      rules: [fixed(view, "reject", {}, { kind: "REJECT", with: "icmp-port-unreachable" })],
    }),
  ];
}

function fixed({ origin }: NftView, text: string, match: Conditions, target: NfTarget): RuleSpec {
  return { match, target, text, origin };
}

/** Until 1.35. */
function masqueradingByChain(view: NftView): readonly NfChain[] {
  const { mark } = view.cluster.services.kubeProxy;
  const bit = markText(mark);
  return [
    nfChain({
      name: "mark-for-masquerade",
      rules: [fixed(view, `meta mark set meta mark or ${bit}`, {}, { kind: "MARK", value: mark, mask: mark })],
    }),
    nfChain({
      name: "masquerading",
      rules: [
        fixed(
          view,
          `meta mark and ${bit} == 0 return`,
          { mark: { is: { value: mark, mask: mark }, not: true } },
          { kind: "RETURN" },
        ),
        fixed(view, `meta mark set meta mark xor ${bit}`, {}, { kind: "MARK", value: mark, mask: 0 }),
        fixed(view, "masquerade fully-random", {}, { kind: "MASQUERADE", randomFully: true }),
      ],
    }),
  ];
}

/** Since 1.36, a set contains the connections of endpoints to themselves. */
function masquerading(view: NftView): NfChain {
  const { mark } = view.cluster.services.kubeProxy;
  const bit = markText(mark);
  const target: NfTarget = { kind: "MASQUERADE", randomFully: true };
  const marked: RuleSpec = {
    ...fixed(
      view,
      `meta mark and ${bit} != 0 meta mark set meta mark xor ${bit} masquerade fully-random`,
      { mark: { is: { value: mark, mask: mark } } },
      target,
    ),
    marks: { value: mark, mask: 0 },
  };
  const { ip } = view;
  const hairpin = fixed(
    view,
    `ct status dnat ${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random`,
    { ctstate: ["DNAT"], sets: [{ set: hairpinSet(view), side: "dst,dst,src" }] },
    target,
  );
  return nfChain({ name: "masquerading", rules: [marked, hairpin] });
}

function hairpinSet(view: NftView): IpSet {
  const { ports } = view;
  return {
    name: "hairpin-connections",
    type: "hash:ip,port,ip",
    family: ports.family,
    // Equal addresses are rare: the services are searched only then.
    contains: (dst, proto, dport, src) =>
      src === dst &&
      ports
        .all()
        .some(
          (port) =>
            port.port.proto === proto &&
            hairpinEndpoints(view, port).some((one) => one.ip === dst && one.port === dport),
        ),
    members: () => [],
  };
}

/* ------------------------------------------------------------- chains that look into maps */

/** `candidates` returns the elements for a packet; the rules themselves are one lookup each. */
function lookups(view: NftView): readonly NfChain[] {
  const { ip } = view;
  const byAddress = (name: string, map: string, of: (port: ProxyPort) => readonly Element[]): NfChain => ({
    name,
    rules: [nfRule(lookupRule(view, `${ip} ${BY_SERVICE} @${map}`))],
    candidates: (dst) =>
      view.ports.byAddress(dst).flatMap((port) => of(port).map((one) => nfRule(elementRule(one, map)))),
  });
  const marks = clusterIpMarks(view);
  return [
    byAddress("firewall-check", "firewall-ips", (port) => firewallElements(view, port)),
    byAddress("service-endpoints-check", "no-endpoint-services", (port) => noEndpointElements(view, port)),
    {
      name: "nodeport-endpoints-check",
      rules: [nfRule(lookupRule(view, `${nodePortWords(view, false)} vmap @no-endpoint-nodeports`))],
      candidates: (dst, dport) =>
        byNodePort(view, dst, dport).flatMap((port) =>
          noEndpointNodePorts(view, port).map((one) => nfRule(elementRule(one, "no-endpoint-nodeports"))),
        ),
    },
    {
      name: "services",
      rules: [
        ...marks,
        lookupRule(view, `${ip} ${BY_SERVICE} @service-ips`),
        lookupRule(view, `${nodePortWords(view, true)} vmap @service-nodeports`),
      ].map(nfRule),
      candidates: (dst, dport) => {
        const found = view.ports.byAddress(dst);
        return [
          ...(found.some(({ clusterIp }) => clusterIp === dst) ? marks : []),
          ...found.flatMap((port) => serviceElements(view, port).map((one) => elementRule(one, "service-ips"))),
          ...byNodePort(view, dst, dport).flatMap((port) =>
            nodePortElements(view, port).map((one) => elementRule(toLocal(view, one), "service-nodeports")),
          ),
        ].map(nfRule);
      },
    },
    clusterIpsCheck(view),
  ];
}

/** Since 1.36, packets to ClusterIPs are marked for masquerading before the lookup, unless they are from a pod of the node. */
function clusterIpMarks(view: NftView): readonly RuleSpec[] {
  const { ip, detector, cluster } = view;
  if (!hasDirectDnat(cluster)) return [];
  const { mark, masqueradeAll } = cluster.services.kubeProxy;
  const target: NfTarget = { kind: "MARK", value: mark, mask: mark };
  const set = `meta mark set meta mark or ${markText(mark)}`;
  if (masqueradeAll)
    return [fixed(view, `${ip} daddr @cluster-ips ${set} comment "masquerade all clusterIP traffic"`, {}, target)];
  if (!detector) return [];
  const { ifNotLocal } = detector;
  const comment = "masquerade clusterIP traffic from outside cluster";
  return [
    fixed(
      view,
      `${ip} daddr @cluster-ips ${matchText(ifNotLocal, ip)} ${set} comment "${comment}"`,
      ifNotLocal,
      target,
    ),
  ];
}

/** The match of packets to node ports; `dispatch`: in the chain `services`. */
function nodePortWords({ ip, nodePortIps: ips }: NftView, dispatch: boolean): string {
  if (ips !== "all") return `${ip} daddr @nodeport-ips meta l4proto . th dport`;
  const notLocalhost = ip === "ip" ? "ip daddr != 127.0.0.0/8" : "ip6 daddr != ::1";
  return `${dispatch ? "fib daddr type local " : ""}${notLocalhost} meta l4proto . th dport`;
}

function byNodePort({ ports, nodePortIps: ips }: NftView, dst: Ip, dport: number | undefined): readonly ProxyPort[] {
  if (dport === undefined || isLoopback(dst) || (ips !== "all" && !ips.includes(dst))) return [];
  return ports.byNodePort(dport);
}

/** Without a list of addresses, the rule matches any local address. */
function toLocal({ nodePortIps: ips }: NftView, element: Element): Element {
  return ips === "all"
    ? { ...element, match: { ...element.match, addrtype: { side: "dst", type: "LOCAL" } } }
    : element;
}

function lookupRule(view: NftView, text: string): RuleSpec {
  return fixed(view, text, {}, { kind: "NONE" });
}

function elementRule(element: Element, map: string): RuleSpec {
  const { match, target, origin } = element;
  return { match, target, text: `vmap @${map} { ${elementText(element)} }`, origin };
}

/** Other ports of a ClusterIP are rejected; packets to addresses of the range that no service has are dropped. */
function clusterIpsCheck(view: NftView): NfChain {
  const { cluster, ports, ip, origin } = view;
  const ranges = cluster.serviceCidrs
    .map(({ prefix }) => prefix)
    .filter((one) => typeof one.ip === (ports.family === 4 ? "number" : "bigint"));
  const reject = nfRule({
    match: {},
    target: { kind: "REJECT", with: "icmp-port-unreachable" },
    text: `${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`,
    origin,
  });
  const drop = nfRule({
    match: {},
    target: { kind: "DROP" },
    text: `${ip} daddr { ${ranges.map(formatPrefix).join(", ")} } drop comment "Drop traffic to unallocated ClusterIPs"`,
    origin,
  });
  return {
    name: "cluster-ips-check",
    rules: ranges.length === 0 ? [reject] : [reject, drop],
    candidates: (dst) => {
      if (ports.byAddress(dst).some(({ clusterIp }) => clusterIp === dst)) return [reject];
      return ranges.some((range) => prefixContains(range, dst)) ? [drop] : [];
    },
  };
}
