/**
 * NodeLocal DNSCache: node-cache on each node creates a device with its addresses and exempts their packets from connection
 * tracking (kubernetes/dns, cmd/node-cache/app/cache_app.go and pkg/netif).
 */
import { type Family, family, hostPrefix, type Ip } from "../addressing/ip.ts";
import type { Contributor } from "../cni/contributor.ts";
import type { ChainRules } from "../cni/mode.ts";
import type { Device } from "../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import { nameServer } from "../topology/dns.ts";
import type { Cluster } from "../topology/model.ts";

/** The defaults of its flags `interfacename`, `localport`, and `health-port`. */
const DEVICE = "nodelocaldns";
const DNS_PORT = 53;
const HEALTH_PORT = 8080;

export const nodeLocalDns: Contributor = {
  devices: (_, cluster) => {
    const ips = listenAddresses(cluster);
    return ips.length === 0 ? [] : [deviceWith(ips, cluster.dns.nodeLocal?.source)];
  },
  before: (_, cluster) => {
    const source = cluster.dns.nodeLocal?.source;
    return listenAddresses(cluster).flatMap((ip) => rulesFor(ip, source));
  },
  sockets: (_, cluster) =>
    listenAddresses(cluster).flatMap((address) =>
      (["udp", "tcp"] as const).map((proto) => ({
        proto,
        port: DNS_PORT,
        address,
        process: "node-cache",
        origin: cluster.dns.nodeLocal?.source,
      })),
    ),
};

/**
 * The stated addresses, and the ClusterIP of kube-dns: node-cache receives its packets before kube-proxy's DNAT. In ipvs mode,
 * kube-ipvs0 has the ClusterIP, so node-cache cannot use it (kubernetes.io, NodeLocal DNSCache).
 */
export function listenAddresses(cluster: Cluster): readonly Ip[] {
  const { nodeLocal } = cluster.dns;
  if (nodeLocal === undefined) return [];
  const server = cluster.services.kubeProxy.mode === "ipvs" ? undefined : nameServer(cluster);
  return [...new Set([...nodeLocal.ips, ...(server?.clusterIps ?? [])])];
}

function deviceWith(ips: readonly Ip[], origin: Origin | undefined): Device {
  return { kind: "dummy", name: DEVICE, mtu: 1500, mac: undefined, addresses: ips.map(hostPrefix), origin };
}

/** node-cache inserts each rule at the start of its chain, so the last one is first. */
function rulesFor(ip: Ip, origin: Origin | undefined): readonly ChainRules[] {
  const of: Family = family(ip);
  const at = hostPrefix(ip);
  const port = (number: number) => ({ first: number, last: number });
  const rule = (match: Conditions, kind: "NOTRACK" | "ACCEPT"): RuleSpec => ({ match, target: { kind }, origin });
  const both = (match: Conditions, kind: "NOTRACK" | "ACCEPT"): readonly RuleSpec[] =>
    (["udp", "tcp"] as const).map((proto) => rule({ ...match, proto }, kind));
  const queries: Conditions = { dst: { is: at }, dport: port(DNS_PORT) };
  const responses: Conditions = { src: { is: at }, sport: port(DNS_PORT) };
  return [
    { family: of, table: "raw", chain: "PREROUTING", rules: both(queries, "NOTRACK") },
    {
      family: of,
      table: "raw",
      chain: "OUTPUT",
      rules: [
        rule({ src: { is: at }, sport: port(HEALTH_PORT), proto: "tcp" }, "NOTRACK"),
        rule({ dst: { is: at }, dport: port(HEALTH_PORT), proto: "tcp" }, "NOTRACK"),
        ...both(queries, "NOTRACK"),
        ...both(responses, "NOTRACK"),
      ],
    },
    { family: of, table: "filter", chain: "INPUT", rules: both(queries, "ACCEPT") },
    { family: of, table: "filter", chain: "OUTPUT", rules: both(responses, "ACCEPT") },
  ];
}
