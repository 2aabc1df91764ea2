/** Builds rules: the conditions of a rule as a record, which is easier to read and to combine than the list of its matches. */
import type { Ip, IpRange, Prefix } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import type {
  AddrType,
  CtMatch,
  Explanation,
  IcmpType,
  Mark,
  Negatable,
  NfChain,
  NfMatch,
  NfRule,
  NfTarget,
  PortRange,
  RecentMatch,
  SetMatch,
  Transport,
} from "./model.ts";
import type { IcmpMessage, Packet } from "./packet.ts";

/** All conditions must match; each is described at `NfMatch`. */
export interface Conditions {
  readonly src?: Negatable<Prefix>;
  readonly dst?: Negatable<Prefix>;
  readonly proto?: Transport;
  readonly sport?: PortRange;
  readonly dport?: PortRange;
  readonly in?: Negatable<string>;
  readonly out?: Negatable<string>;
  readonly mark?: Negatable<Mark>;
  readonly ctstate?: readonly CtMatch[];
  readonly notCtstate?: readonly CtMatch[];
  readonly srcRange?: IpRange;
  /** A list: all entries must match. */
  readonly addrtype?: AddrType | readonly AddrType[];
  readonly rpfilterFails?: boolean;
  readonly statistic?: { readonly probability: number };
  readonly recent?: RecentMatch;
  readonly sets?: readonly SetMatch[];
  readonly dports?: readonly PortRange[];
  readonly ipvs?: { readonly ip: Ip; readonly proto: Transport; readonly port: number };
  readonly notBridged?: boolean;
  readonly icmp?: IcmpMessage["kind"] | IcmpType;
  /** TCP packets that open a connection. */
  readonly syn?: true;
}

export interface RuleSpec {
  readonly match: Conditions;
  readonly target: NfTarget;
  readonly comment?: string | undefined;
  /** The comment precedes the other extensions, including the protocol; iptables-save keeps that order. */
  readonly commentFirst?: boolean;
  readonly explain?: (packet: Packet) => Explanation;
  readonly text?: string;
  readonly marks?: Mark;
  readonly origin: Origin | undefined;
}

/** The rule, with its matches in the order in which the programs add them. */
export function nfRule({ match, comment, commentFirst, ...rule }: RuleSpec): NfRule {
  const matches: NfMatch[] = [];
  addHeader(matches, match);
  if (commentFirst) {
    // kube-proxy: the protocol's extension is the last one. In ipvs mode, sets match the ports.
    if (comment !== undefined) matches.push({ kind: "comment", text: comment });
    addExtensions(matches, match);
    if (match.proto !== undefined && !match.sets) addPorts(matches, match);
  } else {
    if (match.sport || match.dport) addPorts(matches, match);
    if (match.dports) matches.push({ kind: "multiport", dports: match.dports });
    if (match.syn) matches.push({ kind: "syn" });
    if (match.icmp !== undefined) matches.push({ kind: "icmp", message: match.icmp });
    addExtensions(matches, match);
    if (comment !== undefined) matches.push({ kind: "comment", text: comment });
  }
  return { ...rule, matches };
}

/** The fields of the IP header and the devices (struct ipt_ip): iptables prints them first. */
function addHeader(matches: NfMatch[], { src, dst, in: ingress, out, proto }: Conditions): void {
  if (src) matches.push({ kind: "src", ...src });
  if (dst) matches.push({ kind: "dst", ...dst });
  if (ingress) matches.push({ kind: "in", ...ingress });
  if (out) matches.push({ kind: "out", ...out });
  if (proto !== undefined) matches.push({ kind: "proto", proto });
}

function addPorts(matches: NfMatch[], { proto, sport, dport }: Conditions): void {
  matches.push({ kind: "ports", proto, sport, dport });
}

function addExtensions(matches: NfMatch[], match: Conditions): void {
  if (match.srcRange) matches.push({ kind: "iprange", ...match.srcRange });
  for (const set of match.sets ?? []) matches.push({ kind: "set", ...set });
  if (match.ipvs) matches.push({ kind: "ipvs", ...match.ipvs });
  if (match.notBridged) matches.push({ kind: "physdev", not: true });
  for (const type of addrTypesOf(match)) matches.push({ kind: "addrtype", ...type });
  if (match.mark) matches.push({ kind: "mark", ...match.mark });
  if (match.rpfilterFails) matches.push({ kind: "rpfilter", not: true });
  if (match.ctstate) matches.push({ kind: "conntrack", is: match.ctstate });
  if (match.notCtstate) matches.push({ kind: "conntrack", is: match.notCtstate, not: true });
  if (match.statistic) matches.push({ kind: "statistic", ...match.statistic });
  if (match.recent) matches.push({ kind: "recent", ...match.recent });
}

function addrTypesOf({ addrtype }: Conditions): readonly AddrType[] {
  if (addrtype === undefined) return [];
  return isList(addrtype) ? addrtype : [addrtype];
}

function isList(types: AddrType | readonly AddrType[]): types is readonly AddrType[] {
  return Array.isArray(types);
}

/** A chain with rules that are built now. */
export function nfChain({
  rules,
  ...chain
}: Omit<NfChain, "rules" | "candidates"> & { readonly rules: readonly RuleSpec[] }): NfChain {
  return { ...chain, rules: rules.map(nfRule) };
}
