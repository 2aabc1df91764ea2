/**
 * Segments that resolve addresses which are not local addresses of an attached machine: a cloud network has its own mapping.
 * The wire of a lab is a plain switch, so the machines receive permanent neighbor entries.
 */
import { formatIp, type Ip, isLinkLocal } from "../addressing/ip.ts";
import { localAddressesOf } from "../dataplane/fib.ts";
import type { Netns, NetnsId, Network } from "../dataplane/model.ts";
import { translated } from "./probes.ts";

/** Lines for `ip -batch` by network namespace; `targets`: addresses of probes, which no machine needs to have. */
export function fabricLines(
  network: Network,
  spaces: readonly Netns[],
  targets: readonly Ip[],
): ReadonlyMap<NetnsId, readonly string[]> {
  const addresses = new Set<Ip>(targets);
  for (const space of spaces) {
    for (const device of space.devices.values())
      for (const { ip } of device.addresses) if (device.kind !== "loopback" && !isLinkLocal(ip)) addresses.add(ip);
  }
  // Service addresses for which a load balancer replies to ARP.
  for (const ip of translated(spaces).keys()) addresses.add(ip);
  const owns = new Map(spaces.map((space) => [space.id, localAddressesOf(space)]));
  const byId = new Map(spaces.map((space) => [space.id, space]));
  const lines = new Map<NetnsId, readonly string[]>();
  for (const space of spaces) {
    const own: string[] = [];
    for (const device of space.devices.values()) {
      if (device.kind !== "physical") continue;
      for (const ip of addresses) {
        const end = network.resolve(device.segment, ip, space.id);
        const owner = end?.upper ? undefined : end && owns.get(end.netns);
        if (end && owner && (owner.route(ip)?.type !== "local" || isSplit(byId.get(end.netns), device.segment)))
          own.push(`neigh replace ${formatIp(ip)} lladdr ${end.mac} dev ${device.name} nud permanent`);
      }
    }
    if (own.length > 0) lines.set(space.id, own);
  }
  return lines;
}

/** Whether a router receives the packets of some senders on a device without an address: every device would reply to ARP. */
function isSplit(space: Netns | undefined, segment: string): boolean {
  return [...(space?.devices.values() ?? [])].some(
    (device) => device.kind === "physical" && device.segment === segment && device.addresses.length === 0,
  );
}
