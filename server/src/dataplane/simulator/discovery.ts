/**
 * IPv6 neighbour discovery is ICMPv6 (RFC 4861), so that firewalls see it: a host that drops all of ICMPv6 is found by nobody and
 * finds nobody. ARP passes them all.
 */
import { formatIp } from "../../addressing/ip.ts";
import type { Reason } from "../journey.ts";
import type { Device, Netns, NfHook } from "../model.ts";
import { type HookContext, runHook, type Tracking } from "../netfilter.ts";
import type { IcmpMessage, Packet } from "../packet.ts";
import { sourceFor } from "../source6.ts";
import { isOwn, type Run } from "./run.ts";

/** nf_conntrack_icmpv6 leaves these messages alone. */
const UNTRACKED: Tracking = { connection: undefined, direction: "original", state: "UNTRACKED" };
/** ff02::1:ff00:0/104, the solicited-node addresses. */
const SOLICITED_NODE = 0xff0200000000000000000001ff000000n;
const LAST_24_BITS = 0xffffffn;
/** An address, a target and a link-layer address option. */
const LENGTH = 72;

/** A bridge that hands its frames to netfilter, between who asks and who answers. */
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

/** Why the question or its answer does not pass the rules of the hosts on the way; undefined: it does. */
export function discover(run: Run, { asker, device, owner, between }: Discovery, ip: bigint): Reason | undefined {
  const known = (netns: Netns, other: bigint): string => `neighbour ${netns.id} ${formatIp(other)}`;
  const isKnown = run.sessions.has(known(asker, ip));
  const own = sourceFor(asker, device, ip) ?? 0n;
  const question = message("neighbour-solicitation", own, SOLICITED_NODE | (ip & LAST_24_BITS));
  const answer = message("neighbour-advertisement", ip, own);
  const unheard =
    refusal(asker, "OUTPUT", question, { out: device.name }) ??
    refusedBetween(between, question) ??
    refusal(owner, "INPUT", question, {});
  // ndisc_recv_ns (net/ipv6/ndisc.c): who is asked learns who asks, whether or not its answer gets there.
  if (!unheard && !isKnown) run.sessions.set(known(owner, own), { failure: undefined });
  const failure =
    unheard ??
    refusal(owner, "OUTPUT", answer, {}) ??
    refusedBetween(between, answer) ??
    refusal(asker, "INPUT", answer, { in: device.name });
  if (failure && (isKnown || !unheard)) run.askedFirst = true;
  return failure && !isKnown ? { ...failure, unlessAsked: true } : undefined;
}

/** br_nf_pre_routing, br_nf_forward, br_nf_post_routing (net/bridge/br_netfilter_hooks.c): a bridge's host filters the messages, too. */
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
    masqueradeAs: () => undefined,
    chance: () => true,
  };
  const { verdict, decisions } = runHook(netns.netfilter, hook, packet, UNTRACKED, context);
  if (verdict === "accept") return undefined;
  const { decision } = decisions.at(-1) ?? {};
  return {
    code: "filtered",
    message: `${hook} of ${netns.id} drops ICMPv6 from ${formatIp(packet.src)}, without which there is no neighbour discovery`,
    netns: netns.id,
    origin: decision?.rule?.origin,
    lost: packet,
    lostBy: "filtered",
  };
}
