/** Converts the captures of all network namespaces to the crossings of each flow, in time order. A flow is identified by its source port. */
import type { EspCipher, NetnsId, Network } from "../dataplane/model.ts";
import type { Captured, Crossing, TunnelPorts } from "./capture.ts";
import { type Line, line } from "./compare.ts";
import { type Carried, carriedBy } from "./sealed.ts";

/** `decryptWith` decrypts ESP payloads with the key of an algorithm; the core has no cryptography. */
export function tunnelPorts(
  network: Network,
  ids: readonly NetnsId[],
  decryptWith: (cipher: EspCipher, payload: Uint8Array) => Uint8Array | undefined,
): TunnelPorts {
  const vxlan = new Set<number>();
  const ip = new Set<number>();
  const wireguard = new Set<number>();
  const esp = new Set<number>();
  const ciphers = new Map<number, EspCipher>();
  for (const id of ids) {
    for (const device of network.netns(id)?.devices.values() ?? []) {
      if (device.kind === "vxlan") vxlan.add(device.port);
      if (device.kind === "tun") ip.add(device.daemon.port);
      if (device.kind === "wireguard") wireguard.add(device.port);
    }
    for (const { spi, cipher, udpPort } of network.netns(id)?.xfrm?.states() ?? []) {
      ciphers.set(spi, cipher);
      if (udpPort !== undefined) esp.add(udpPort);
    }
  }
  const decrypt = (spi: number, payload: Uint8Array): Uint8Array | undefined => {
    const cipher = ciphers.get(spi);
    return cipher && decryptWith(cipher, payload);
  };
  return { vxlan, ip, wireguard, esp, decrypt };
}

export function linesByFlow(
  network: Network,
  captured: readonly Captured[],
  flows: ReadonlySet<number>,
): ReadonlyMap<number, readonly Line[]> {
  const seen = new Map<number, { readonly time: bigint; readonly text: Line }[]>();
  const carried = carriedBy(network, captured);
  for (const { netns, devices, crossings } of captured) {
    for (const encrypted of crossings) {
      const crossing = opened(encrypted, carried);
      const flow = crossing.ports?.find((port) => flows.has(port));
      if (flow === undefined || !belongs(crossing, flow)) continue;
      const device = devices.get(crossing.ifindex) ?? "?";
      if (crossing.foreign && passesBy(network, netns, device)) continue;
      const list = seen.get(flow) ?? [];
      seen.set(flow, list);
      const text = line(netns, device, crossing.direction, crossing.headers);
      // All fragments of a packet have the same line.
      if (!list.some((one) => one.text === text)) list.push({ time: crossing.time, text });
    }
  }
  return new Map(
    [...seen].map(([flow, list]) => {
      list.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
      const start = list[0]?.time ?? 0n;
      return [flow, list.filter(({ time }) => time - start < AGAIN).map(({ text }) => text)];
    }),
  );
}

/** A message with the packet that it carries. */
function opened(crossing: Crossing, carried: ReadonlyMap<string, Carried>): Crossing {
  const inner = crossing.sealed && carried.get(crossing.sealed.id);
  return inner ? { ...crossing, headers: [...crossing.headers, ...inner.headers], ports: inner.ports } : crossing;
}

/** Nanoseconds until TCP retransmits (TCP_TIMEOUT_INIT is 1 second): a retransmission can use a different path. */
const AGAIN = 980_000_000n;

/** Whether the packet is part of the first exchange; false for the ACK and for the RST that closes the probe. */
function belongs({ headers, chunk }: Crossing, flow: number): boolean {
  const sctp = headers.find((header) => header.kind === "sctp");
  // INIT, INIT ACK, and the ABORT that rejects the association; not the ABORT that closes the probe.
  if (sctp?.kind === "sctp" && chunk !== undefined)
    return chunk === 1 || chunk === 2 || (chunk === 6 && sctp.dport === flow);
  const tcp = headers.find((header) => header.kind === "tcp");
  if (tcp?.kind !== "tcp" || tcp.flags === undefined) return true;
  if (tcp.flags === "SYN" || tcp.flags === "SYN,ACK") return true;
  return tcp.flags.startsWith("RST") && tcp.dport === flow;
}

/** Whether the device ignores frames for other machines, which a switch floods while it learns. Parents of stacked devices accept these frames. */
function passesBy(network: Network, netns: NetnsId, name: string): boolean {
  const device = network.netns(netns)?.devices.get(name);
  return device?.kind === "physical" && device.children === undefined;
}
