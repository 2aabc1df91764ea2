/**
 * IPv6 neighbor discovery uses ICMPv6 (RFC 4861), so it passes through netfilter: a machine that drops all ICMPv6 cannot
 * resolve neighbors and cannot be resolved. ARP is not affected by iptables.
 */
import { formatIp } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { UNTRACKED } from "../conntrack.ts";
import type { Reason } from "../journey.ts";
import type { Device, Netns, NfHook } from "../model.ts";
import { runHook } from "../netfilter.ts";
import type { IcmpMessage, Packet } from "../packet.ts";
import type { HookContext } from "../seen.ts";
import { sourceFor } from "../source6.ts";
import { isOwn, machine, type Run } from "./run.ts";

/** ff02::1:ff00:0/104, the solicited-node multicast addresses. */
const SOLICITED_NODE = 0xff0200000000000000000001ff000000n;
const LAST_24_BITS = 0xffffffn;
/** IPv6 header, ICMPv6 header, target address, and link-layer address option (bytes). */
const LENGTH = 72;

/** A bridge between the two neighbors that passes its frames to netfilter. */
export interface Between {
  readonly netns: Netns;
  readonly bridge: string;
}

export interface Discovery {
  readonly asker: Netns;
  readonly device: Device;
  readonly owner: Netns;
  readonly between: Between | undefined;
}

/** Why a rule on the path drops the solicitation or the advertisement; undefined: neighbor discovery succeeds. */
export function discover(run: Run, { asker, device, owner, between }: Discovery, ip: bigint): Reason | undefined {
  const known = (netns: Netns, other: bigint): string => `neighbor ${netns.id} ${formatIp(other)}`;
  const isKnown = run.sessions.has(known(asker, ip));
  const own = sourceFor(asker, device, ip) ?? 0n;
  const solicitation = message("neighbour-solicitation", own, SOLICITED_NODE | (ip & LAST_24_BITS));
  const advertisement = message("neighbour-advertisement", ip, own);
  const unreceived =
    refusal(asker, "OUTPUT", solicitation, { out: device.name }) ??
    refusedBetween(between, solicitation) ??
    refusal(owner, "INPUT", solicitation, {});
  // ndisc_recv_ns (net/ipv6/ndisc.c): the target learns the requester, even if the advertisement is lost.
  if (!unreceived && !isKnown) run.sessions.set(known(owner, own), { failure: undefined });
  const failure =
    unreceived ??
    refusal(owner, "OUTPUT", advertisement, {}) ??
    refusedBetween(between, advertisement) ??
    refusal(asker, "INPUT", advertisement, { in: device.name });
  if (failure && (isKnown || !unreceived)) run.race = "first-request";
  return failure && !isKnown ? { ...failure, unlessAsked: true } : undefined;
}

/** br_nf_pre_routing, br_nf_forward, br_nf_post_routing (net/bridge/br_netfilter_hooks.c): the machine with the bridge also filters the messages. */
function refusedBetween(between: Between | undefined, packet: Packet): Reason | undefined {
  if (!between?.netns.sysctls.bridgeNfCallIp6tables) return undefined;
  const { netns, bridge } = between;
  return (
    refusal(netns, "PREROUTING", packet, { in: bridge }) ??
    refusal(netns, "FORWARD", packet, { in: bridge, out: bridge }) ??
    refusal(netns, "POSTROUTING", packet, { out: bridge })
  );
}

function message(kind: Extract<IcmpMessage["kind"], `neighbour-${string}`>, src: bigint, dst: bigint): Packet {
  return { src, dst, ttl: 255, df: false, length: LENGTH, mark: 0, body: { kind: "icmp", message: { kind } } };
}

function refusal(
  netns: Netns,
  hook: NfHook,
  packet: Packet,
  dev: { readonly in?: string; readonly out?: string },
): Reason | undefined {
  const context: HookContext = {
    in: dev.in,
    out: dev.out,
    isLocal: (ip) => isOwn(netns, ip),
    isOf: (ip, name) => netns.devices.get(name)?.addresses.some((own) => own.ip === ip) === true,
    reversePath: () => true,
    pathMtu: () => Number.POSITIVE_INFINITY,
    masqueradeAs: () => undefined,
    redirectTo: () => undefined,
    chance: () => true,
    connections: [],
  };
  // nf_conntrack_icmpv6 does not track these messages.
  const { verdict, decisions } = runHook(netns.netfilter, hook, packet, UNTRACKED, context);
  if (verdict === "accept") return undefined;
  const { decision } = decisions.at(-1) ?? {};
  return {
    code: "filtered",
    message: t`${machine(netns)} drops ICMPv6 from ${formatIp(packet.src)} (${hook}), which neighbor discovery requires`,
    netns: netns.id,
    origin: decision?.rule?.origin ?? decision?.origin,
    lost: packet,
    lostBy: "filtered",
  };
}
