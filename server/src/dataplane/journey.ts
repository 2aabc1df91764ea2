/**
 * What the simulator returns: journeys of packets as plain data, still in the kernel's terms. `trace/` turns them into the
 * published JSON, `checks/` reads their ends.
 */
import type { Ip } from "../addressing/ip.ts";
import type { Source } from "../language/tree.ts";
import type { NetnsId } from "./model.ts";
import type { IcmpErrorKind, Packet } from "./packet.ts";

export interface Question {
  readonly from: NetnsId;
  /** Undefined: as the kernel chooses. */
  readonly src?: Ip | undefined;
  readonly dst: Ip;
  readonly proto: "tcp" | "udp" | "sctp" | "icmp";
  readonly sport: number;
  /** Not used for icmp. */
  readonly dport: number;
  /** Length of the IP packet in bytes; default: a TCP SYN of 60, a UDP datagram of 60, a ping of 84. */
  readonly size?: number | undefined;
  /**
   * Don't-fragment asked for by the application (IP_PMTUDISC_DO; without it IP_PMTUDISC_DONT). It only matters together with
   * `size`: packets of default size carry the bit in any case, as Linux sets it on whatever fits (IP_PMTUDISC_WANT).
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
  readonly origin: Source | undefined;
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

/** Why a packet did not arrive; stable words, read by checks and tests. */
export type ReasonCode =
  | "no-route"
  | "unreachable-route"
  | "blackhole-route"
  | "prohibit-route"
  | "broadcast"
  | "no-source-address"
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
  /** Of checks: the packet was delivered, but not to whom it was meant for. */
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
  readonly origin: Source | undefined;
  /** What was lost, where it is not the packet itself: a message of a key exchange, lost in `netns`. */
  readonly lost?: Packet | undefined;
  /** Why that message was lost. */
  readonly lostBy?: ReasonCode | undefined;
  /** A neighbour was asked in vain, but had it asked first it would be known: a kernel's outcome depends on earlier packets. */
  readonly unlessAsked?: boolean | undefined;
}

/** What the sender's socket sees; absent: silence. */
export type SenderError =
  | {
      readonly kind: "icmp";
      readonly error: IcmpErrorKind;
      readonly from: Ip;
      readonly mtu?: number | undefined;
      /** Absent: the ICMP error arrives, but the socket does not report it. */
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
  /** Where it ended. */
  readonly end: NetnsId;
  readonly receiver:
    | { readonly src: Ip; readonly sport: number | undefined; readonly process: string | undefined }
    | undefined;
  /** Largest IP packet that passes the whole way unfragmented inside (bytes). */
  readonly mtu: number;
  readonly probability: number;
  /** Of two neighbours only one can find the other by asking: a kernel's outcome depends on who did so first. */
  readonly askedFirst: boolean;
  /** The answer: a reply, a RST or the ICMP error on its way back. */
  readonly reply: Journey | undefined;
}
