/** Resolution of the next hop on a link: ARP, neighbor discovery, permanent entries, bridges. */

import { formatIp, type Ip } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { isAnycastOn, localAddressesOf, lookup } from "../fib.ts";
import type { StepRule } from "../journey.ts";
import type { BridgeNeighbour, Device, LinkEnd, Neighbour as NeighbourEntry, Netns } from "../model.ts";
import type { Packet } from "../packet.ts";
import { type Between, discover } from "./discovery.ts";
import type { Neighbour } from "./neighbour.ts";
import { type End, fail, type Host, isOwn, machine, machineAt, type Run } from "./run.ts";
import { overlayAnswer, withoutSession } from "./session.ts";

/** neigh_resolve_output: the neighbor on the device that has `ip`. */
export function resolve(host: Host, device: Device, ip: Ip): Neighbour {
  const { run, netns } = host;
  const found = resolveUnfiltered(host, device, ip);
  const isStated = device.kind === "physical" && netns.neighbours.lookup(device.name, ip) !== undefined;
  const owner = typeof ip === "bigint" && !isStated ? ownerOf(run, device, netns, found) : undefined;
  const between = found.kind === "bridge-port" && device.kind === "veth" ? bridgeBetween(run, device) : undefined;
  const failure =
    owner && typeof ip === "bigint" ? discover(run, { asker: netns, device, owner, between }, ip) : undefined;
  if (!failure) return found;
  return {
    kind: "none",
    message: t`neighbor discovery for ${formatIp(ip)} fails: ${failure.message}`,
    failure,
  };
}

/** The machine whose bridge forwards the request between two of its ports. */
function bridgeBetween(run: Run, { peer }: Device & { kind: "veth" }): Between | undefined {
  const netns = run.network.netns(peer.netns);
  const bridge = netns?.devices.get(peer.device)?.master;
  return netns && bridge !== undefined ? { netns, bridge } : undefined;
}

/** The network namespace that must reply; undefined if no request is sent. */
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
    case "tunnel":
      return undefined;
  }
}

function resolveUnfiltered(host: Host, device: Device, ip: Ip): Neighbour {
  const { run, netns } = host;
  const silence = (where: string): Neighbour => ({
    kind: "none",
    message:
      typeof ip === "number"
        ? t`no ARP reply for ${formatIp(ip)} on ${where}`
        : t`no reply to neighbor discovery for ${formatIp(ip)} on ${where}`,
  });
  const kind = device.kind;
  if (kind === "ipip" || kind === "tun" || kind === "wireguard" || kind === "loopback" || kind === "dummy")
    return { kind: "unneeded" };
  const permanent = netns.neighbours.lookup(device.name, ip);
  switch (device.kind) {
    case "macvlan":
    case "ipvlan":
      return resolveStacked(host, device, ip, silence);
    case "vxlan":
      if (!permanent)
        return {
          kind: "none",
          message: t`${machine(netns)} has no neighbor entry for ${formatIp(ip)} on ${device.name}, and the tunnel has no default remote`,
        };
      return permanently(permanent);
    case "physical": {
      const { children } = device;
      const child = children?.child(ip);
      if (children && child)
        return apart(apartText(children.kind, machineAt(run, child.netns), device.name, machine(netns)));
      const end = run.network.resolve(device.segment, ip, netns.id);
      if (permanent) return stated(run, device, permanent, end);
      if (end?.hasRivals) run.race = "first-reply";
      return end ? { kind: "station", end } : silence(t`segment ${device.segment}`);
    }
    case "bridge": {
      const neighbour = device.portFor(ip);
      return neighbour ? behindPort(host, neighbour, ip) : silence(t`bridge ${device.name} of ${machine(netns)}`);
    }
    case "veth":
      if (permanent && isMacOfPeer(run, device, permanent.mac)) return { kind: "peer" };
      return resolveAcross(host, device, ip, silence);
  }
}

/** No request is sent, regardless of the machine that would reply. */
function stated(
  run: Run,
  device: Device & { kind: "physical" },
  entry: NeighbourEntry,
  replying: LinkEnd | undefined,
): Neighbour {
  const end = replying?.mac === entry.mac ? replying : run.network.withMac?.(device.segment, entry.mac);
  return end ? { kind: "station", end } : permanently(entry);
}

function permanently({ ip, device, mac, origin }: NeighbourEntry): Neighbour {
  return {
    kind: "permanent",
    mac,
    rule: { table: "neigh", text: `${formatIp(ip)} dev ${device} lladdr ${mac} PERMANENT`, origin },
  };
}

function apart(message: string): Neighbour {
  return { kind: "none", message, code: "stacked-apart" };
}

function apartText(kind: "macvlan" | "ipvlan", pod: string, parent: string, node: string): string {
  return kind === "ipvlan"
    ? t`${pod} has an ipvlan interface on ${parent} of ${node}, so the two cannot exchange frames`
    : t`${pod} has a macvlan interface on ${parent} of ${node}, so the two cannot exchange frames`;
}

