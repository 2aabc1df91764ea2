/**
 * Gateways that the kernel rejects although they are on-link. IPv4 (fib_check_nh_v4_gw in net/ipv4/fib_semantics.c): a
 * broadcast address, and with `onlink` also an address of the machine. IPv6 (ip6_validate_gw in net/ipv6/route.c): an
 * address of the machine.
 */
import { broadcast, type InterfaceAddress, type Ip, prefixOf } from "../addressing/ip.ts";
import type { Device, Nexthop, RouteLayer } from "../dataplane/model.ts";
import { withoutRoutes } from "./layer.ts";

export interface GatewayRule {
  /** Why the kernel rejects a route with this next hop, or undefined. */
  refusal(hop: Nexthop): "own" | "broadcast" | undefined;
}

/** `devices`: all devices of the machine, including `lo`. */
export function gatewayRule(devices: readonly Device[]): GatewayRule {
  const own = new Set<Ip>();
  const broadcasts = new Set<Ip>();
  for (const { kind, addresses } of devices) {
    for (const address of addresses) {
      own.add(address.ip);
      if (kind !== "loopback") addBroadcast(broadcasts, address);
    }
  }
  return {
    refusal: ({ via, onlink }) => {
      if (via === undefined) return undefined;
      if (broadcasts.has(via)) return "broadcast";
      return (onlink === true || typeof via === "bigint") && own.has(via) ? "own" : undefined;
    },
  };
}

function addBroadcast(to: Set<Ip>, { ip, len }: InterfaceAddress): void {
  const last = broadcast(prefixOf(ip, len));
  if (last !== undefined) to.add(last);
}

/** The layers without the routes that the kernel rejects on a machine with these devices. */
export function withoutInvalidGateways(
  devices: readonly Device[],
  layers: readonly RouteLayer[],
): readonly RouteLayer[] {
  const { refusal } = gatewayRule(devices);
  return withoutRoutes(layers, ({ nexthops }) => nexthops.some((hop) => refusal(hop) !== undefined));
}
