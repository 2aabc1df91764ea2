/**
 * Results of the simulator: journeys of packets as plain data, in kernel terms. `trace/` converts them to the published
 * JSON; `checks/` reads verdicts and reasons.
 */
import type { Ip } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import type { NetnsId } from "./model.ts";
import type { IcmpErrorKind, Packet } from "./packet.ts";

export interface Question {
  readonly from: NetnsId;
  /** Undefined: selected by the kernel. */
  readonly src?: Ip | undefined;
  readonly dst: Ip;
  readonly proto: "tcp" | "udp" | "sctp" | "icmp";
  readonly sport: number;
  /** Ignored for icmp. */
  readonly dport: number;
  /** Length of the IP packet in bytes; default: a TCP SYN of 60, a UDP datagram of 60, a ping of 84. */
  readonly size?: number | undefined;
  /**
   * Don't-fragment requested by the application (IP_PMTUDISC_DO; otherwise IP_PMTUDISC_DONT). Only relevant together with
   * `size`, for UDP and ICMP: packets of default size always have the bit set, because Linux sets it on packets that fit
   * (IP_PMTUDISC_WANT), and so do TCP and SCTP packets of any size.
   */
  readonly df: boolean;
  readonly ttl?: number | undefined;
}

export type StepAction =
  | "send"
  | "route"
  | "bridge"
  | "encapsulate"
  | "decapsulate"
  | "dnat"
  | "snat"
  | "filter"
  | "neighbour"
  | "fragment"
  | "receive"
  | "deliver"
  | "reject"
  | "drop";

export interface StepRule {
  readonly table: string;
  readonly text: string;
  readonly why?: string | undefined;
  readonly origin: Origin | undefined;
}

export interface Step {
  readonly netns: NetnsId;
  readonly device: string;
  readonly direction: "in" | "out" | null;
  readonly action: StepAction;
  readonly text: string;
  readonly rule: StepRule | undefined;
  readonly packet: Packet;
}

export type Verdict = "delivered" | "dropped" | "rejected" | "unreachable" | "looped";

/** Why a packet did not arrive. The codes are stable: checks and tests compare them. */
export type ReasonCode =
  | "no-route"
  | "unreachable-route"
  | "blackhole-route"
  | "prohibit-route"
  | "broadcast"
  | "multicast"
  | "link-local"
  | "ipv4-mapped"
  | "no-source-address"
  /** Not from the simulator: the sender's name has no address, so no packet is sent. */
  | "name-not-resolved"
  | "neighbour-failed"
  | "stacked-apart"
  | "no-forwarding-entry"
  | "no-tunnel-peer"
  | "no-session"
  | "source-not-allowed"
  | "policy-mismatch"
  | "no-device"
  | "filtered"
  | "rejected-by-rule"
  | "reverse-path-filter"
  | "source-check"
  | "protocol-refused"
  | "martian-source"
  | "forwarding-off"
  | "ttl-exceeded"
  | "too-big"
  | "segment-mtu"
  | "receiver-mtu"
  | "closed-port"
  | "tunnel-port-closed"
  | "tunnel-vni-unknown"
  | "wrong-mac"
  /** Only from checks: the packet was delivered, but to the wrong endpoint. */
  | "wrong-end"
  | "hairpin-off"
  | "tunnel-loop"
  | "unexpected-reply"
  | "protocol-unknown"
  | "step-limit";

export interface Reason {
  readonly code: ReasonCode;
  readonly message: string;
  readonly netns: NetnsId;
  readonly origin: Origin | undefined;
  /** The lost packet, if it is not the packet itself: for example a key exchange message that was lost in `netns`. */
  readonly lost?: Packet | undefined;
  /** Why that packet was lost. */
  readonly lostBy?: ReasonCode | undefined;
  /** Neighbor resolution failed, but it would have succeeded after a request from the other side: the outcome in a kernel depends on earlier packets. */
  readonly unlessAsked?: boolean | undefined;
  /** The first packet is lost silently, and the tunnel endpoint learns the path MTU from it; the walk is the next packet's. */
  readonly afterLoss?: boolean | undefined;
}

/** The error that the sender's socket reports; absent: none (timeout). */
export type SenderError =
  | {
      readonly kind: "icmp";
      readonly error: IcmpErrorKind;
      readonly from: Ip;
      readonly mtu?: number | undefined;
      /** Absent: the sender receives the ICMP error, but the socket does not report it. */
      readonly errno: string | undefined;
    }
  | { readonly kind: "rst"; readonly errno: string }
  | { readonly kind: "local"; readonly errno: string; readonly mtu?: number | undefined };

export interface Journey {
  readonly steps: readonly Step[];
  readonly verdict: Verdict;
  /** Present unless delivered. */
  readonly reason: Reason | undefined;
  readonly error: SenderError | undefined;
  /** The network namespace where the journey ended. */
  readonly end: NetnsId;
  readonly receiver:
    | { readonly src: Ip; readonly sport: number | undefined; readonly process: string | undefined }
    | undefined;
  /** Path MTU: the largest IP packet (bytes) that passes the whole path without fragmentation of the inner packet. */
  readonly mtu: number;
  readonly probability: number;
  /**
   * The event that determines the outcome in a kernel, if the file does not: the first request, because only one of two neighbors
   * can resolve the other, or the first reply, because several routers have the anycast address.
   */
  readonly race: "first-request" | "first-reply" | undefined;
  /** The reply packet: a response, a RST, or an ICMP error to the sender. */
  readonly reply: Journey | undefined;
}
