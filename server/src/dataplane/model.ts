/**
 * The state of Linux machines as data: the output of `ip addr`, `ip route`, `ip rule`, `ip neigh`, `bridge fdb`,
 * `iptables-save`, and `sysctl`. Written by `cni/` (the modes and the machines themselves), read by the simulator and by
 * `knet routes`. Independent of Kubernetes; the simulator does not depend on any CNI mode.
 */
import type { InterfaceAddress, Ip, IpRange, Prefix } from "../addressing/ip.ts";
import type { PrefixTable } from "../addressing/prefix-table.ts";
import type { Origin } from "../declared/origin.ts";
import type { NftStatement } from "./nft/ast.ts";
import type { EspCipher, IcmpMessage, Mac, Packet, Transport } from "./packet.ts";
import type { ConnectProgram, DevicePrograms, QueueProgram } from "./program.ts";

export type { EspCipher, Mac, Transport };

/** Name of a network namespace: "prod/n1", "prod/shop/web", "tor". Unique in a network. */
export type NetnsId = string;
export type OwnerKind = "pod" | "node" | "router" | "host";

/** The data plane of a topology. Network namespaces are compiled on first use and cached; no structure grows with nodes². */
export interface Network {
  /** The network namespace with this id; undefined if it does not exist. */
  netns(id: NetnsId): Netns | undefined;
  /** The link end that replies to ARP or neighbor discovery for `ip` on the segment, except `asker`; the first declared one if there are several. */
  resolve(segment: string, ip: Ip, asker: NetnsId): LinkEnd | undefined;
  segment(name: string): L2Segment | undefined;
  /** The interface with this MAC address on the segment. */
  withMac?(segment: string, mac: Mac): LinkEnd | undefined;
}

export interface L2Segment {
  readonly name: string;
  /** Largest IP packet that the segment's switches forward; larger packets are dropped silently. */
  readonly mtu: number;
  /** Source/destination check of a cloud: whether the interface is allowed to send from, and to receive packets for, the address. */
  admits(netns: NetnsId, device: string, ip: Ip): boolean;
  /** Name of the cloud if its network drops IP-in-IP (protocol 4): "Azure". */
  readonly refusesIpip: string | undefined;
  /** Rules of the network for every packet between two machines; absent: none. */
  readonly filters?: { readonly [F in 4 | 6]: readonly NfRule[] };
  readonly origin: Origin | undefined;
}

/** One end of a link: a device in a network namespace. */
export interface LinkEnd {
  readonly netns: NetnsId;
  readonly device: string;
  readonly mac: Mac;
  /** The device stacked on this one (macvlan, ipvlan) that has the address. */
  readonly upper?: { readonly netns: NetnsId; readonly device: string } | undefined;
  /** Other machines also reply, each after a random delay: an anycast address of several routers. */
  readonly hasRivals?: boolean;
}

export interface Netns {
  readonly id: NetnsId;
  readonly kind: OwnerKind;
  readonly devices: ReadonlyMap<string, Device>;
  /** Policy routing rules in order of priority. Default: local 0, main 32766, default 32767 (net/ipv4/fib_rules.c). */
  readonly rules: readonly PolicyRule[];
  /** Routing tables by name: "main", "100", … Table `local` is derived (`localAddressesOf` in fib.ts). */
  readonly tables: ReadonlyMap<string, RouteTable>;
  readonly neighbours: NeighbourTable;
  readonly netfilter: Netfilter;
  /** IPsec policies and security associations; absent: none. */
  readonly xfrm?: Xfrm | undefined;
  readonly ipvs?: Ipvs;
  /** Attached to the cgroup of the processes: runs when a socket connects or sends a datagram. */
  readonly connect?: ConnectProgram | undefined;
  readonly sysctls: Sysctls;
  readonly sockets: readonly Socket[];
  readonly origin: Origin | undefined;
}

/* ---------------------------------------------------------------- devices */

interface DeviceBase {
  readonly name: string;
  readonly mtu: number;
  readonly mac: Mac | undefined;
  readonly addresses: readonly InterfaceAddress[];
  /** Enslaved to this bridge. */
  readonly master?: string;
  /** On a real machine: the device is down. Its routes are absent or marked in the real tables. */
  readonly isDown?: true;
  /** Bridge port flag: a frame can leave through the port it arrived on. */
  readonly hairpin?: boolean;
  /** Programs on tc ingress and tc egress. */
  readonly tc?: DevicePrograms | undefined;
  readonly origin: Origin | undefined;
}

