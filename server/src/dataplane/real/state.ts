/**
 * The state of real machines: what `ip`, `bridge`, `iptables-save`, and similar commands print there, as entries with their
 * locations. Unlike a network namespace, it does not contain the other ends of links.
 */
import type { InterfaceAddress, Ip, Prefix } from "../../addressing/ip.ts";
import type { Document } from "../../declared/document.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import type { Origin } from "../../declared/origin.ts";
import type {
  Device,
  FdbEntry,
  IptablesTable,
  Mac,
  Neighbour,
  NfChain,
  NfRule,
  PolicyRule,
  Route,
  VirtualServer,
  XfrmPolicy,
} from "../model.ts";
import type { NftTable } from "../nft/ast.ts";

export interface RealState {
  readonly machines: readonly RealMachine[];
  /** The files, in which entries are located. */
  readonly documents: readonly Document[];
  readonly problems: readonly FileProblem[];
}

/** The outputs of the commands on one machine. */
export interface RealMachine {
  /** As the file or folder is named. */
  readonly name: string;
  /** The file or files of the machine as a whole. */
  readonly origin: Origin;
  /** The outputs that exist, with the files that contain them. Nothing is known about the others. */
  readonly outputs: ReadonlyMap<Output, Origin>;
  readonly devices: readonly RealDevice[];
  /** With routes of table `local`, the output shows all tables. */
  readonly routes: readonly RealRoute[];
  readonly rules: readonly RealRule[];
  readonly neighbours: readonly RealNeighbour[];
  readonly fdb: readonly RealFdbEntry[];
  readonly chains: readonly RealChain[];
  /** Undefined without an output of nft. */
  readonly nft: RealNftRuleset | undefined;
  readonly ipvs: readonly RealServer[];
  /** By name, with dots: "net.ipv4.ip_forward". */
  readonly sysctls: ReadonlyMap<string, RealSysctl>;
  readonly peers: readonly RealPeer[];
  readonly listenPorts: ReadonlyMap<string, number>;
  readonly xfrmPolicies: readonly Located<XfrmPolicy>[];
  readonly xfrmStates: readonly RealSecurityAssociation[];
}

export type Output =
  | "addresses"
  | "links"
  | "routes4"
  | "routes6"
  | "rules4"
  | "rules6"
  | "neighbours"
  | "fdb"
  | "iptables4"
  | "iptables6"
  | "nft"
  | "ipset"
  | "ipvs"
  | "sysctls"
  | "wireguard"
  | "xfrm-policies"
  | "xfrm-states";

/** An entry that a file shows. */
export type Located<T> = Omit<T, "origin"> & { readonly origin: Origin };

export interface RealDevice {
  readonly name: string;
  /** As iproute2 names it ("vxlan", "veth"), "loopback", or undefined: `ip link` was not called with `-d`. */
  readonly kind: string | undefined;
  readonly index: number | undefined;
  /** The link part was printed, not only addresses. */
  readonly mtu: number | undefined;
  readonly mac: Mac | undefined;
  readonly master: string | undefined;
  readonly lower: string | undefined;
  readonly hairpin: boolean | undefined;
  readonly state: LinkState | undefined;
  readonly addresses: readonly RealAddress[];
  /** Undefined: the details were not printed. */
  readonly vxlan: RealVxlan | undefined;
  readonly ipip: { readonly local: Ip | undefined; readonly remote: Ip | undefined } | undefined;
  readonly origin: Origin;
}

/** `down`: by configuration; `no-carrier`: nothing is attached, or a short output shows only DOWN. */
export type LinkState = "up" | "no-carrier" | "down";

/** A device that sends and receives nothing. A bridge without ports has no carrier, and a dummy device needs none. */
export function isDown({ state }: RealDevice, { kind }: Device): boolean {
  if (kind === "dummy" || kind === "loopback") return false;
  return state === "down" || (state === "no-carrier" && kind !== "bridge");
}

export interface RealAddress extends InterfaceAddress {
  readonly origin: Origin;
}

export interface RealVxlan {
  readonly vni: number | undefined;
  readonly port: number | undefined;
  readonly local: Ip | undefined;
  readonly learning: boolean;
}

export interface RealRoute {
  readonly table: string;
  readonly route: Located<Route>;
  /** The output does not show the next hops (BusyBox prints only the destination of a multipath route). */
  readonly isPartial: boolean;
}

export interface RealRule {
  readonly family: 4 | 6;
  readonly rule: PolicyRule;
  /** Selectors and actions that are not modeled, as printed. */
  readonly more: string;
  readonly origin: Origin;
}

export interface RealNeighbour extends Located<Neighbour> {
  /** Configured, not resolved: PERMANENT or NOARP. */
  readonly isPermanent: boolean;
}

export type RealFdbEntry = Omit<Located<FdbEntry>, "dst"> & {
  /** Undefined for an entry of a bridge. */
  readonly dst: Ip | undefined;
};

/** A chain of the iptables tables. */
export interface RealChain {
  readonly family: 4 | 6;
  readonly table: IptablesTable;
  readonly name: string;
  readonly policy: NfChain["policy"] | undefined;
  readonly rules: readonly RealNfRule[];
  readonly origin: Origin;
}

export interface RealNfRule {
  /** Undefined if the rule has a match or a target that is not modeled. */
  readonly rule: NfRule | undefined;
  /** After `-A CHAIN`, without counters. */
  readonly text: string;
  readonly origin: Origin;
}

/** The nftables tables; lines are indexes into the texts and their locations. */
export interface RealNftRuleset {
  readonly tables: readonly NftTable[];
  readonly texts: readonly string[];
  readonly origins: readonly Origin[];
  /** The tables of iptables-nft in `tables`: the iptables tables of their families are empty. */
  readonly compat: readonly NftTable[];
}

export interface RealServer extends Located<Omit<VirtualServer, "servers">> {
  readonly servers: readonly RealDestination[];
}
export interface RealDestination {
  readonly ip: Ip;
  readonly port: number;
  readonly origin: Origin;
}

export interface RealSysctl {
  readonly value: string;
  readonly origin: Origin;
}

/** A WireGuard peer; the output's keys are not kept, except the public one. */
export interface RealPeer {
  readonly device: string;
  readonly publicKey: string;
  readonly endpoint: { readonly ip: Ip; readonly port: number } | undefined;
  readonly allowedIps: readonly Prefix[];
  readonly origin: Origin;
}

export interface RealSecurityAssociation {
  readonly src: Ip;
  readonly dst: Ip;
  readonly spi: number;
  readonly reqid: number;
  readonly udpPort: number | undefined;
  readonly origin: Origin;
}
