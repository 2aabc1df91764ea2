/**
 * The state of Linux hosts as data: what `ip addr`, `ip route`, `ip rule`, `ip neigh`, `bridge fdb`, `iptables-save` and
 * `sysctl` would print. Written by `cni/` (modes) and `compile.ts` (the hosts themselves), read by the simulator and by
 * `knet routes`. Nothing here knows of Kubernetes, and nothing in the simulator knows of a mode.
 */
import type { InterfaceAddress, Ip, IpRange, Prefix } from "../addressing/ip.ts";
import type { PrefixTable } from "../addressing/prefix-table.ts";
import type { Source } from "../language/tree.ts";
import type { IcmpMessage, Packet } from "./packet.ts";

/** Names a namespace: "prod/n1", "prod/shop/web", "tor". Unique in a network. */
export type NetnsId = string;
export type Mac = string;
export type OwnerKind = "pod" | "node" | "router" | "host";

/** A whole topology's data plane. Namespaces are compiled on first use and kept; nothing is proportional to nodes². */
export interface Network {
  /** The namespace with this id, or undefined where the topology has none. */
  netns(id: NetnsId): Netns | undefined;
  /** Who answers ARP or neighbour discovery for `ip` on the segment, other than `asker`. First declared wins where several do. */
  resolve(segment: string, ip: Ip, asker: NetnsId): LinkEnd | undefined;
  segment(name: string): L2Segment | undefined;
}

export interface L2Segment {
  readonly name: string;
  /** Largest IP packet that the segment's switches carry; a larger one is lost without a word. */
  readonly mtu: number;
  /** A cloud's source/destination check: may this interface send from, or get packets for, the address? */
  admits(netns: NetnsId, device: string, ip: Ip): boolean;
  /** A cloud whose network drops IP in IP (protocol 4): "Azure". */
  readonly refusesIpip: string | undefined;
  readonly origin: Source | undefined;
}

/** One end of a link: a device in a namespace. */
export interface LinkEnd {
  readonly netns: NetnsId;
  readonly device: string;
  readonly mac: Mac;
  /** The device stacked on this one (macvlan, ipvlan) that has the address. */
  readonly upper?: { readonly netns: NetnsId; readonly device: string } | undefined;
}

export interface Netns {
  readonly id: NetnsId;
  readonly kind: OwnerKind;
  readonly devices: ReadonlyMap<string, Device>;
  /** Routing policy, in order of priority. Default: local 0, main 32766, default 32767 (net/ipv4/fib_rules.c). */
  readonly rules: readonly PolicyRule[];
  /** Table `local` is derived: see `localRoute()` in fib.ts. Tables by name: "main", "100" … */
  readonly tables: ReadonlyMap<string, RouteTable>;
  readonly neighbours: NeighbourTable;
  readonly netfilter: Netfilter;
  /** IPsec policies and security associations; absent: none. */
  readonly xfrm?: Xfrm | undefined;
  readonly ipvs?: Ipvs;
  readonly sysctls: Sysctls;
  readonly sockets: readonly Socket[];
  readonly origin: Source | undefined;
}

/* ---------------------------------------------------------------- devices */

interface DeviceBase {
  readonly name: string;
  readonly mtu: number;
  readonly mac: Mac | undefined;
  readonly addresses: readonly InterfaceAddress[];
  /** Enslaved to this bridge. */
  readonly master?: string;
  /** Bridge port flag: a frame may leave by the port by which it came. */
  readonly hairpin?: boolean;
  readonly origin: Source | undefined;
}

