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
import { isOwn } from "./run.ts";

/** nf_conntrack_icmpv6 leaves these messages alone. */
const UNTRACKED: Tracking = { connection: undefined, direction: "original", state: "UNTRACKED" };
/** ff02::1:ff00:0/104, the solicited-node addresses. */
const SOLICITED_NODE = 0xff0200000000000000000001ff000000n;
const LAST_24_BITS = 0xffffffn;
/** An address, a target and a link-layer address option. */
const LENGTH = 72;

/** Why the question or its answer does not pass the two hosts' rules; undefined: it does. */
export function discoveryFailure(asker: Netns, device: Device, owner: Netns, ip: bigint): Reason | undefined {
  const own = sourceFor(asker, device, ip) ?? 0n;
  const question = message("neighbour-solicitation", own, SOLICITED_NODE | (ip & LAST_24_BITS));
  const answer = message("neighbour-advertisement", ip, own);
  return (
    refusal(asker, "OUTPUT", question, device) ??
    refusal(owner, "INPUT", question, undefined) ??
    refusal(owner, "OUTPUT", answer, undefined) ??
    refusal(asker, "INPUT", answer, device)
  );
}

function message(kind: Extract<IcmpMessage["kind"], `neighbour-${string}`>, src: bigint, dst: bigint): Packet {
  return { src, dst, ttl: 255, df: false, length: LENGTH, mark: 0, body: { kind: "icmp", message: { kind } } };
}

function refusal(netns: Netns, hook: NfHook, packet: Packet, device: Device | undefined): Reason | undefined {
  const context: HookContext = {
    in: hook === "INPUT" ? device?.name : undefined,
    out: hook === "OUTPUT" ? device?.name : undefined,
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
  };
}