/** A stacked device exchanges frames with the segment and, in some modes, with its siblings, but never with the parent device. */
function resolveStacked(
  host: Host,
  device: Device & { kind: "macvlan" | "ipvlan" },
  ip: Ip,
  silence: (where: string) => Neighbour,
): Neighbour {
  const { run, netns } = host;
  // The layer 3 modes of ipvlan do not use neighbor entries (IFF_NOARP).
  if (device.kind === "ipvlan" && device.mode !== "l2") return { kind: "unneeded" };
  const below = run.network.netns(device.parent.netns);
  const parent = below?.devices.get(device.parent.device);
  if (!below || parent?.kind !== "physical") return silence(device.name);
  if (isOwn(below, ip)) return apart(apartText(device.kind, machine(netns), parent.name, machine(below)));
  const sibling = parent.children?.child(ip);
  if (!sibling) {
    const end = run.network.resolve(parent.segment, ip, below.id);
    if (end?.hasRivals) run.race = "first-reply";
    return end ? { kind: "station", end } : silence(t`segment ${parent.segment}`);
  }
  // macvlan_broadcast: mode private isolates siblings; vepa requires a switch in hairpin mode.
  if (device.kind === "macvlan" && device.mode !== "bridge")
    return apart(t`macvlan mode ${device.mode} isolates ${machine(netns)} from ${machineAt(run, sibling.netns)}`);
  return { kind: "sibling", netns: sibling.netns, device: sibling.device };
}

/** Whether a permanent entry has the MAC address of the veth peer, which is not a bridge port: no request is necessary. */
function isMacOfPeer(run: Run, { peer }: Device & { kind: "veth" }, mac: string): boolean {
  const end = run.network.netns(peer.netns)?.devices.get(peer.device);
  return end !== undefined && end.master === undefined && end.mac === mac;
}

function resolveAcross(
  host: Host,
  device: Device & { kind: "veth" },
  ip: Ip,
  silence: (where: string) => Neighbour,
): Neighbour {
  const { run, netns } = host;
  const peer = run.network.netns(device.peer.netns);
  const end = peer?.devices.get(device.peer.device);
  if (!peer || !end) return silence(device.name);
  if (end.master === undefined) {
    if (isOwn(peer, ip) || isAnycastOn(peer, ip, end.name)) return { kind: "peer" };
    const forwards = typeof ip === "number" ? peer.sysctls.ipForward : peer.sysctls.ip6Forward;
    if (forwards && peer.sysctls.proxyArp(end.name)) {
      // arp_process: proxy ARP requires forwarding and a route through a different device.
      const found = lookup(peer, localAddressesOf(peer), { dst: ip, iif: end.name });
      if (found && found.nexthops.length > 0 && found.nexthops.every((hop) => hop.dev !== end.name))
        return { kind: "peer" };
    }
    return silence(t`the link between ${machine(netns)} and ${machine(peer)}`);
  }
  const bridge = peer.devices.get(end.master);
  if (isOwn(peer, ip) || isAnycastOn(peer, ip, end.master)) return { kind: "bridge-host" };
  const neighbour = bridge?.kind === "bridge" ? bridge.portFor(ip) : undefined;
  if (!neighbour || (neighbour.port === end.name && !end.hairpin))
    return silence(t`bridge ${end.master} of ${machine(peer)}`);
  return behindPort({ run, netns: peer }, neighbour, ip);
}

/** A neighbor across a tunnel replies only if the flooded request and its reply pass the tunnel. */
function behindPort(host: Host, { port, mac }: BridgeNeighbour, ip: Ip): Neighbour {
  const { netns } = host;
  const device = netns.devices.get(port);
  const vtep = device?.kind === "vxlan" ? device.fdb.lookup(mac)?.dst : undefined;
  const failure = device?.kind === "vxlan" && vtep !== undefined ? overlayAnswer(host, device, vtep) : undefined;
  if (!failure) return { kind: "bridge-port", port, mac };
  return {
    kind: "none",
    message: t`no ARP reply for ${formatIp(ip)} through ${port} and VTEP ${formatIp(vtep ?? 0)}: ${failure.message}`,
    failure,
  };
}

/** arp_error_report, ipv4_link_failure: ICMP error to the source of the packet, through lo if the source is local. */
export function unanswered(
  host: Host,
  packet: Packet,
  { name }: Device,
  { code, message, failure }: Neighbour & { kind: "none" },
  { rule, own }: { readonly rule: StepRule; readonly own: boolean },
): End {
  const end = fail(host, packet, {
    verdict: "unreachable",
    code: code ?? "neighbour-failed",
    message,
    device: name,
    rule,
    icmp: { kind: "host-unreachable", own },
  });
  return withoutSession(end, failure);
}

/** The neighbor that a frame received on a bridge port is addressed to, by its destination address; undefined if the device is not a port. */
export function frameTo(netns: Netns, device: Device, dst: Ip): Neighbour | undefined {
  const bridge = device.master === undefined ? undefined : netns.devices.get(device.master);
  if (bridge?.kind !== "bridge") return undefined;
  const behind = bridge.portFor(dst);
  return behind ? { kind: "bridge-port", port: behind.port, mac: behind.mac } : { kind: "bridge-host" };
}