export type Device =
  | (DeviceBase & { readonly kind: "loopback" })
  /** Holds addresses and carries nothing: kube-ipvs0. */
  | (DeviceBase & { readonly kind: "dummy" })
  | (DeviceBase & {
      readonly kind: "physical";
      readonly segment: string;
      /** Devices of other namespaces that are stacked on this one. */
      readonly children?: Children | undefined;
    })
  /** Stacked on a device of another namespace, past its IP layer (drivers/net/macvlan.c, drivers/net/ipvlan). */
  | (DeviceBase & { readonly kind: "macvlan"; readonly mode: MacvlanMode; readonly parent: StackParent })
  | (DeviceBase & { readonly kind: "ipvlan"; readonly mode: IpvlanMode; readonly parent: StackParent })
  | (DeviceBase & { readonly kind: "veth"; readonly peer: { readonly netns: NetnsId; readonly device: string } })
  /** Ports are the devices whose `master` is this one. `portFor` says behind which port an address answers ARP. */
  | (DeviceBase & { readonly kind: "bridge"; portFor(ip: Ip): BridgeNeighbour | undefined })
  | (DeviceBase & {
      readonly kind: "vxlan";
      readonly vni: number;
      /** UDP destination port. */
      readonly port: number;
      readonly local: Ip;
      /** Lower device: its MTU limits the tunnel's. Packets leave by whatever way leads to the forwarding entry's end. */
      readonly lower: string | undefined;
      readonly learning: boolean;
      readonly fdb: Fdb;
    })
  /** IP in IP (protocol 4). Without `remote` the tunnel's far end is the route's nexthop (net/ipv4/ip_tunnel.c). */
  | (DeviceBase & {
      readonly kind: "ipip";
      readonly local: Ip | undefined;
      readonly remote: Ip | undefined;
      readonly lower: string | undefined;
    })
  /** Cryptokey routing (drivers/net/wireguard): the destination chooses the peer, the peer vouches for the source. */
  | (DeviceBase & {
      readonly kind: "wireguard";
      /** UDP port of both families. */
      readonly port: number;
      readonly publicKey: string;
      readonly peers: WireguardPeers;
    })
  /** A TUN device whose user-space daemon sends what it reads to a peer over UDP (flannel's udp backend). */
  | (DeviceBase & { readonly kind: "tun"; readonly daemon: TunDaemon });

export type MacvlanMode = "bridge" | "private" | "vepa" | "passthru";
export type IpvlanMode = "l2" | "l3" | "l3s";

export interface StackParent {
  readonly netns: NetnsId;
  readonly device: string;
}

export interface Children {
  readonly kind: "macvlan" | "ipvlan";
  readonly mode: MacvlanMode | IpvlanMode;
  /** The one that has the address. */
  child(ip: Ip): StackParent | undefined;
}

/** A station behind a bridge: the port and what is at its other end. */
export interface BridgeNeighbour {
  readonly port: string;
  readonly mac: Mac;
}

/** VXLAN forwarding entries: MAC → remote VTEP. */
export interface Fdb {
  lookup(mac: Mac): FdbEntry | undefined;
  /** All entries, for printing. */
  entries(): Iterable<FdbEntry>;
}
export interface FdbEntry {
  readonly mac: Mac;
  readonly dst: Ip;
  readonly device: string;
  /** Learned from a frame that came in; nobody wrote it. */
  readonly learned?: boolean | undefined;
  readonly origin: Source | undefined;
}

export interface WireguardPeers {
  /** The peer whose allowed IPs hold the address, by the longest match (allowedips.c). */
  allowed(ip: Ip): WireguardPeer | undefined;
  byKey(publicKey: string): WireguardPeer | undefined;
  entries(): Iterable<WireguardPeer>;
}
export interface WireguardPeer {
  readonly publicKey: string;
  /** Equal at both ends, or there is no handshake; absent: none. */
  readonly presharedKey?: string | undefined;
  readonly endpoint: { readonly ip: Ip; readonly port: number };
  readonly allowedIps: readonly Prefix[];
  /** Seconds; absent: off. */
  readonly keepalive?: number | undefined;
  readonly origin: Source | undefined;
}

export interface TunDaemon {
  /** UDP port on which the daemon listens and to which it sends. */
  readonly port: number;
  readonly local: Ip;
  /** The daemon's own table: destination → address of the peer daemon. */
  lookup(ip: Ip): { readonly peer: Ip; readonly text: string; readonly origin: Source | undefined } | undefined;
  /** The whole table, for printing. The longest match holds; of equal ones the last. */
  entries(): Iterable<{ readonly dst: Prefix; readonly peer: Ip }>;
  /** Who speaks: "flanneld". */
  readonly process: string;
  /** The daemon takes 1 from the inner TTL when it sends and again when it receives (flannel pkg/backend/udp/proxy_amd64.c). */
  readonly decrementsTtl: boolean;
}

