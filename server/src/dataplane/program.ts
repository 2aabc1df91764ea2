/**
 * Programs that decide on packets outside routing and netfilter rules: eBPF on tc and on connect(), the user-space program of a
 * netfilter queue. A mode supplies them as data; the simulator runs them at their hooks, and `ruleSections` prints their entries in the
 * format of the tool that lists them.
 */
import type { Ip } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import type { Packet } from "./packet.ts";

export interface ProgramEntry {
  readonly text: string;
  readonly origin: Origin | undefined;
}

/** The entries of a table or map: `cilium-dbg bpf lb list`, `ovs-ofctl dump-flows br-int`. */
export interface ProgramListing {
  readonly command: string;
  entries(): Iterable<ProgramEntry>;
}

interface Listed {
  /** The name of the program, as in `tc filter show`: "cil_from_container". */
  readonly name: string;
  /** Programs that share a listing share the object. */
  readonly listings: readonly ProgramListing[];
}

/* ---------------------------------------------------------------- actions */

interface Action {
  /** The entry that applies, as its tool prints it; absent: the program has no table for it. */
  readonly entry?: string | undefined;
  readonly origin: Origin | undefined;
}
/** The packet continues, and the program does not decide further. `note`: shown to users; absent without entry: not shown. */
export interface Pass extends Action {
  readonly kind: "pass";
  readonly note?: string | undefined;
}
/** `note`: the reason as a clause. */
export interface Drop extends Action {
  readonly kind: "drop";
  readonly note: string;
}
export interface Rewrite extends Action {
  readonly kind: "rewrite";
  readonly set: HeaderChange;
}
/** Absent fields are unchanged; ports are ignored for protocols without ports. A trace shows changes of addresses and ports. */
export interface HeaderChange {
  readonly src?: Ip;
  readonly dst?: Ip;
  readonly sport?: number;
  readonly dport?: number;
  readonly ttl?: number;
  readonly mark?: number;
}
/**
 * bpf_redirect: to the egress of a device, or with BPF_F_INGRESS to its ingress. With `via`, bpf_redirect_neigh: the kernel resolves the
 * next hop. "peer", bpf_redirect_peer: to the ingress of a veth device's peer, in the network namespace of the peer.
 */
export interface Redirect<T extends "egress" | "ingress" | "peer"> extends Action {
  readonly kind: "redirect";
  readonly to: T;
  readonly device: string;
  readonly via?: Ip;
}
/** bpf_skb_set_tunnel_key and a redirect to the tunnel device, which takes the remote endpoint from the key. */
export interface Encapsulate extends Action {
  readonly kind: "encapsulate";
  readonly device: string;
  readonly key: TunnelKey;
}
/** `remote`: the tunnel endpoint on the other side. */
export interface TunnelKey {
  readonly remote: Ip;
  readonly vni: number;
}

/** The actions of a program on tc, in order; nothing after the first action other than `rewrite` is executed. */
export type IngressAction = Pass | Drop | Rewrite | Redirect<"egress" | "ingress" | "peer"> | Encapsulate;
/** bpf_redirect_peer is only possible at ingress (skb_do_redirect, net/core/filter.c). */
export type EgressAction = Pass | Drop | Rewrite | Redirect<"egress" | "ingress"> | Encapsulate;
/** A connection has no packet yet: its destination can be rewritten or rejected with EPERM. */
export type ConnectAction = Pass | Drop | Rewrite;

/* --------------------------------------------------------------- programs */

export interface ProgramContext {
  /** The tunnel key of a packet that the device has decapsulated. */
  readonly tunnel?: TunnelKey | undefined;
  /** A random selection among `count` alternatives of equal probability; the simulator walks every branch. */
  choose(count: number): number;
  /**
   * Entries of maps that programs write, for example the original destination of a connection. All programs of a run share them: a
   * program that runs on several machines includes the machine in its keys.
   */
  readonly maps: Map<string, Flow>;
}
export interface Flow {
  readonly src: Ip;
  readonly dst: Ip;
  readonly sport: number;
  readonly dport: number;
}

interface Program<A extends Action> extends Listed {
  /** Empty: passes, and is not shown. */
  decide(packet: Packet, context: ProgramContext): readonly A[];
}
export type IngressProgram = Program<IngressAction>;
export type EgressProgram = Program<EgressAction>;
/** BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_UDP4_SENDMSG, and for IPv6: the packet has no source address if the socket is not bound. */
export type ConnectProgram = Program<ConnectAction>;
/** Bound to a queue number (nfnetlink_queue): the verdict NF_ACCEPT or NF_DROP, with its reason. */
export interface QueueProgram extends Listed {
  decide(packet: Packet): (Pass | Drop) & { readonly note: string };
}

/** The programs of a device: `tc filter show dev DEVICE ingress`, `… egress`. */
export interface DevicePrograms {
  readonly ingress?: IngressProgram | undefined;
  readonly egress?: EgressProgram | undefined;
}
