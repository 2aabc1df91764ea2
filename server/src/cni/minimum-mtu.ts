/**
 * IPv6 requires links with an MTU of at least 1280 bytes (RFC 8200 §5). On a device with a smaller MTU, the kernel
 * disables IPv6: no addresses, no routes through it (addrconf_notify in net/ipv6/addrconf.c: NETDEV_CHANGEMTU,
 * IPV6_MIN_MTU).
 */
import type { Device, RouteLayer } from "../dataplane/model.ts";

export const IPV6_MIN_MTU = 1280;

export function withoutShortIpv6(device: Device): Device {
  if (device.mtu >= IPV6_MIN_MTU || !device.addresses.some(({ ip }) => typeof ip === "bigint")) return device;
  return { ...device, addresses: device.addresses.filter(({ ip }) => typeof ip === "number") };
}

/** The layers without the IPv6 routes through devices with a smaller MTU. */
export function layersOver(devices: readonly Device[], layers: readonly RouteLayer[]): readonly RouteLayer[] {
  const short = new Set(devices.filter(({ mtu }) => mtu < IPV6_MIN_MTU).map(({ name }) => name));
  if (short.size === 0) return layers;
  return layers.map(({ table, except }) => ({
    table,
    except: (route) =>
      except?.(route) === true ||
      (typeof route.dst.ip === "bigint" && route.nexthops.some(({ dev }) => short.has(dev))),
  }));
}
