/** Routes and rules in the syntax of iproute2 and iptables-save, for listings and for the steps of a trace. */
import { bits, formatIp, formatPrefix, type Ip } from "../addressing/ip.ts";
import type {
  AddrType,
  CtMatch,
  Negatable,
  Nexthop,
  NfMatch,
  NfRule,
  NfTarget,
  Route,
  Transport,
  VirtualServer,
  WireguardPeer,
  XfrmPolicy,
  XfrmState,
} from "./model.ts";
import { icmpNumbers } from "./packet.ts";

/** A route with at most one next hop, as `ip route` prints it. `flags` precede `mtu`, like in iproute2. */
export function routeText(
  route: Route,
  nexthop: Nexthop | undefined,
  flags: readonly string[] = nexthop ? nexthopFlags(nexthop) : [],
): string {
  const family = typeof route.dst.ip === "number" ? 4 : 6;
  const words = [route.type === "unicast" ? destination(route) : `${route.type} ${destination(route)}`];
  if (nexthop?.via !== undefined) words.push("via", formatIp(nexthop.via));
  if (nexthop) words.push("dev", nexthop.dev);
  else if (family === 6 && route.nexthops.length === 0) words.push("dev", "lo");
  if (route.proto !== undefined) words.push("proto", route.proto);
  if (family === 4 && route.scope !== undefined && route.scope !== "global") words.push("scope", route.scope);
  if (route.src !== undefined) words.push("src", formatIp(route.src));
  if (route.metric !== undefined) words.push("metric", String(route.metric));
  words.push(...flags);
  if (route.mtu !== undefined) words.push("mtu", String(route.mtu));
  if (family === 6) words.push("pref", "medium");
  return words.join(" ");
}

export function nexthopFlags(nexthop: Nexthop): readonly string[] {
  return nexthop.onlink ? ["onlink"] : [];
}

/** "default", an address without `/32` or `/128`, or the prefix. */
export function destination({ dst }: Route): string {
  if (dst.len === 0) return "default";
  return dst.len === bits(dst.ip) ? formatIp(dst.ip) : formatPrefix(dst);
}

/** A rule as iptables-save prints it after `-A CHAIN`. */
export function ruleText(rule: NfRule, family: 4 | 6): string {
  const { match } = rule;
  const words = [
    ...negatable(match.src, "-s", formatPrefix),
    ...negatable(match.dst, "-d", formatPrefix),
    ...negatable(match.in, "-i", (name) => name),
    ...negatable(match.out, "-o", (name) => name),
  ];
  const comment = rule.comment === undefined ? [] : ["-m", "comment", "--comment", quoted(rule.comment)];
  const { proto } = match;
  if (rule.commentFirst === true) {
    // kube-proxy's order: the extensions (only `addrtype` occurs) are between the comment and the protocol match.
    if (proto !== undefined) words.push("-p", protocolName(proto, family));
    words.push(...comment, ...extensions(match, family));
    // In ipvs mode, sets match the ports.
    if (proto !== undefined && !match.sets) words.push("-m", proto, ...portWords(match));
  } else words.push(...transport(match, family), ...extensions(match, family), ...comment);
  words.push(...target(rule.target, family));
  return words.join(" ");
}

function negatable<T>(value: Negatable<T> | undefined, option: string, text: (value: T) => string): readonly string[] {
  if (!value) return [];
  return value.not ? ["!", option, text(value.is)] : [option, text(value.is)];
}

/** Protocol match with ports and ICMP type. */
function transport(match: NfMatch, family: 4 | 6): readonly string[] {
  const { proto, sport, dport } = match;
  if (proto === undefined) return [];
  const words = ["-p", protocolName(proto, family), ...(sport || dport ? ["-m", proto, ...portWords(match)] : [])];
  if (match.dports) words.push("-m", "multiport", "--dports", match.dports.map(portText).join(","));
  if (match.icmp !== undefined) {
    const { type } = icmpNumbers({ kind: match.icmp }, family);
    words.push("-m", family === 4 ? "icmp" : "icmp6", family === 4 ? "--icmp-type" : "--icmpv6-type", String(type));
  }
  return words;
}

