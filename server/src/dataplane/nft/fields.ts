/** Types of fields: how nft prints their values, and the numbers of named values. */
import type { NftExpr } from "./ast.ts";

/** Bits of flags (include/uapi/linux/netfilter/nf_conntrack_common.h, include/uapi/linux/tcp.h; nftables src/ct.c). */
const FLAGS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "ct state": { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 },
  "ct status": { expected: 1, "seen-reply": 2, assured: 4, confirmed: 8, snat: 16, dnat: 32, dying: 512 },
  "tcp flags": { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 },
};

/** Types of ICMP messages (RFC 792, RFC 4443, RFC 4861), as nft names them (nftables src/proto.c). */
const NUMBERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "icmp type": {
    "echo-reply": 0,
    "destination-unreachable": 3,
    "source-quench": 4,
    redirect: 5,
    "echo-request": 8,
    "router-advertisement": 9,
    "router-solicitation": 10,
    "time-exceeded": 11,
    "parameter-problem": 12,
    "timestamp-request": 13,
    "timestamp-reply": 14,
    "info-request": 15,
    "info-reply": 16,
    "address-mask-request": 17,
    "address-mask-reply": 18,
  },
  "icmpv6 type": {
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "parameter-problem": 4,
    "echo-request": 128,
    "echo-reply": 129,
    "mld-listener-query": 130,
    "mld-listener-report": 131,
    "mld-listener-done": 132,
    "nd-router-solicit": 133,
    "nd-router-advert": 134,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
    "router-renumbering": 138,
    "ind-neighbor-solicit": 141,
    "ind-neighbor-advert": 142,
    "mld2-listener-report": 143,
  },
};

/** Numbers of protocols (IANA), printed as names if /etc/protocols has them. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: "icmp",
  4: "ipip",
  6: "tcp",
  17: "udp",
  47: "gre",
  50: "esp",
  51: "ah",
  58: "icmpv6",
  132: "sctp",
};
const PROTOCOL_NAMES: Readonly<Record<string, string>> = { "ipv6-icmp": "icmpv6", ipencap: "ipip" };
const PROTOCOL_FIELDS: ReadonlySet<string> = new Set(["meta l4proto", "ip protocol", "ip6 nexthdr", "ct protocol"]);

export function isFlags(name: string): boolean {
  return Object.hasOwn(FLAGS, name);
}

/** A value in a rule for this field: names as numbers, protocols as names. Undefined: an unknown name. */
export function typedValue(name: string, value: NftExpr): NftExpr | undefined {
  const names = Object.hasOwn(FLAGS, name) ? FLAGS[name] : Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined;
  if (names) {
    if (value.kind !== "word") return value;
    const number = Object.hasOwn(names, value.text) ? names[value.text] : undefined;
    return number === undefined ? undefined : { kind: "number", value: number };
  }
  if (PROTOCOL_FIELDS.has(name)) return protocolValue(value);
  // nft -S prints names of services.
  if (/ [sd]port$| proto-(?:src|dst)$/.test(name) && value.kind === "word") return undefined;
  return value;
}

function protocolValue(value: NftExpr): NftExpr {
  if (value.kind === "number") {
    const name = PROTOCOLS[value.value];
    return name === undefined ? value : { kind: "word", text: name };
  }
  if (value.kind !== "word") return value;
  return {
    kind: "word",
    text: Object.hasOwn(PROTOCOL_NAMES, value.text) ? (PROTOCOL_NAMES[value.text] ?? "") : value.text,
  };
}