export type Device =
  | (DeviceBase & { readonly kind: "loopback" })
  /** Has addresses, but forwards nothing: kube-ipvs0. */
  | (DeviceBase & { readonly kind: "dummy" })
  | (DeviceBase & {
      readonly kind: "physical";
      readonly segment: string;
      /** Devices of other network namespaces that are stacked on this one. */
      readonly children?: Children | undefined;
    })
  /** Stacked on a device of another network namespace, bypassing its IP layer (drivers/net/macvlan.c, drivers/net/ipvlan). */
  | (DeviceBase & { readonly kind: "macvlan"; readonly mode: MacvlanMode; readonly parent: StackParent })
  | (DeviceBase & { readonly kind: "ipvlan"; readonly mode: IpvlanMode; readonly parent: StackParent })
  | (DeviceBase & { readonly kind: "veth"; readonly peer: { readonly netns: NetnsId; readonly device: string } })
  /** Ports are the devices whose `master` is this bridge. `portFor` returns the port through which an address replies to ARP. */
  | (DeviceBase & { readonly kind: "bridge"; portFor(ip: Ip): BridgeNeighbour | undefined })
  | (DeviceBase & {
      readonly kind: "vxlan";
      readonly vni: number;
      /** UDP destination port. */
      readonly port: number;
      readonly local: Ip;
      /** Lower device: its MTU limits the tunnel MTU. Packets follow the route to the destination of the FDB entry, through any device. */
      readonly lower: string | undefined;
      readonly learning: boolean;
      readonly fdb: Fdb;
    })
  /** IP-in-IP (protocol 4). Without `remote`, the remote endpoint is the next hop of the route (net/ipv4/ip_tunnel.c). */
  | (DeviceBase & {
      readonly kind: "ipip";
      readonly local: Ip | undefined;
      readonly remote: Ip | undefined;
      readonly lower: string | undefined;
    })
  /** Cryptokey routing (drivers/net/wireguard): the destination selects the peer, and the peer must be allowed to use the source. */
  | (DeviceBase & {
      readonly kind: "wireguard";
      /** UDP port, for both address families. */
      readonly port: number;
      readonly publicKey: string;
      readonly peers: WireguardPeers;
    })
  /** A TUN device whose user-space daemon sends the packets to a peer over UDP (flannel's udp backend). */
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
  /** The stacked device that has the address. */
  child(ip: Ip): StackParent | undefined;
}

/** A machine attached to a bridge: the port and the MAC address on the other side. */
export interface BridgeNeighbour {
  readonly port: string;
  readonly mac: Mac;
}

/** VXLAN FDB (forwarding database): MAC address → remote VTEP. */
export interface Fdb {
  lookup(mac: Mac): FdbEntry | undefined;
  /** All entries, for printing. */
  entries(): Iterable<FdbEntry>;
}
export interface FdbEntry {
  readonly mac: Mac;
  readonly dst: Ip;
  readonly device: string;
  /** Learned from a received frame, not configured. */
  readonly learned?: boolean | undefined;
  readonly origin: Origin | undefined;
}

export interface WireguardPeers {
  /** The peer whose allowed IPs contain the address, by longest match (allowedips.c). */
  allowed(ip: Ip): WireguardPeer | undefined;
  byKey(publicKey: string): WireguardPeer | undefined;
  entries(): Iterable<WireguardPeer>;
}
export interface WireguardPeer {
  readonly publicKey: string;
  /** Must be equal on both sides, otherwise the handshake fails; absent: not used. */
  readonly presharedKey?: string | undefined;
  readonly endpoint: { readonly ip: Ip; readonly port: number };
  readonly allowedIps: readonly Prefix[];
  /** Seconds; absent: off. */
  readonly keepalive?: number | undefined;
  /** The network namespace of the peer's device. */
  readonly netns: NetnsId;
  readonly origin: Origin | undefined;
}

export interface TunDaemon {
  /** UDP port that the daemon listens on and sends to. */
  readonly port: number;
  readonly local: Ip;
  /** The daemon's table: destination → address of the peer daemon. */
  lookup(ip: Ip): { readonly peer: Ip; readonly text: string; readonly origin: Origin | undefined } | undefined;
  /** The whole table, for printing. The longest match applies; among equal prefixes the last entry. */
  entries(): Iterable<{ readonly dst: Prefix; readonly peer: Ip }>;
  /** The name of the daemon: "flanneld". */
  readonly process: string;
  /** The daemon decrements the inner TTL when it sends and again when it receives (flannel pkg/backend/udp/proxy_amd64.c). */
  readonly decrementsTtl: boolean;
}

