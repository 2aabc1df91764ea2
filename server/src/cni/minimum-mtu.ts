/**
 * IPv6 requires links with an MTU of at least 1280 bytes (RFC 8200 §5). On a device with a smaller MTU, the kernel
 * disables IPv6: no addresses, no routes through it (addrconf_notify in net/ipv6/addrconf.c: NETDEV_CHANGEMTU,
 * IPV6_MIN_MTU).
 */
import type { Ip } from "../addressing/ip.ts";
import type { Device, NeighbourTable, RouteLayer } from "../dataplane/model.ts";
import { withoutRoutes } from "./layer.ts";

export const IPV6_MIN_MTU = 1280;

export function withoutShortIpv6(device: Device): Device {
  if (device.mtu >= IPV6_MIN_MTU || !device.addresses.some(({ ip }) => typeof ip === "bigint")) return device;
  return { ...device, addresses: device.addresses.filter(({ ip }) => typeof ip === "number") };
}

/** The table without IPv6 entries of devices with a smaller MTU: "IPv6 is disabled on this device" (ndisc_allow_add, net/ipv6/ndisc.c). */
export function neighboursOver(devices: readonly Device[], table: NeighbourTable): NeighbourTable {
  const short = shortDevices(devices);
  if (short.size === 0) return table;
  const isMissing = (device: string, ip: Ip): boolean => typeof ip === "bigint" && short.has(device);
  return {
    lookup: (device, ip) => (isMissing(device, ip) ? undefined : table.lookup(device, ip)),
    *entries() {
      for (const entry of table.entries()) if (!isMissing(entry.device, entry.ip)) yield entry;
    },
  };
}

/** The layers without the IPv6 routes through devices with a smaller MTU. */
export function layersOver(devices: readonly Device[], layers: readonly RouteLayer[]): readonly RouteLayer[] {
  const short = shortDevices(devices);
  if (short.size === 0) return layers;
  return withoutRoutes(
    layers,
    ({ dst, nexthops }) => typeof dst.ip === "bigint" && nexthops.some(({ dev }) => short.has(dev)),
  );
}

function shortDevices(devices: readonly Device[]): ReadonlySet<string> {
  return new Set(devices.filter(({ mtu }) => mtu < IPV6_MIN_MTU).map(({ name }) => name));
}
