/** The network with real machines in place of derived ones; the other network namespaces and the wire are derived. */
import type { Ip } from "../../addressing/ip.ts";
import type { Device, L2Segment, LinkEnd, Netns, NetnsId, Network } from "../model.ts";
import { type MacOwners, macOwners, type Pairing } from "./macs.ts";
import { deviceNames } from "./names.ts";
import { realNetns } from "./netns.ts";
import { isDown, type RealMachine } from "./state.ts";

/** Of the machines whose network namespace exists. */
export function pairingsOf(
  network: Network,
  machines: ReadonlyMap<NetnsId, RealMachine>,
): ReadonlyMap<NetnsId, Pairing> {
  const pairings = new Map<NetnsId, Pairing>();
  for (const [id, machine] of machines) {
    const netns = network.netns(id);
    if (netns) pairings.set(id, { machine, netns, names: deviceNames(machine, netns) });
  }
  return pairings;
}

export function realNetwork(derived: Network, machines: ReadonlyMap<NetnsId, RealMachine>): Network {
  const pairings = pairingsOf(derived, machines);
  const owners = macOwners(pairings.values());
  const netns = namespaces(derived, pairings, owners);
  return {
    netns,
    resolve: (segment, ip, asker) => {
      const end = derived.resolve(segment, ip, asker);
      return end ? realEnd(end, ip, pairings, netns) : ownerOf({ segment, ip, asker }, pairings, netns);
    },
    segment: (name) => realSegment(derived.segment(name), pairings),
  };
}

function namespaces(derived: Network, pairings: ReadonlyMap<NetnsId, Pairing>, owners: MacOwners): Network["netns"] {
  const known = new Map<NetnsId, Netns | undefined>();
  return (id) => {
    if (known.has(id)) return known.get(id);
    const own = pairings.get(id);
    const base = own ? realNetns(own, owners) : derived.netns(id);
    const made = base && withRealLinks(base, pairings);
    known.set(id, made);
    return made;
  };
}

/** The devices at the other ends of links have other names on real machines. */
function withRealLinks(netns: Netns, pairings: ReadonlyMap<NetnsId, Pairing>): Netns {
  const renamed = [...netns.devices].map(([name, device]) => [name, withRealLink(device, pairings)] as const);
  return renamed.every(([name, device]) => netns.devices.get(name) === device)
    ? netns
    : { ...netns, devices: new Map(renamed) };
}

interface LinkPoint {
  readonly netns: NetnsId;
  readonly device: string;
}

function realPoint<T extends LinkPoint>(point: T, pairings: ReadonlyMap<NetnsId, Pairing>): T {
  const name = pairings.get(point.netns)?.names.real(point.device);
  return name === undefined || name === point.device ? point : { ...point, device: name };
}

function withRealLink(device: Device, pairings: ReadonlyMap<NetnsId, Pairing>): Device {
  switch (device.kind) {
    case "veth": {
      const peer = realPoint(device.peer, pairings);
      return peer === device.peer ? device : { ...device, peer };
    }
    case "macvlan": {
      const parent = realPoint(device.parent, pairings);
      return parent === device.parent ? device : { ...device, parent };
    }
    case "ipvlan": {
      const parent = realPoint(device.parent, pairings);
      return parent === device.parent ? device : { ...device, parent };
    }
    case "loopback":
    case "dummy":
    case "physical":
    case "bridge":
    case "vxlan":
    case "ipip":
    case "wireguard":
    case "tun":
      return device;
  }
}

/** A real machine that no longer has the address, or whose device is down, does not reply. */
function realEnd(
  end: LinkEnd,
  ip: Ip,
  pairings: ReadonlyMap<NetnsId, Pairing>,
  netns: Network["netns"],
): LinkEnd | undefined {
  const pairing = pairings.get(end.netns);
  if (!pairing) return end;
  const hadIt = hasAddress(pairing.netns, ip);
  const now = netns(end.netns);
  if (hadIt && now && !hasAddress(now, ip)) return undefined;
  const point = realPoint(end, pairings);
  const device = now?.devices.get(point.device);
  const shown = pairing.machine.devices.find(({ name }) => name === point.device);
  if (device && shown && isDown(shown, device)) return undefined;
  return now?.devices.has(point.device) || end.upper ? point : undefined;
}

function hasAddress({ devices }: Netns, ip: Ip): boolean {
  for (const { addresses } of devices.values()) if (addresses.some((one) => one.ip === ip)) return true;
  return false;
}

interface Question {
  readonly segment: string;
  readonly ip: Ip;
  readonly asker: NetnsId;
}

/** An address that only the real machine has: a virtual IP, or one that was changed. */
function ownerOf(
  { segment, ip, asker }: Question,
  pairings: ReadonlyMap<NetnsId, Pairing>,
  netns: Network["netns"],
): LinkEnd | undefined {
  for (const [id, { machine }] of pairings) {
    if (id === asker || !machine.devices.some(({ addresses }) => addresses.some((one) => one.ip === ip))) continue;
    for (const device of netns(id)?.devices.values() ?? [])
      if (device.kind === "physical" && device.segment === segment && device.addresses.some((one) => one.ip === ip))
        return { netns: id, device: device.name, mac: device.mac ?? "" };
  }
  return undefined;
}

function realSegment(segment: L2Segment | undefined, pairings: ReadonlyMap<NetnsId, Pairing>): L2Segment | undefined {
  return (
    segment && {
      ...segment,
      admits: (id, device, ip) => segment.admits(id, pairings.get(id)?.names.derived(device) ?? device, ip),
    }
  );
}