/* ---------------------------------------------------------------- routing */

export type RouteType =
  | "unicast"
  | "local"
  | "anycast"
  | "broadcast"
  | "multicast"
  | "unreachable"
  | "blackhole"
  | "prohibit";
export type RouteScope = "global" | "link" | "host";

export interface Nexthop {
  /** Absent: the destination is on-link (or the device does not use neighbor entries). */
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
  /** As `ip route` prints it: "kernel", "static", "bird", "80"; absent: boot. */
  readonly proto?: string;
  readonly scope?: RouteScope;
  readonly metric?: number;
  readonly mtu?: number;
  /** Reason for the route, shown to users: "flanneld: lease of node2"; see `whyOf`. */
  readonly why: string | (() => string);
  readonly origin: Origin | undefined;
}

/**
 * A table composed of layers: the routes of one node on top of tables shared by many nodes. A layer can exclude entries of
 * a shared table (`except`), for example the node's own podCIDR in the table of all leases.
 */
export interface RouteTable {
  readonly layers: readonly RouteLayer[];
}
export interface RouteLayer {
  readonly table: PrefixTable<Route>;
  /** Whether a route of this layer does not apply to this machine. */
  readonly except?: (route: Route) => boolean;
}

export interface PolicyRule {
  readonly priority: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly fwmark?: { readonly value: number; readonly mask: number };
  readonly iif?: string;
  readonly table: string;
  readonly origin?: Origin | undefined;
}

export interface NeighbourTable {
  /** A permanent entry; undefined: the kernel must resolve the address (ARP, NDP). */
  lookup(device: string, ip: Ip): Neighbour | undefined;
  entries(): Iterable<Neighbour>;
}
export interface Neighbour {
  readonly ip: Ip;
  readonly mac: Mac;
  readonly device: string;
  readonly origin: Origin | undefined;
}

/* ------------------------------------------------------------------ IPsec */

/** The output of `ip xfrm policy` and `ip xfrm state` (net/xfrm). */
export interface Xfrm {
  policy(direction: XfrmDirection, src: Ip, dst: Ip): XfrmPolicy | undefined;
  /** The security association between two tunnel addresses; undefined: the two sides do not agree. */
  state(src: Ip, dst: Ip): XfrmState | undefined;
  policies(): Iterable<XfrmPolicy>;
  states(): Iterable<XfrmState>;
}
export type XfrmDirection = "in" | "out" | "fwd";
/** Packets between these ranges are sent in ESP tunnel mode between the addresses of the template. */
export interface XfrmPolicy {
  readonly direction: XfrmDirection;
  readonly src: Prefix;
  readonly dst: Prefix;
  readonly template: { readonly src: Ip; readonly dst: Ip; readonly reqid: number };
  readonly origin: Origin | undefined;
}
export interface XfrmState {
  readonly src: Ip;
  readonly dst: Ip;
  readonly spi: number;
  readonly reqid: number;
  readonly cipher: EspCipher;
  /** ESP in UDP (RFC 3948); absent: IP protocol 50. */
  readonly udpPort?: number | undefined;
  readonly origin: Origin | undefined;
}
/* -------------------------------------------------------------- netfilter */

export type IptablesTable = "raw" | "mangle" | "nat" | "filter";
/** iptables tables, and nftables tables by name: "nft kube-proxy". */
export type NfTable = IptablesTable | `nft ${string}`;
export type NfHook = "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT" | "POSTROUTING";

