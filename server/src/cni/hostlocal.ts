/**
 * containernetworking/plugins plugins/ipam/host-local: the addresses of a range that pods get, and their order
 * (ascending).
 */

import { addIp, type Ip, type IpRange, lastAddress, nthAddress, type Prefix } from "../addressing/ip.ts";
import type { NodeRange } from "../topology/addressing.ts";
import type { PodCidr } from "../topology/model.ts";

export type GatewayPlace = "first" | "last";

/**
 * The first address after the network address, or the last one that is allocated; undefined in a range smaller than /30
 * or /126.
 */
export function gatewayIn(cidr: Prefix, place: GatewayPlace): Ip | undefined {
  if (tooSmall(cidr)) return undefined;
  return place === "first" ? nthAddress(cidr, 1) : lastUsable(cidr);
}

export function usableIn(cidr: Prefix, place: GatewayPlace): IpRange | undefined {
  const last = lastUsable(cidr);
  if (tooSmall(cidr) || last === undefined) return undefined;
  const from = nthAddress(cidr, place === "first" ? 2 : 1);
  const to = place === "first" ? last : addIp(last, -1);
  return from === undefined || to === undefined || from > to ? undefined : { first: from, last: to };
}

/** "Network too small to allocate from" (range.go, Canonicalize). */
function tooSmall({ ip, len }: Prefix): boolean {
  return len > (typeof ip === "number" ? 30 : 126);
}

/** The last address before the broadcast address in IPv4; IPv6 has no broadcast address. */
function lastUsable(cidr: Prefix): Ip | undefined {
  const last = lastAddress(cidr);
  return typeof last === "number" ? addIp(last, -1) : last;
}

/** kube-controller-manager's node IPAM: blocks from the first to the last of each pod CIDR. */
export function kubeRanges(podCidrs: readonly PodCidr[]): readonly NodeRange[] {
  return podCidrs.map(({ prefix, perNode }) => ({
    within: prefix,
    perNode,
    first: prefix.ip,
    last: blockOf(lastAddress(prefix), perNode),
    sameForAll: false,
  }));
}

/** The first address of the block of this prefix length that contains the address. */
export function blockOf(ip: Ip, len: number): Ip {
  if (typeof ip === "number") return ip - (ip % 2 ** (32 - len));
  const host = BigInt(128 - len);
  return (ip >> host) << host;
}
