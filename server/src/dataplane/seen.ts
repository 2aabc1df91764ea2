/** What the rules of a netfilter hook see. */
import type { Ip } from "../addressing/ip.ts";
import type { Connection, Tracking } from "./conntrack.ts";
import type { Packet } from "./packet.ts";

/** What a hook provides to the matches and targets of its rules. */
export interface HookContext {
  readonly in: string | undefined;
  readonly out: string | undefined;
  /** Only the base chains with a priority in this range, `before` excluded: IPVS takes packets in the middle of a hook. */
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  readonly isLocal: (ip: Ip) => boolean;
  /** Whether the device has the address. */
  readonly isOf: (ip: Ip, device: string) => boolean;
  /** Whether a reply to the packet would leave through the device. */
  readonly reversePath: (packet: Packet, device: string) => boolean;
  /** The smaller MTU of the routes to the destination and back to the source (xt_TCPMSS.c, tcpmss_mangle_packet). */
  readonly pathMtu: (packet: Packet) => number;
  /** The source address that MASQUERADE uses. */
  readonly masqueradeAs: () => Ip | undefined;
  /** The address that a redirection uses (net/netfilter/nf_nat_redirect.c): of the ingress device, or of lo for packets of this machine. */
  readonly redirectTo: (packet: Packet) => Ip | undefined;
  /** Whether a random event with this probability occurs; the simulator walks both branches. */
  readonly chance: (probability: number) => boolean;
  /** All connections of the network namespace. */
  readonly connections: readonly Connection[];
}

/** A packet at a rule. */
export interface Seen {
  readonly packet: Packet;
  /** The current mark: rules of the same hook can have changed it. */
  readonly mark: number;
  readonly tracking: Tracking;
  readonly context: HookContext;
}
