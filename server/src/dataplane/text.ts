/** Routes and rules in the syntax of iproute2 and iptables-save, for listings and for the steps of a trace. */
import { bits, formatIp, formatPrefix, type Ip } from "../addressing/ip.ts";
import type {
  CtMatch,
  Negatable,
  Nexthop,
  NfMatch,
  NfMatchKind,
  NfRule,
  NfTarget,
  PortRange,
  RecentMatch,
  RejectWith,
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

/** The reason for the route. */
export function whyOf({ why }: Route): string {
  return typeof why === "string" ? why : why();
}

/** "default", an address without `/32` or `/128`, or the prefix. */
export function destination({ dst }: Route): string {
  if (dst.len === 0) return "default";
  return dst.len === bits(dst.ip) ? formatIp(dst.ip) : formatPrefix(dst);
}

/** A rule as iptables-save prints it after `-A CHAIN`. */
export function ruleText({ matches, target }: NfRule, family: 4 | 6): string {
  return [...matches.flatMap((match) => matchWords(match, family)), ...targetWords(target, family)].join(" ");
}

function matchWords<K extends NfMatchKind>(match: NfMatch<K>, family: 4 | 6): readonly string[] {
  return WORDS[match.kind](match, family);
}

const WORDS: { readonly [K in NfMatchKind]: (match: NfMatch<K>, family: 4 | 6) => readonly string[] } = {
  src: (match) => negatable(match, "-s", formatPrefix),
  dst: (match) => negatable(match, "-d", formatPrefix),
  in: (match) => negatable(match, "-i", (name) => name),
  out: (match) => negatable(match, "-o", (name) => name),
  proto: ({ proto }, family) => ["-p", protocolName(proto, family)],
  ports: ({ proto, sport, dport }) =>
    proto === undefined ? [] : ["-m", proto, ...portWords("--sport", sport), ...portWords("--dport", dport)],
  multiport: ({ dports }) => ["-m", "multiport", "--dports", dports.map(portText).join(",")],
  icmp: ({ message }, family) => {
    const { type: number, code } =
      typeof message === "string" ? { ...icmpNumbers({ kind: message }, family), code: undefined } : message;
    const type = code === undefined ? String(number) : `${number}/${code}`;
    return family === 4 ? ["-m", "icmp", "--icmp-type", type] : ["-m", "icmp6", "--icmpv6-type", type];
  },
  syn: () => ["-m", "tcp", "--tcp-flags", "SYN,RST", "SYN"],
  iprange: ({ first, last }) => ["-m", "iprange", "--src-range", `${formatIp(first)}-${formatIp(last)}`],
  set: ({ set, side, not }) => ["-m", "set", ...(not ? ["!"] : []), "--match-set", set.name, side],
  ipvs: ({ ip, proto, port }) => [
    ...["-m", "ipvs", "--vproto", String(PROTOCOLS[proto])],
    ...["--vaddr", formatIp(ip), "--vport", String(port)],
  ],
  physdev: () => ["-m", "physdev", "!", "--physdev-is-in"],
  addrtype: ({ side, type, not, ofEgress }) => [
    ...["-m", "addrtype", ...(not ? ["!"] : []), side === "src" ? "--src-type" : "--dst-type", type],
    ...(ofEgress ? ["--limit-iface-out"] : []),
  ],
  mark: (match) => ["-m", "mark", ...negatable(match, "--mark", (mark) => markText(mark, 0xffffffff))],
  rpfilter: () => ["-m", "rpfilter", "--validmark", "--invert"],
  conntrack: (match) => ["-m", "conntrack", ...negatable(match, "--ctstate", statesText)],
  statistic: ({ probability }) => [
    "-m",
    "statistic",
    "--mode",
    "random",
    "--probability",
    probabilityText(probability),
  ],
  recent: (match, family) => recentWords(match, family),
  unread: ({ text }) => [text],
  comment: ({ text }) => ["-m", "comment", "--comment", quoted(text)],
};

function negatable<T>({ is, not }: Negatable<T>, option: string, text: (value: T) => string): readonly string[] {
  return not ? ["!", option, text(is)] : [option, text(is)];
}

function protocolName(proto: Transport, family: 4 | 6): string {
  return proto === "ipip" ? "ipencap" : proto === "icmp" && family === 6 ? "ipv6-icmp" : proto;
}

function portWords(option: string, range: PortRange | undefined): readonly string[] {
  return range ? [option, portText(range)] : [];
}

function portText({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}:${last}`;
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

function recentWords(recent: RecentMatch, family: 4 | 6): readonly string[] {
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

function targetWords(to: NfTarget, family: 4 | 6): readonly string[] {
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
    case "TCPMSS":
      return ["-j", "TCPMSS", ...(to.mss === "to-pmtu" ? ["--clamp-mss-to-pmtu"] : ["--set-mss", String(to.mss)])];
    case "MASQUERADE":
      return ["-j", "MASQUERADE", ...(to.randomFully ? ["--random-fully"] : [])];
    case "SNAT":
      return ["-j", "SNAT", "--to-source", formatIp(to.to), ...(to.randomFully ? ["--random-fully"] : [])];
    case "DNAT":
      return ["-j", "DNAT", "--to-destination", withPort(to.to, to.port)];
    case "LOG":
      return ["-j", "LOG", ...(to.options === "" ? [] : [to.options])];
    case "NONE":
    case "NFT":
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

function rejectWith(kind: RejectWith, family: 4 | 6): string {
  return family === 4 ? kind : REJECT6[kind];
}

/** libip6t_REJECT.c. */
const REJECT6: Readonly<Record<RejectWith, string>> = {
  "icmp-port-unreachable": "icmp6-port-unreachable",
  "icmp-net-unreachable": "icmp6-no-route",
  "icmp-host-unreachable": "icmp6-addr-unreachable",
  "icmp-admin-prohibited": "icmp6-adm-prohibited",
  "icmp-host-prohibited": "icmp6-adm-prohibited",
  "tcp-reset": "tcp-reset",
};

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
