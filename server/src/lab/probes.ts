/** Probes of a lab: random packets, and pings that verify the path MTU. Derived from the data plane only. */
import { type Ip, isLinkLocal, isLoopback } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import { matchOf } from "../dataplane/match.ts";
import type { Netns, NetnsId, Network } from "../dataplane/model.ts";
import { listenersOf } from "./listeners.ts";
import type { Random } from "./random.ts";

export interface Probe {
  readonly from: NetnsId;
  /** Undefined: selected by the kernel. */
  readonly src: Ip | undefined;
  readonly dst: Ip;
  readonly proto: "tcp" | "udp" | "sctp" | "icmp";
  /** 0 for icmp. */
  readonly dport: number;
  /** Length of the IP packet. */
  readonly size: number | undefined;
  readonly df: boolean;
  /** Undefined: the kernel's default, 64. */
  readonly ttl: number | undefined;
}

/** A port without listeners. */
const CLOSED = 9;
/** Close to common MTUs. */
const SIZES = [576, 1300, 1400, 1430, 1450, 1480, 1500, 1501, 1600, 3000, 9000];

interface Target {
  readonly ip: Ip;
  readonly ports: readonly { readonly proto: "tcp" | "udp" | "sctp"; readonly port: number }[];
}

/** Up to `count` distinct probes. */
export function randomProbes(
  network: Network,
  ids: readonly NetnsId[],
  count: number,
  random: Random,
): readonly Probe[] {
  const spaces = ids.flatMap((id) => network.netns(id) ?? []);
  const senders = spaces.map((space) => [SENDS[space.kind], space] as const);
  const targets = targetsOf(spaces);
  const probes = new Map<string, Probe>();
  for (let i = 0; probes.size < count && i < count * 4; i += 1) {
    const from = random.weighted(senders);
    const target = from && random.weighted(targets.filter(([, { ip }]) => speaks(from, ip)));
    if (!from || !target) continue;
    const probe: Probe = { from: from.id, src: undefined, dst: target.ip, ...transportTo(target, random) };
    probes.set(keyOf(probe), probe);
  }
  return [...probes.values()];
}

const SENDS = { pod: 6, node: 2, host: 2, router: 1 } as const;

export function keyOf(probe: Probe): string {
  return [probe.from, probe.src, probe.dst, probe.proto, probe.dport, probe.size, probe.df, probe.ttl].join(" ");
}

function speaks(netns: Netns, ip: Ip): boolean {
  return [...netns.devices.values()].some(
    (device) => device.name !== "lo" && device.addresses.some((own) => typeof own.ip === typeof ip),
  );
}

function transportTo({ ports }: Target, random: Random): Pick<Probe, "proto" | "dport" | "size" | "df" | "ttl"> {
  const plain = { size: undefined, df: false, ttl: undefined };
  const ping = { proto: "icmp", dport: 0 } as const;
  const open = random.pick(ports);
  const kind = random.weighted([
    [open ? 6 : 0, "open"],
    [2, "closed tcp"],
    [1, "closed udp"],
    [3, "ping"],
    [1, "sized"],
    [1, "whole"],
    [1, "ttl"],
  ] as const);
  switch (kind) {
    case "open":
      return { proto: open?.proto ?? "tcp", dport: open?.port ?? CLOSED, ...plain };
    case "closed tcp":
      return { proto: "tcp", dport: CLOSED, ...plain };
    case "closed udp":
      return { proto: "udp", dport: CLOSED, ...plain };
    case "sized":
      return { ...ping, size: random.pick(SIZES), df: false, ttl: undefined };
    case "whole":
      return { ...ping, size: random.pick(SIZES), df: true, ttl: undefined };
    case "ttl":
      return { ...ping, size: undefined, df: false, ttl: 1 + random.int(4) };
    default:
      return { ...ping, ...plain };
  }
}

const RECEIVES = { pod: 6, node: 2, host: 2, router: 1 } as const;

/** Weighted addresses: addresses of machines and pods, DNAT addresses, and some unassigned addresses. */
function targetsOf(spaces: readonly Netns[]): readonly (readonly [number, Target])[] {
  const targets = new Map<Ip, readonly [number, Target]>();
  const taken = new Set<Ip>();
  for (const space of spaces) {
    const ports = listenersOf(space);
    for (const device of space.devices.values()) {
      for (const { ip } of device.addresses) {
        taken.add(ip);
        if (isLinkLocal(ip) || targets.has(ip)) continue;
        const weight = isLoopback(ip) ? 0.2 : device.kind === "bridge" ? 0.5 : RECEIVES[space.kind];
        targets.set(ip, [weight, { ip, ports }]);
      }
    }
  }
  for (const [ip, ports] of translated(spaces)) if (!targets.has(ip)) targets.set(ip, [4, { ip, ports }]);
  for (const [, { ip }] of [...targets.values()]) {
    if (isLoopback(ip)) continue;
    const absent = typeof ip === "number" ? ((ip & ~0xff) | 0xf3) >>> 0 : (ip & ~0xffn) | 0xf3n;
    if (!taken.has(absent) && !targets.has(absent)) targets.set(absent, [0.3, { ip: absent, ports: [] }]);
  }
  return [...targets.values()];
}

/** Service addresses and similar: single-address destinations of nat rules with a port. */
export function translated(spaces: readonly Netns[]): ReadonlyMap<Ip, Target["ports"]> {
  const found = new Map<Ip, { proto: "tcp" | "udp"; port: number }[]>();
  for (const space of spaces) {
    for (const family of [4, 6] as const) {
      for (const { table, chain } of space.netfilter.chains(family)) {
        if (table !== "nat") continue;
        for (const rule of chain.rules) {
          const dst = matchOf(rule, "dst");
          const { dport, proto } = matchOf(rule, "ports") ?? {};
          if (!dst || dst.not || dst.is.len !== (family === 4 ? 32 : 128) || !dport) continue;
          if (proto !== "tcp" && proto !== "udp") continue;
          const ports = found.get(dst.is.ip) ?? [];
          found.set(dst.is.ip, ports);
          if (!ports.some((one) => one.proto === proto && one.port === dport.first))
            ports.push({ proto, port: dport.first });
        }
      }
    }
  }
  return found;
}

/** Pings with the predicted path MTU, and one byte larger, to verify the prediction. */
export function mtuProbes(probe: Probe, journeys: readonly Journey[]): readonly Probe[] {
  const [journey] = journeys;
  if (!journey || journeys.length > 1 || journey.verdict !== "delivered" || journey.reply?.verdict !== "delivered")
    return [];
  const least = Math.min(journey.mtu, journey.reply.mtu);
  if (probe.proto !== "icmp" || probe.size !== undefined || least > 9000) return [];
  return [least, least + 1].map((size) => ({ ...probe, size, df: true }));
}