function protocolName(proto: Transport, family: 4 | 6): string {
  return proto === "ipip" ? "ipencap" : proto === "icmp" && family === 6 ? "ipv6-icmp" : proto;
}

function portWords({ sport, dport }: NfMatch): readonly string[] {
  return [...(sport ? ["--sport", portText(sport)] : []), ...(dport ? ["--dport", portText(dport)] : [])];
}

function portText({ first, last }: { readonly first: number; readonly last: number }): string {
  return first === last ? String(first) : `${first}:${last}`;
}

export function addrTypesOf({ addrtype }: NfMatch): readonly AddrType[] {
  if (addrtype === undefined) return [];
  return isList(addrtype) ? addrtype : [addrtype];
}

function isList(types: AddrType | readonly AddrType[]): types is readonly AddrType[] {
  return Array.isArray(types);
}

function extensions(match: NfMatch, family: 4 | 6): readonly string[] {
  const words: string[] = [];
  if (match.srcRange)
    words.push("-m", "iprange", "--src-range", `${formatIp(match.srcRange.first)}-${formatIp(match.srcRange.last)}`);
  for (const { set, side, not } of match.sets ?? []) {
    words.push("-m", "set", ...(not ? ["!"] : []), "--match-set", set.name, side);
  }
  if (match.ipvs) {
    const { ip, proto, port } = match.ipvs;
    words.push("-m", "ipvs", "--vproto", String(PROTOCOLS[proto]), "--vaddr", formatIp(ip), "--vport", String(port));
  }
  if (match.notBridged) words.push("-m", "physdev", "!", "--physdev-is-in");
  for (const { side, type, not, ofEgress } of addrTypesOf(match)) {
    words.push("-m", "addrtype", ...(not ? ["!"] : []), side === "src" ? "--src-type" : "--dst-type", type);
    if (ofEgress) words.push("--limit-iface-out");
  }
  if (match.mark) words.push("-m", "mark", ...negatable(match.mark, "--mark", (mark) => markText(mark, 0xffffffff)));
  if (match.rpfilterFails) words.push("-m", "rpfilter", "--validmark", "--invert");
  if (match.ctstate) words.push("-m", "conntrack", "--ctstate", statesText(match.ctstate));
  if (match.notCtstate) words.push("-m", "conntrack", "!", "--ctstate", statesText(match.notCtstate));
  if (match.statistic) {
    words.push("-m", "statistic", "--mode", "random", "--probability", probabilityText(match.statistic.probability));
  }
  if (match.recent) words.push(...recentWords(match.recent, family));
  return words;
}

const PROTOCOLS: Readonly<Record<Transport, number>> = { icmp: 1, ipip: 4, tcp: 6, udp: 17, esp: 50, sctp: 132 };