/** The output of iptables-save, per address family. Absent chains are empty and have policy ACCEPT. */
export interface Netfilter {
  chain(family: 4 | 6, table: NfTable, chain: string): NfChain | undefined;
  /** All chains of the iptables tables, for printing. */
  chains(family: 4 | 6): Iterable<{ readonly table: IptablesTable; readonly chain: NfChain }>;
  /** Base chains of nftables. */
  bases(family: 4 | 6): readonly NfBase[];
  /** The tables in the output of `nft list ruleset`. */
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
  readonly origin: Origin | undefined;
}
export interface NfChain {
  readonly name: string;
  /** Only for built-in chains. */
  readonly policy?: "ACCEPT" | "DROP";
  /** The statement that sets the policy. */
  readonly policyOrigin?: Origin;
  readonly rules: readonly NfRule[];
  /** The rules that can match a packet to this address and port, in order: a long chain is not walked, or even built, as a whole. */
  candidates?(dst: Ip, dport: number | undefined): readonly NfRule[];
}
export interface NfRule {
  /** All must match. In the order in which iptables prints them. */
  readonly matches: readonly NfMatch[];
  readonly target: NfTarget;
  /** Explains a decision or a mark of this rule to users; computed only while a packet is traced. */
  readonly explain?: (packet: Packet) => Explanation;
  /** As `nft` prints it; only for nftables rules. */
  readonly text?: string;
  /** nftables: the rule sets the mark before its target, like a MARK target. */
  readonly marks?: Mark;
  readonly origin: Origin | undefined;
}
export interface Mark {
  readonly value: number;
  readonly mask: number;
}
/** A match by its kind, named after the extension or the option of iptables. */
export type NfMatch<K extends NfMatchKind = NfMatchKind> = {
  readonly [P in K]: { readonly kind: P } & NfMatches[P];
}[K];
export type NfMatchKind = keyof NfMatches;
interface NfMatches {
  readonly src: Negatable<Prefix>;
  readonly dst: Negatable<Prefix>;
  /** A device, or a prefix of names: "cali+". */
  readonly in: Negatable<string>;
  readonly out: Negatable<string>;
  readonly proto: { readonly proto: Transport };
  /** `-m tcp --sport … --dport …`; without ports, the extension is loaded but matches every packet. `proto` is absent only in nftables rules. */
  readonly ports: {
    readonly proto: Transport | undefined;
    readonly sport?: PortRange | undefined;
    readonly dport?: PortRange | undefined;
  };
  /** `-m multiport --dports 80,443`. */
  readonly multiport: { readonly dports: readonly PortRange[] };
  /** `-m icmp --icmp-type 8`: matches by ICMP type, or type and code. */
  readonly icmp: { readonly message: IcmpMessage["kind"] | IcmpType };
  /** `-m tcp --tcp-flags SYN,RST SYN`: the first packet of each direction. */
  readonly syn: object;
  /** `-m iprange --src-range`. */
  readonly iprange: IpRange;
  /** `-m set --match-set NAME src`: ipset(8). */
  readonly set: SetMatch;
  /** `-m ipvs --vaddr … --vproto … --vport …`: the packet belongs to a connection to this virtual server. */
  readonly ipvs: { readonly ip: Ip; readonly proto: Transport; readonly port: number };
  /**
   * `-m physdev ! --physdev-is-in`: the packet did not arrive through a bridge port. Not evaluated: kube-proxy's next rule
   * also accepts the other packets.
   */
  readonly physdev: { readonly not: true };
  readonly addrtype: AddrType;
  readonly mark: Negatable<Mark>;
  /** `-m rpfilter --validmark --invert`: matches if the route back to the source does not use the ingress device. */
  readonly rpfilter: { readonly not: true };
  /** `-m conntrack --ctstate`: one of these; `DNAT` alone is also nft's `ct status dnat`. */
  readonly conntrack: Negatable<readonly CtMatch[]>;
  /** `-m statistic --mode random`: matches with this probability, so the walk forks. */
  readonly statistic: { readonly probability: number };
  /** `-m recent`: the source is in the list (`rcheck`), or is added to the list (`set`, which always matches). */
  readonly recent: RecentMatch;
  /** All of a real machine's rule, as printed, if a part of it is not modeled. Never matches. */
  readonly unread: { readonly text: string };
  /** `-m comment`: matches every packet; the reason for the rule. */
  readonly comment: { readonly text: string };
}
export interface IcmpType {
  readonly type: number;
  readonly code: number | undefined;
}
export type RecentMatch =
  | { readonly name: string; readonly op: "set" }
  | { readonly name: string; readonly op: "rcheck"; readonly seconds: number; readonly reap: boolean };
