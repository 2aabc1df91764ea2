/** Who is the next hop on a link: ARP, neighbour discovery, permanent entries, bridges. */

import type { Ip } from "../../addressing/ip.ts";
import { formatIp } from "../../addressing/ip.ts";
import { localAddressesOf, lookup } from "../fib.ts";
import type { Reason, StepRule } from "../journey.ts";
import type { BridgeNeighbour, Device, LinkEnd, Netns } from "../model.ts";
import { type Between, discover } from "./discovery.ts";
import { isOwn, type Run } from "./run.ts";
import { overlayAnswer } from "./session.ts";

export type Neighbour =
  | {
      readonly kind: "none";
      readonly message: string;
      readonly code?: "stacked-apart" | undefined;
      /** The question or its answer was lost on the way through a tunnel. */
      readonly failure?: Reason | undefined;
    }
  /** The device needs none: tun, ipip, wireguard. */
  | { readonly kind: "unneeded" }
  | { readonly kind: "station"; readonly end: LinkEnd }
  /** Another device stacked on the same one. */
  | { readonly kind: "sibling"; readonly netns: string; readonly device: string }
  /** The other end of a veth pair, where it is no bridge port. */
  | { readonly kind: "peer" }
  /** Behind a bridge: its own host, or a port. */
  | { readonly kind: "bridge-host" }
  | { readonly kind: "bridge-port"; readonly port: string; readonly mac?: string | undefined }
  | { readonly kind: "permanent"; readonly mac: string; readonly rule: StepRule };

/** neigh_resolve_output: who has `ip` at the other side of the device. */
export function resolve(run: Run, netns: Netns, device: Device, ip: Ip): Neighbour {
  const found = resolveUnfiltered(run, netns, device, ip);
  const owner = typeof ip === "bigint" ? ownerOf(run, device, netns, found) : undefined;
  const between = found.kind === "bridge-port" && device.kind === "veth" ? bridgeBetween(run, device) : undefined;
  const failure =
    owner && typeof ip === "bigint" ? discover(run, { asker: netns, device, owner, between }, ip) : undefined;
  if (!failure) return found;
  return {
    kind: "none",
    message: `nobody answers neighbour discovery for ${formatIp(ip)}: ${failure.message}`,
    failure,
  };
}

/** The host whose bridge carries the question of one port's other end to another's. */
function bridgeBetween(run: Run, { peer }: Device & { kind: "veth" }): Between | undefined {
  const netns = run.network.netns(peer.netns);
  const bridge = netns?.devices.get(peer.device)?.master;
  return netns && bridge !== undefined ? { netns, bridge } : undefined;
}

/** The namespace that has to answer; undefined where nobody is asked. */
function ownerOf(run: Run, device: Device, netns: Netns, found: Neighbour): Netns | undefined {
  switch (found.kind) {
    case "station":
      return run.network.netns(found.end.upper?.netns ?? found.end.netns);
    case "sibling":
      return run.network.netns(found.netns);
    case "peer":
    case "bridge-host":
      return device.kind === "veth" ? run.network.netns(device.peer.netns) : undefined;
    case "bridge-port": {
      const bridged = device.kind === "veth" ? run.network.netns(device.peer.netns) : netns;
      const port = bridged?.devices.get(found.port);
      return port?.kind === "veth" ? run.network.netns(port.peer.netns) : undefined;
    }
    case "none":
    case "unneeded":
    case "permanent":
      return undefined;
  }
}

function resolveUnfiltered(run: Run, netns: Netns, device: Device, ip: Ip): Neighbour {
  const ask = typeof ip === "number" ? "ARP" : "neighbour discovery";
  const silence = (where: string): Neighbour => ({
    kind: "none",
    message: `nobody answers ${ask} for ${formatIp(ip)} on ${where}`,
  });
  const kind = device.kind;
  if (kind === "ipip" || kind === "tun" || kind === "wireguard" || kind === "loopback" || kind === "dummy")
    return { kind: "unneeded" };
  const permanent = netns.neighbours.lookup(device.name, ip);
  switch (device.kind) {
    case "macvlan":
    case "ipvlan":
      return resolveStacked(run, netns, device, ip, silence);
    case "vxlan":
      if (!permanent)
        return silence(`${device.name}: no neighbour entry, and the tunnel has no default destination to ask`);
      return {
        kind: "permanent",
        mac: permanent.mac,
        rule: {
          table: "neigh",
          text: `${formatIp(ip)} dev ${device.name} lladdr ${permanent.mac} PERMANENT`,
          origin: permanent.origin,
        },
      };
    case "physical": {
      const child = device.children?.child(ip);
      if (child) return apart(`${child.netns} is stacked on ${device.name} of ${netns.id}: neither hears the other`);
      const end = run.network.resolve(device.segment, ip, netns.id);
      return end ? { kind: "station", end } : silence(`segment ${device.segment}`);
    }
    case "bridge": {
      const neighbour = device.portFor(ip);
      return neighbour ? behindPort(run, netns, neighbour, ip) : silence(`bridge ${device.name} of ${netns.id}`);
    }
    case "veth":
      if (permanent && isMacOfPeer(run, device, permanent.mac)) return { kind: "peer" };
      return resolveAcross(run, netns, device, ip, silence);
  }
}

