/**
 * Which device of a real machine is which derived device. The names of interfaces and of veth pairs are not part of a
 * topology: they are recognized by what the device does.
 */
import { ipKey, isLinkLocal } from "../../addressing/ip.ts";
import type { Device, Netns } from "../model.ts";
import { routesOf } from "../print.ts";
import type { RealDevice, RealMachine } from "./state.ts";

export interface DeviceNames {
  /** The name of the derived device; undefined if the topology has no such device. */
  derived(real: string): string | undefined;
  /** The name of the real device; undefined if the machine does not have it, or it is not recognized. */
  real(derived: string): string | undefined;
  /** Whether a device has another name than in the topology. */
  readonly differ: boolean;
}

export function deviceNames(machine: RealMachine, netns: Netns): DeviceNames {
  const toDerived = new Map<string, string>();
  const toReal = new Map<string, string>();
  const add = (real: string, derived: string): void => {
    if (toDerived.has(real) || toReal.has(derived)) return;
    toDerived.set(real, derived);
    toReal.set(derived, real);
  };
  for (const { name, kind } of machine.devices) {
    const derived = netns.devices.get(name);
    if (derived && isSameKind(kind, derived)) add(name, name);
  }
  const open = (device: Device): boolean => !toReal.has(device.name);
  for (const device of netns.devices.values())
    if (device.kind === "physical" && open(device))
      for (const real of machine.devices)
        if (!toDerived.has(real.name) && isInterface(real, device)) add(real.name, device.name);
  const veths = [...netns.devices.values()].filter((device) => device.kind === "veth" && open(device));
  if (veths.length > 0) {
    const names = new Set(veths.map(({ name }) => name));
    for (const [real, derived] of [...routePairs(machine, netns, names), ...portPairs(machine, netns)])
      if (names.has(derived)) add(real, derived);
  }
  const differ = [...toDerived].some(([real, derived]) => real !== derived);
  return { derived: (name) => toDerived.get(name), real: (name) => toReal.get(name), differ };
}

/** A device with the same name can be another one: a physical interface named like a veth pair. */
function isSameKind(kind: string | undefined, { kind: derived }: Device): boolean {
  if (kind === undefined) return true;
  switch (derived) {
    case "loopback":
    case "bridge":
    case "vxlan":
    case "ipip":
    case "wireguard":
    case "tun":
      return kind === derived;
    case "physical":
      return !["bridge", "vxlan", "ipip", "wireguard", "tun", "loopback"].includes(kind);
    // A test can use another kind of device with the same addresses.
    case "dummy":
    case "veth":
    case "macvlan":
    case "ipvlan":
      return true;
  }
}

function isInterface(real: RealDevice, { mac, addresses }: Device): boolean {
  const own = new Set(addresses.filter(({ ip }) => !isLinkLocal(ip)).map(({ ip }) => ipKey(ip)));
  return (real.mac !== undefined && real.mac === mac) || real.addresses.some(({ ip }) => own.has(ipKey(ip)));
}

type Pair = readonly [real: string, derived: string];

/** Calico, and every other mode with a route per pod: the destination identifies the pod. */
function routePairs({ routes }: RealMachine, netns: Netns, veths: ReadonlySet<string>): readonly Pair[] {
  const byDst = new Map<string, string>();
  for (const family of [4, 6] as const)
    for (const { dst, nexthops } of routesOf(netns, family)) {
      const [hop] = nexthops;
      if (hop && veths.has(hop.dev)) byDst.set(`${ipKey(dst.ip)}/${dst.len}`, hop.dev);
    }
  return routes.flatMap(({ route: { dst, nexthops } }) => {
    const derived = byDst.get(`${ipKey(dst.ip)}/${dst.len}`);
    const [hop] = nexthops;
    return derived === undefined || !hop ? [] : [[hop.dev, derived] as const];
  });
}

/** Ports of a bridge: the neighbor entry of a pod has its MAC address, and the FDB the port of this address. */
function portPairs({ neighbours, fdb }: RealMachine, netns: Netns): readonly Pair[] {
  const ports = new Map(fdb.filter(({ dst }) => dst === undefined).map(({ mac, device }) => [mac, device]));
  return neighbours.flatMap(({ ip, mac, device }) => {
    const bridge = netns.devices.get(device);
    const port = ports.get(mac);
    const derived = bridge?.kind === "bridge" ? bridge.portFor(ip)?.port : undefined;
    return port === undefined || derived === undefined ? [] : [[port, derived] as const];
  });
}
