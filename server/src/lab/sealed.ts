/**
 * Attributes WireGuard messages to the packets that they carry. They cannot be decrypted, because each session has its own keys. But a
 * device delivers in order: the packet that appears on the receiving device belongs to the first message of its length that has arrived
 * there. Messages that do not arrive are attributed to the packets that left the sending device, in order.
 */
import { parseIp } from "../addressing/ip.ts";
import type { Device, Netns, Network } from "../dataplane/model.ts";
import { wireguardPadded } from "../dataplane/packet.ts";
import type { Header } from "../trace/schema.ts";
import type { Captured, Crossing } from "./capture.ts";

export interface Carried {
  readonly headers: readonly Header[];
  readonly ports: Crossing["ports"];
}

/** The inner packet by the id of its message. */
export function carriedBy(network: Network, captured: readonly Captured[]): ReadonlyMap<string, Carried> {
  const carried = new Map<string, Carried>();
  const spaces = captured.flatMap((one) => {
    const netns = network.netns(one.netns);
    const tunnels = netns ? wireguardDevices(netns) : new Map();
    return netns && tunnels.size > 0 ? [{ ...one, tunnels }] : [];
  });
  for (const space of spaces) received(space, carried);
  const arrived = new Map<string, number>();
  for (const { headers } of carried.values()) add(arrived, keyOf(headers), 1);
  for (const space of spaces) sent(space, carried, arrived);
  return carried;
}

type Wireguard = Device & { kind: "wireguard" };
interface Space extends Captured {
  readonly tunnels: ReadonlyMap<string, Wireguard>;
}
interface Message {
  readonly id: string;
  readonly time: bigint;
  readonly payload: number;
}

function wireguardDevices(netns: Netns): ReadonlyMap<string, Wireguard> {
  const devices = [...netns.devices.values()];
  return new Map(devices.flatMap((one) => (one.kind === "wireguard" ? [[one.name, one] as const] : [])));
}

/** wg_packet_rx_poll: packets of a peer are delivered in the order of arrival. */
function received(space: Space, carried: Map<string, Carried>): void {
  const messages = messagesIn(space.crossings, "in");
  for (const { device, crossing } of innerOf(space, "in")) {
    const payload = wireguardPadded(crossing.length, device.mtu);
    const message = messages.find(
      (one) => !carried.has(one.id) && one.time <= crossing.time && one.payload === payload,
    );
    if (message) carried.set(message.id, crossing);
  }
}

/** wg_packet_send_staged_packets: packets to a peer are encrypted in order. */
function sent(space: Space, carried: Map<string, Carried>, arrived: Map<string, number>): void {
  const messages = messagesIn(space.crossings, "out");
  for (const { device, crossing } of innerOf(space, "out")) {
    const key = keyOf(crossing.headers);
    if ((arrived.get(key) ?? 0) > 0) {
      add(arrived, key, -1);
      continue;
    }
    const payload = wireguardPadded(crossing.length, device.mtu);
    const message = messages.find(
      (one) => !carried.has(one.id) && one.time >= crossing.time && one.payload === payload,
    );
    if (message) carried.set(message.id, crossing);
  }
}

/** The packets on the WireGuard devices of a network namespace, in order. */
function innerOf(
  { devices, crossings, tunnels }: Space,
  direction: "in" | "out",
): readonly { readonly device: Wireguard; readonly crossing: Crossing }[] {
  return [...crossings].sort(byTime).flatMap((crossing) => {
    const device = tunnels.get(devices.get(crossing.ifindex) ?? "");
    const [ip] = crossing.headers;
    if (!device || crossing.direction !== direction || ip?.kind !== "ip") return [];
    const dst = parseIp(ip.dst);
    // Without a peer for the destination, a packet is rejected and not encrypted.
    return direction === "out" && (dst === undefined || !device.peers.allowed(dst)) ? [] : [{ device, crossing }];
  });
}

/** The messages of one direction, each once, in order. */
function messagesIn(crossings: readonly Crossing[], direction: "in" | "out"): readonly Message[] {
  const messages = new Map<string, Message>();
  for (const crossing of [...crossings].sort(byTime)) {
    const { sealed, headers, time } = crossing;
    const [ip] = headers;
    if (crossing.direction !== direction || !sealed || ip?.kind !== "ip" || messages.has(sealed.id)) continue;
    messages.set(sealed.id, { id: sealed.id, time, payload: sealed.payload });
  }
  return [...messages.values()];
}

function keyOf(headers: readonly Header[]): string {
  return JSON.stringify(headers);
}

function add(counts: Map<string, number>, key: string, change: number): void {
  counts.set(key, (counts.get(key) ?? 0) + change);
}

function byTime(a: Crossing, b: Crossing): number {
  return a.time < b.time ? -1 : a.time > b.time ? 1 : 0;
}