/* ---------------------------------------------------------------- routing */

export type RouteType = "unicast" | "local" | "broadcast" | "unreachable" | "blackhole" | "prohibit";
export type RouteScope = "global" | "link" | "host";

export interface Nexthop {
  /** Absent: the destination itself is on-link (or the device needs no neighbour). */
  readonly via?: Ip;
  readonly dev: string;
  readonly weight?: number;
  readonly onlink?: boolean;
}

export interface Route {
  readonly dst: Prefix;
  readonly type: RouteType;
  /** Empty for blackhole, unreachable, prohibit; several for ECMP. */
  readonly nexthops: readonly Nexthop[];
  /** Preferred source. */
  readonly src?: Ip;
  /** As `ip route` prints it: "kernel", "static", "bird", "80"; absent = boot. */
  readonly proto?: string;
  readonly scope?: RouteScope;
  readonly metric?: number;
  readonly mtu?: number;
  /** Why it is there, in one sentence for people: "flanneld: lease of node2". */
  readonly why: string;
  readonly origin: Source | undefined;
}

/**
 * A table made of layers: a node's own routes over tables shared by many nodes. A layer may leave out entries of the
 * layers below (`except`), e.g. a node's own podCIDR in the table of all leases.
 */
export interface RouteTable {
  readonly layers: readonly RouteLayer[];
}
export interface RouteLayer {
  readonly table: PrefixTable<Route>;
  /** Destinations in this layer that do not hold here. */
  readonly except?: (route: Route) => boolean;
}

export interface PolicyRule {
  readonly priority: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly fwmark?: { readonly value: number; readonly mask: number };
  readonly iif?: string;
  readonly table: string;
}

export interface NeighbourTable {
  /** A permanent entry; undefined means that the kernel has to ask. */
  lookup(device: string, ip: Ip): Neighbour | undefined;
  entries(): Iterable<Neighbour>;
}
export interface Neighbour {
  readonly ip: Ip;
  readonly mac: Mac;
  readonly device: string;
  readonly origin: Source | undefined;
}

/* ------------------------------------------------------------------ IPsec */

/** What `ip xfrm policy` and `ip xfrm state` print (net/xfrm). */
export interface Xfrm {
  policy(direction: XfrmDirection, src: Ip, dst: Ip): XfrmPolicy | undefined;
  /** The association for packets from one tunnel address to the other; undefined: the ends could not agree. */
  state(src: Ip, dst: Ip): XfrmState | undefined;
  policies(): Iterable<XfrmPolicy>;
  states(): Iterable<XfrmState>;
}
export type XfrmDirection = "in" | "out" | "fwd";
/** Packets between these ranges travel in ESP tunnel mode between these addresses. */
export interface XfrmPolicy {
  readonly direction: XfrmDirection;
  readonly src: Prefix;
  readonly dst: Prefix;
  readonly template: { readonly src: Ip; readonly dst: Ip; readonly reqid: number };
  readonly origin: Source | undefined;
}
export interface XfrmState {
  readonly src: Ip;
  readonly dst: Ip;
  readonly spi: number;
  readonly reqid: number;
  readonly cipher: EspCipher;
  /** ESP in UDP (RFC 3948); absent: IP protocol 50. */
  readonly udpPort?: number | undefined;
  readonly origin: Source | undefined;
}
/** Bytes that the cipher adds (RFC 4303 §2). */
export interface EspCipher {
  readonly name: string;
  readonly iv: number;
  /** The payload with its two bytes of trailer is filled up to a multiple of this. */
  readonly block: number;
  readonly icv: number;
}

/* -------------------------------------------------------------- netfilter */

