/** The addresses of a node on which kube-proxy accepts node port traffic (pkg/proxy/util/nodeport_addresses.go). */
import { family, hostPrefix, type Ip, isLoopback, prefixContains, prefixOf } from "../../addressing/ip.ts";
import type { Device } from "../../dataplane/model.ts";
import type { KubeProxy, Node } from "../../topology/model.ts";

/** "all": every local address, including those that are added later (MatchAll). */
export type NodePortIps = "all" | readonly Ip[];

const LOCALHOST = prefixOf(0x7f000000, 8);
const LOOPBACK_ADDRESSES: readonly Ip[] = [0x7f000001, 1n];

/**
 * NewNodePortAddresses and GetNodeIPs: without a prefix of the family, or with a default prefix, all addresses; otherwise
 * the addresses of all interfaces inside the prefixes. `devices` are the node's devices in addition to its interfaces.
 */
export function nodePortIps(
  node: Node,
  of: 4 | 6,
  { nodePortAddresses }: KubeProxy,
  devices: readonly Device[],
): NodePortIps {
  if (nodePortAddresses === undefined) return "all";
  const primary = primaryIp(node, of);
  const chosen =
    nodePortAddresses !== "primary"
      ? nodePortAddresses.filter(({ ip }) => family(ip) === of)
      : primary === undefined
        ? []
        : [hostPrefix(primary)];
  if (chosen.length === 0 || chosen.some(({ len }) => len === 0)) return "all";
  return localIps(node, of, devices).filter((ip) => chosen.some((prefix) => prefixContains(prefix, ip)));
}

/** The node's InternalIP of the family: the first address of its interfaces. */
export function primaryIp(node: Node, of: 4 | 6): Ip | undefined {
  for (const { addresses } of node.interfaces) for (const { ip } of addresses) if (family(ip) === of) return ip;
  return undefined;
}

/** The addresses of all interfaces (net.InterfaceAddrs). */
export function localIps(node: Node, of: 4 | 6, devices: readonly Device[]): readonly Ip[] {
  const all = [
    ...node.interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)),
    ...devices.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)),
    ...LOOPBACK_ADDRESSES,
    ...(node.edge?.loopbacks.map(({ ip }) => ip) ?? []),
  ];
  return [...new Set(all)].filter((ip) => family(ip) === of);
}

export function withoutLoopback(ips: readonly Ip[]): readonly Ip[] {
  return ips.filter((ip) => !isLoopback(ip));
}

/**
 * Whether node ports are open on 127.0.0.1: iptables mode and IPv4 only, and only if `nodePortAddresses` contains a loopback
 * address (pkg/proxy/iptables/proxier.go, NewProxier). kube-proxy then sets route_localnet.
 */
export function opensLocalhost({ mode, localhostNodePorts, nodePortAddresses }: KubeProxy): boolean {
  if (mode !== "iptables" || !localhostNodePorts || nodePortAddresses === "primary") return false;
  const chosen = nodePortAddresses?.filter(({ ip }) => family(ip) === 4) ?? [];
  return chosen.length === 0 || chosen.some((one) => isLoopback(one.ip) || prefixContains(one, LOCALHOST.ip));
}