function apart(message: string): Neighbour {
  return { kind: "none", message, code: "stacked-apart" };
}

/** What a stacked device hears: the wire, and in some modes its siblings, but never the device below. */
function resolveStacked(
  run: Run,
  netns: Netns,
  device: Device & { kind: "macvlan" | "ipvlan" },
  ip: Ip,
  silence: (where: string) => Neighbour,
): Neighbour {
  // ipvlan's layer-3 modes have no neighbours (IFF_NOARP).
  if (device.kind === "ipvlan" && device.mode !== "l2") return { kind: "unneeded" };
  const below = run.network.netns(device.parent.netns);
  const parent = below?.devices.get(device.parent.device);
  if (!below || parent?.kind !== "physical") return silence(device.name);
  if (isOwn(below, ip))
    return apart(`${device.name} of ${netns.id} is stacked on ${parent.name} of ${below.id}: neither hears the other`);
  const sibling = parent.children?.child(ip);
  if (!sibling) {
    const end = run.network.resolve(parent.segment, ip, below.id);
    return end ? { kind: "station", end } : silence(`segment ${parent.segment}`);
  }
  // macvlan_broadcast: private hears no sibling, vepa only by way of a switch that sends frames back.
  if (device.kind === "macvlan" && device.mode !== "bridge")
    return apart(`macvlan mode ${device.mode} keeps ${netns.id} and ${sibling.netns} apart`);
  return { kind: "sibling", netns: sibling.netns, device: sibling.device };
}

/** A permanent entry with the hardware address of the pair's other end, where that is no bridge port: nobody has to be asked. */
function isMacOfPeer(run: Run, { peer }: Device & { kind: "veth" }, mac: string): boolean {
  const end = run.network.netns(peer.netns)?.devices.get(peer.device);
  return end !== undefined && end.master === undefined && end.mac === mac;
}

function resolveAcross(
  run: Run,
  netns: Netns,
  device: Device & { kind: "veth" },
  ip: Ip,
  silence: (where: string) => Neighbour,
): Neighbour {
  const peer = run.network.netns(device.peer.netns);
  const end = peer?.devices.get(device.peer.device);
  if (!peer || !end) return silence(device.name);
  if (end.master === undefined) {
    if (isOwn(peer, ip)) return { kind: "peer" };
    const forwards = typeof ip === "number" ? peer.sysctls.ipForward : peer.sysctls.ip6Forward;
    if (forwards && peer.sysctls.proxyArp(end.name)) {
      // arp_process: only a host that forwards is a proxy, and only for what is routed out of another device.
      const found = lookup(peer, localAddressesOf(peer), { dst: ip, iif: end.name });
      if (found && found.nexthops.length > 0 && found.nexthops.every((hop) => hop.dev !== end.name))
        return { kind: "peer" };
    }
    return silence(`the link of ${netns.id} to ${peer.id}`);
  }
  const bridge = peer.devices.get(end.master);
  if (isOwn(peer, ip)) return { kind: "bridge-host" };
  const neighbour = bridge?.kind === "bridge" ? bridge.portFor(ip) : undefined;
  if (!neighbour || (neighbour.port === end.name && !end.hairpin)) return silence(`bridge ${end.master} of ${peer.id}`);
  return behindPort(run, peer, neighbour, ip);
}

/** A station behind a tunnel answers only if the flooded question gets there and the answer back. */
function behindPort(run: Run, netns: Netns, { port, mac }: BridgeNeighbour, ip: Ip): Neighbour {
  const device = netns.devices.get(port);
  const vtep = device?.kind === "vxlan" ? device.fdb.lookup(mac)?.dst : undefined;
  const failure = device?.kind === "vxlan" && vtep !== undefined ? overlayAnswer(run, netns, device, vtep) : undefined;
  if (!failure) return { kind: "bridge-port", port, mac };
  return {
    kind: "none",
    message: `nobody answers ARP for ${formatIp(ip)}: it is behind ${port} and ${formatIp(vtep ?? 0)}, and ${failure.message}`,
    failure,
  };
}