export type IptablesTable = "raw" | "mangle" | "nat" | "filter";
/** iptables' tables, and those of nftables by name: "nft kube-proxy". */
export type NfTable = IptablesTable | `nft ${string}`;
export type NfHook = "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT" | "POSTROUTING";
export type Transport = "tcp" | "udp" | "sctp" | "icmp" | "ipip" | "esp";

/** What iptables-save would print for one address family. Chains that are absent are empty with policy ACCEPT. */
export interface Netfilter {
  chain(family: 4 | 6, table: NfTable, chain: string): NfChain | undefined;
  /** All chains of iptables' tables, for printing. */
  chains(family: 4 | 6): Iterable<{ readonly table: IptablesTable; readonly chain: NfChain }>;
  /** Chains of nftables that hang in the hooks by themselves. */
  bases(family: 4 | 6): readonly NfBase[];
  /** What `nft list ruleset` would print of their tables. */
  nft(family: 4 | 6): readonly NftLine[];
}
/** A base chain: `type nat hook prerouting priority -100`. */
export interface NfBase {
  readonly table: NfTable;
  readonly chain: string;
  readonly hook: NfHook;
  readonly priority: number;
  readonly type: "filter" | "nat";
}
export interface NftLine {
  readonly text: string;
  readonly origin: Source | undefined;
}
export interface NfChain {
  readonly name: string;
  /** Only built-in chains have one. */
  readonly policy?: "ACCEPT" | "DROP";
  readonly rules: readonly NfRule[];
  /** The rules that may match a packet to this address and port, in their order: a long chain need not be walked, nor made. */
  candidates?(dst: Ip, dport: number | undefined): readonly NfRule[];
}
export interface NfRule {
  readonly match: NfMatch;
  readonly target: NfTarget;
  readonly comment?: string;
  /** It was given before the other extensions, the protocol's included, and iptables-save keeps that order. */
  readonly commentFirst?: boolean;
  /** What it means for people that the rule decided, or set its mark: asked only where somebody follows the packet. */
  readonly explain?: (packet: Packet) => Explanation;
  /** As `nft` prints it, for a rule of nftables. */
  readonly text?: string;
  readonly origin: Source | undefined;
}
/** All given conditions must hold. */
export interface NfMatch {
  readonly src?: Negatable<Prefix>;
  readonly dst?: Negatable<Prefix>;
  readonly proto?: Transport;
  readonly sport?: PortRange;
  readonly dport?: PortRange;
  readonly in?: Negatable<string>;
  readonly out?: Negatable<string>;
  readonly mark?: Negatable<{ readonly value: number; readonly mask: number }>;
  readonly ctstate?: readonly CtState[];
  readonly srcRange?: IpRange;
  /** Several: each of them must hold. */
  readonly addrtype?: AddrType | readonly AddrType[];
  /** `-m rpfilter --validmark --invert`: holds where the answer would not leave by the device by which the packet came. */
  readonly rpfilterFails?: boolean;
  /** `-m statistic --mode random`: holds with this probability, so that a walk forks. */
  readonly statistic?: { readonly probability: number };
  /** `-m recent`: the source is in the list (`rcheck`), or is put into it (`set`, which always holds). */
  readonly recent?:
    | { readonly name: string; readonly op: "set" }
    | { readonly name: string; readonly op: "rcheck"; readonly seconds: number; readonly reap: boolean };
  /** ipset(8): `-m set --match-set NAME src`. */
  readonly sets?: readonly SetMatch[];
  /** `-m multiport --dports 80,443`. */
  readonly dports?: readonly PortRange[];
  /** `-m icmp --icmp-type 8`: messages of the type that this one has. */
  readonly icmp?: IcmpMessage["kind"];
}
export interface SetMatch {
  readonly set: IpSet;
  /** What of the packet is looked for, in the order of the set's type. */
  readonly side: "src" | "dst" | "dst,dst" | "src,dst" | "dst,dst,src";
  readonly not?: boolean;
}
/** A set of addresses, or of addresses with ports. One object where several rules have it. */
export interface IpSet {
  readonly name: string;
  readonly type: "hash:net" | "hash:ip" | "hash:ip,port" | "hash:ip,port,ip" | "hash:ip,port,net" | "bitmap:port";
  readonly family: 4 | 6;
  /** `other`: the third part of what a set of three is asked for. */
  contains(ip: Ip, proto?: Transport, port?: number, other?: Ip): boolean;
  /** All members, for printing. */
  members(): Iterable<Prefix>;
  /** The same as text, for sets whose members are more than addresses. */
  entries?(): Iterable<string>;
}
export interface AddrType {
  readonly side: "src" | "dst";
  readonly type: "LOCAL";
  readonly not?: boolean;
  /** --limit-iface-out: only addresses of the device by which the packet leaves. */
  readonly ofEgress?: boolean;
}
export interface Negatable<T> {
  readonly is: T;
  readonly not?: boolean;
}
export interface PortRange {
  readonly first: number;
  readonly last: number;
}
export type CtState = "NEW" | "ESTABLISHED" | "RELATED" | "INVALID" | "UNTRACKED";
export type NfTarget =
  | { readonly kind: "ACCEPT" }
  | { readonly kind: "DROP" }
  | { readonly kind: "RETURN" }
  | { readonly kind: "REJECT"; readonly with: "icmp-port-unreachable" | "icmp-admin-prohibited" | "tcp-reset" }
  /** `goto` (-g): where the chain ends without a verdict, the one from which it was reached ends too. */
  | { readonly kind: "JUMP"; readonly chain: string; readonly goto?: boolean }
  | { readonly kind: "MASQUERADE"; readonly randomFully?: boolean }
  | { readonly kind: "SNAT"; readonly to: Ip; readonly randomFully?: boolean }
  | { readonly kind: "DNAT"; readonly to: Ip; readonly port?: number }
  | { readonly kind: "MARK"; readonly value: number; readonly mask: number }
  /** A rule without a target: it only counts. */
  | { readonly kind: "NONE" }
  /** Table raw: no connection is kept for the packet. */
  | { readonly kind: "NOTRACK" }
  /** A program gives the verdict (nfnetlink_queue). */
  | { readonly kind: "NFQUEUE"; readonly number: number; readonly program: (packet: Packet) => QueueVerdict }
  /** Sets the connection's mark, or gives it to the packet (net/netfilter/xt_connmark.c). */
  | { readonly kind: "CONNMARK"; readonly op: "set"; readonly value: number; readonly mask: number }
  | { readonly kind: "CONNMARK"; readonly op: "restore"; readonly mask: number };