/** iptables prints the states in this order (libxt_conntrack.c). */
function statesText(states: readonly CtMatch[]): string {
  return (["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "DNAT"] as const)
    .filter((state) => states.includes(state))
    .join(",");
}

/** The kernel stores 31 bits, and iptables prints them with 11 decimal places (libxt_statistic.c). */
function probabilityText(probability: number): string {
  return (Math.round(Number(probability.toFixed(10)) * 2 ** 31) / 2 ** 31).toFixed(11);
}

function recentWords(recent: NonNullable<NfMatch["recent"]>, family: 4 | 6): readonly string[] {
  const how =
    recent.op === "set"
      ? ["--set"]
      : ["--rcheck", "--seconds", String(recent.seconds), ...(recent.reap ? ["--reap"] : [])];
  return [
    "-m",
    "recent",
    ...how,
    "--name",
    recent.name,
    "--mask",
    family === 4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "--rsource",
  ];
}

export function markText({ value, mask }: { readonly value: number; readonly mask: number }, full: number): string {
  const hex = (n: number) => `0x${(n >>> 0).toString(16)}`;
  return mask >>> 0 === full ? hex(value) : `${hex(value)}/${hex(mask)}`;
}

/** Quoted, unless the text is a single plain token. */
function quoted(text: string): string {
  return /^[\w./:+-]+$/.test(text) ? text : `"${text.replace(/(["\\'])/g, "\\$1")}"`;
}

function target(to: NfTarget, family: 4 | 6): readonly string[] {
  switch (to.kind) {
    case "ACCEPT":
    case "DROP":
    case "RETURN":
      return ["-j", to.kind];
    case "JUMP":
      return [to.goto ? "-g" : "-j", to.chain];
    case "NFQUEUE":
      return ["-j", "NFQUEUE", "--queue-num", String(to.number), "--queue-bypass"];
    case "NOTRACK":
      return ["-j", "NOTRACK"];
    case "REJECT":
      return ["-j", "REJECT", "--reject-with", rejectWith(to.with, family)];
    case "MASQUERADE":
      return ["-j", "MASQUERADE", ...(to.randomFully ? ["--random-fully"] : [])];
    case "SNAT":
      return ["-j", "SNAT", "--to-source", formatIp(to.to), ...(to.randomFully ? ["--random-fully"] : [])];
    case "DNAT":
      return ["-j", "DNAT", "--to-destination", withPort(to.to, to.port)];
    case "NONE":
      return [];
    case "CONNMARK": {
      const mask = `0x${(to.mask >>> 0).toString(16)}`;
      return to.op === "set"
        ? ["-j", "CONNMARK", "--set-xmark", `0x${(to.value >>> 0).toString(16)}/${mask}`]
        : ["-j", "CONNMARK", "--restore-mark", "--nfmask", mask, "--ctmask", mask];
    }
    case "MARK":
      return ["-j", "MARK", "--set-xmark", `0x${(to.value >>> 0).toString(16)}/0x${(to.mask >>> 0).toString(16)}`];
  }
}

function rejectWith(kind: "icmp-port-unreachable" | "icmp-admin-prohibited" | "tcp-reset", family: 4 | 6): string {
  if (family === 4 || kind === "tcp-reset") return kind;
  return kind === "icmp-port-unreachable" ? "icmp6-port-unreachable" : "icmp6-adm-prohibited";
}

export function withPort(ip: Ip, port: number | undefined): string {
  if (port === undefined) return formatIp(ip);
  return typeof ip === "bigint" ? `[${formatIp(ip)}]:${port}` : `${formatIp(ip)}:${port}`;
}

/** On one line, in the syntax of `ip xfrm policy add`. */
export function policyText({ direction, src, dst, template }: XfrmPolicy): string {
  return `src ${formatPrefix(src)} dst ${formatPrefix(dst)} dir ${direction} tmpl src ${formatIp(template.src)} dst ${formatIp(template.dst)} proto esp reqid ${template.reqid} mode tunnel`;
}

export function stateText({ src, dst, spi, reqid }: XfrmState): string {
  return `src ${formatIp(src)} dst ${formatIp(dst)} proto esp spi 0x${spi.toString(16).padStart(8, "0")} reqid ${reqid} mode tunnel`;
}

/** "peer 0pcX…= endpoint 192.168.10.12:51820 allowed-ips 10.244.2.0/24", in the syntax of `wg set`. */
export function peerText({ publicKey, endpoint, allowedIps }: WireguardPeer): string {
  return `peer ${publicKey} endpoint ${withPort(endpoint.ip, endpoint.port)} allowed-ips ${allowedIps.map(formatPrefix).join(",")}`;
}

/** A virtual server or one of its real servers, as `ipvsadm -Sn` prints it. */
export function serverText(
  { proto, ip, port, scheduler, persistence }: VirtualServer,
  server: { readonly ip: Ip; readonly port: number } | undefined,
): string {
  const flag = proto === "tcp" ? "-t" : proto === "udp" ? "-u" : "--sctp-service";
  const virtual = `${flag} ${withPort(ip, port)}`;
  if (server) return `-a ${virtual} -r ${withPort(server.ip, server.port)} -m -w 1`;
  return `-A ${virtual} -s ${scheduler}${persistence === undefined ? "" : ` -p ${persistence}`}`;
}