export interface SetMatch {
  readonly set: IpSet;
  /** The packet fields to look up, in the order of the set's type. */
  readonly side: "src" | "dst" | "dst,dst" | "src,dst" | "dst,dst,src";
  readonly not?: boolean;
}
/** A set of addresses, or of addresses with ports. Rules that use the same set share one object. */
export interface IpSet {
  readonly name: string;
  readonly type: "hash:net" | "hash:ip" | "hash:ip,port" | "hash:ip,port,ip" | "hash:ip,port,net" | "bitmap:port";
  readonly family: 4 | 6;
  /** `other`: the third component of a lookup in a set of triples. */
  contains(ip: Ip, proto?: Transport, port?: number, other?: Ip): boolean;
  /** All members, for printing. */
  members(): Iterable<Prefix>;
  /** The members as text, for sets whose members are not plain prefixes. */
  entries?(): Iterable<string>;
}
export interface AddrType {
  readonly side: "src" | "dst";
  readonly type: "LOCAL";
  readonly not?: boolean;
  /** --limit-iface-out: only addresses of the egress device. */
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
/** `DNAT`: the connection's destination was rewritten, in any state (net/netfilter/xt_conntrack.c, conntrack_mt). */
export type CtMatch = CtState | "DNAT";
export type NfTarget =
  | { readonly kind: "ACCEPT" }
  | { readonly kind: "DROP" }
  | { readonly kind: "RETURN" }
  | { readonly kind: "REJECT"; readonly with: RejectWith }
  /** `--set-mss`, or `--clamp-mss-to-pmtu`: lowers the maximum segment size of a SYN, never raises it (xt_TCPMSS.c). */
  | { readonly kind: "TCPMSS"; readonly mss: number | "to-pmtu" }
  /** `goto` (-g): if the chain ends without a verdict, the calling chain also ends. */
  | { readonly kind: "JUMP"; readonly chain: string; readonly goto?: boolean }
  | { readonly kind: "MASQUERADE"; readonly randomFully?: boolean }
  | { readonly kind: "SNAT"; readonly to: Ip; readonly randomFully?: boolean }
  | { readonly kind: "DNAT"; readonly to: Ip; readonly port?: number }
  | { readonly kind: "MARK"; readonly value: number; readonly mask: number }
  /** Logs the packet; the next rule follows. `options`: as iptables prints them. */
  | { readonly kind: "LOG"; readonly options: string }
  /** A rule without a target: only its counters change. */
  | { readonly kind: "NONE" }
  /** Table raw: the packet is not tracked by conntrack. */
  | { readonly kind: "NOTRACK" }
  /** nftables: the statements of a rule, in order; a rule of another machine's listing can contain any. */
  | { readonly kind: "NFT"; readonly statements: readonly NftStatement[]; readonly program: QueueProgram | undefined }
  /** A user-space program returns the verdict (nfnetlink_queue). */
  | { readonly kind: "NFQUEUE"; readonly number: number; readonly program: QueueProgram }
  /** Sets the connection mark, or copies it to the packet (net/netfilter/xt_connmark.c). */
  | { readonly kind: "CONNMARK"; readonly op: "set"; readonly value: number; readonly mask: number }
  | { readonly kind: "CONNMARK"; readonly op: "restore"; readonly mask: number };

/** As iptables prints it; ip6tables has its own names. */
export type RejectWith =
  | "icmp-port-unreachable"
  | "icmp-admin-prohibited"
  | "icmp-host-prohibited"
  | "icmp-host-unreachable"
  | "icmp-net-unreachable"
  | "tcp-reset";

/** `note`: the reason as a clause, shown to users. */
export interface Explanation {
  readonly note: string;
  readonly origin: Origin | undefined;
}

/* ------------------------------------------------------------------- ipvs */

/** The kernel's load balancer (net/netfilter/ipvs): the output of `ipvsadm -Sn`. */
export interface Ipvs {
  find(proto: Transport, ip: Ip, port: number): VirtualServer | undefined;
  all(): Iterable<VirtualServer>;
}
export interface VirtualServer {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly ip: Ip;
  readonly port: number;
  readonly scheduler: string;
  /** Session affinity timeout in seconds. */
  readonly persistence: number | undefined;
  /** Real servers in masquerading (NAT) mode, each with weight 1. */
  readonly servers: readonly { readonly ip: Ip; readonly port: number }[];
  readonly origin: Origin | undefined;
}

/* ------------------------------------------------------- sysctls, sockets */

export interface Sysctls {
  readonly ipForward: boolean;
  readonly ip6Forward: boolean;
  /** 0 off, 1 strict, 2 loose: the maximum of `all` and the device's value (Documentation/networking/ip-sysctl). */
  rpFilter(device: string): 0 | 1 | 2;
  readonly bridgeNfCallIptables: boolean;
  readonly bridgeNfCallIp6tables: boolean;
  /** Whether packets from and to 127.0.0.0/8 can cross the device: `all` or the device's value (IN_DEV_ORCONF). */
  routeLocalnet(device: string): boolean;
  proxyArp(device: string): boolean;
}

/** A listening socket. */
export interface Socket {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly port: number;
  /** Bound address; undefined: any. */
  readonly address?: Ip;
  /** The family of a socket that is bound to any address; undefined: both. */
  readonly family?: 4 | 6;
  /** The listening process: "c1.1", "d1". */
  readonly process: string;
  readonly origin: Origin | undefined;
}
