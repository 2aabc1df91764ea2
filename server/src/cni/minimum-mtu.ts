/**
 * IPv6 needs links of 1280 bytes (RFC 8200 §5). On a device with less the kernel turns it off: no addresses, no routes by it
 * (addrconf_notify in net/ipv6/addrconf.c: NETDEV_CHANGEMTU, IPV6_MIN_MTU).
 */
import type { Device, RouteLayer } from "../dataplane/model.ts";

export const IPV6_MIN_MTU = 1280;

export function withoutShortIpv6(device: Device): Device {
  if (device.mtu >= IPV6_MIN_MTU || !device.addresses.some(({ ip }) => typeof ip === "bigint")) return device;
  return { ...device, addresses: device.addresses.filter(({ ip }) => typeof ip === "number") };
}

/** The layers without the IPv6 routes that such devices cannot have. */
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
