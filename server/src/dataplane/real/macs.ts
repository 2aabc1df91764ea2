/**
 * MAC addresses of real machines in terms of the topology. The topology's MAC addresses are computed, so a real entry is
 * compared by the machine that has its address.
 */
import { type Ip, ipKey } from "../../addressing/ip.ts";
import type { Device, Mac, Netns } from "../model.ts";
import type { DeviceNames } from "./names.ts";
import type { RealMachine } from "./state.ts";

/** A real machine and its derived network namespace. */
export interface Pairing {
  readonly machine: RealMachine;
  readonly netns: Netns;
  readonly names: DeviceNames;
}

export interface MacOwners {
  /** The derived MAC address of the device that has this real one. */
  derived(mac: Mac): Mac | undefined;
  /** Whether the device with this derived MAC address is on a machine whose real MAC addresses are known. */
  isKnown(derived: Mac): boolean;
}

export function macOwners(pairings: Iterable<Pairing>): MacOwners {
  const byReal = new Map<Mac, Mac>();
  const known = new Set<Mac>();
  for (const { machine, netns, names } of pairings)
    for (const { name, mac } of machine.devices) {
      const device = netns.devices.get(names.derived(name) ?? "");
      if (mac === undefined || device?.mac === undefined || !hasOwnMac(device)) continue;
      byReal.set(mac.toLowerCase(), device.mac);
      known.add(device.mac);
    }
  return { derived: (mac) => byReal.get(mac), isKnown: (mac) => known.has(mac) };
}

function hasOwnMac({ kind }: Device): boolean {
  return kind === "vxlan" || kind === "physical" || kind === "bridge";
}

/**
 * The MAC address of a real neighbor entry in terms of the topology. `expected`: of the derived entry for the same
 * address. It is right if it is the address of the same device, or if nothing is known about that device.
 */
export function translatedMac(mac: Mac, expected: Mac | undefined, owners: MacOwners): Mac {
  const own = owners.derived(mac);
  if (own !== undefined) return own;
  return expected === undefined || owners.isKnown(expected) ? mac : expected;
}

/** The derived FDB entries of a VXLAN device, by remote address. */
export function fdbByRemote(device: Device | undefined): ReadonlyMap<string, Mac> {
  const byRemote = new Map<string, Mac>();
  if (device?.kind === "vxlan") for (const { mac, dst } of device.fdb.entries()) byRemote.set(remoteKey(dst), mac);
  return byRemote;
}

export function remoteKey(ip: Ip): string {
  return String(ipKey(ip));
}