/** `note` says why, in a sentence for people. */
export interface Explanation {
  readonly note: string;
  readonly origin: Source | undefined;
}
export interface QueueVerdict extends Explanation {
  readonly accept: boolean;
}

/* ------------------------------------------------------------------- ipvs */

/** The kernel's load balancer (net/netfilter/ipvs): what `ipvsadm -Sn` would print. */
export interface Ipvs {
  find(proto: Transport, ip: Ip, port: number): VirtualServer | undefined;
  all(): Iterable<VirtualServer>;
}
export interface VirtualServer {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly ip: Ip;
  readonly port: number;
  readonly scheduler: string;
  /** Seconds for which a client keeps its server. */
  readonly persistence: number | undefined;
  /** In masquerading (NAT) mode, each of weight 1. */
  readonly servers: readonly { readonly ip: Ip; readonly port: number }[];
  readonly origin: Source | undefined;
}

/* ------------------------------------------------------- sysctls, sockets */

export interface Sysctls {
  readonly ipForward: boolean;
  readonly ip6Forward: boolean;
  /** 0 off, 1 strict, 2 loose; the larger of `all` and the device's counts (Documentation/networking/ip-sysctl). */
  rpFilter(device: string): 0 | 1 | 2;
  readonly bridgeNfCallIptables: boolean;
  readonly bridgeNfCallIp6tables: boolean;
  proxyArp(device: string): boolean;
}

/** A listening socket. */
export interface Socket {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly port: number;
  /** Bound address; undefined = any. */
  readonly address?: Ip;
  /** Who listens: "c1.1", "d1". */
  readonly process: string;
  readonly origin: Source | undefined;
}
