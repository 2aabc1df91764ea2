/** Expressions of nftables rules: fields of packets, values, sets, and maps. */
import { parseIp } from "../../addressing/ip.ts";
import { prefixOfText, wholeNumber } from "../values.ts";
import type { NftBitOperator, NftElement, NftExpr, NftVerdict } from "./ast.ts";
import { expect, type NftReader, next, numberNext, peek, take } from "./tokens.ts";

/** A whole expression: `ip daddr . meta l4proto`, `meta mark & 0xff`, `ip saddr map { … }`. */
export function expression(reader: NftReader): NftExpr {
  const value = bits(reader, primary);
  if (!take(reader, "map")) return value;
  return { kind: "map", key: value, data: constant(reader) };
}

const BIT_OPERATORS: Readonly<Record<string, NftBitOperator>> = {
  "&": "&",
  and: "&",
  "|": "|",
  or: "|",
  "^": "^",
  xor: "^",
};

type Operand = (reader: NftReader) => NftExpr;

function bits(reader: NftReader, operand: Operand): NftExpr {
  let left = concat(reader, operand);
  for (let op = bitOperator(reader); op; op = bitOperator(reader)) {
    reader.at += 1;
    left = { kind: "bits", op, left, right: concat(reader, operand) };
  }
  return left;
}

function bitOperator(reader: NftReader): NftBitOperator | undefined {
  const text = peek(reader) ?? "";
  return Object.hasOwn(BIT_OPERATORS, text) ? BIT_OPERATORS[text] : undefined;
}

function concat(reader: NftReader, operand: Operand): NftExpr {
  const first = operand(reader);
  if (peek(reader) !== ".") return first;
  const parts = [first];
  while (take(reader, ".")) parts.push(operand(reader));
  return { kind: "concat", parts };
}

const HEADERS: ReadonlySet<string> = new Set(
  "ip ip6 tcp udp udplite sctp dccp th icmp icmpv6 igmp ether arp vlan ah esp comp gre".split(" "),
);
/** Keys of `meta` that nft prints without it. */
const BARE: ReadonlySet<string> = new Set("iif oif iifname oifname iiftype oiftype mark skuid skgid".split(" "));
/** Expressions with options that are not modeled. */
const UNREAD: ReadonlySet<string> = new Set("rt socket osf ipsec exthdr hbh frag mh srh dst @ll @nh".split(" "));

/** A field, or a constant. */
function primary(reader: NftReader): NftExpr {
  const token = reader.tokens[reader.at];
  if (token && !token.quoted) {
    if (token.text === "@th") return rawPort(reader);
    if (UNREAD.has(token.text)) reader.failed = true;
    const field = token.text === "(" ? undefined : fieldAt(reader);
    if (field) return field;
  }
  return constant(reader);
}

/** A value, a set, or a reference to one: `tcp` is not the start of a field here. */
export function constant(reader: NftReader): NftExpr {
  const token = reader.tokens[reader.at];
  if (!token) {
    reader.failed = true;
    return { kind: "word", text: "" };
  }
  if (!token.quoted && token.text === "{") return { kind: "set", elements: elements(reader) };
  reader.at += 1;
  if (!token.quoted && token.text === "(") {
    const inner = bits(reader, primary);
    expect(reader, ")");
    return inner;
  }
  if (!token.quoted && token.text.startsWith("@")) return { kind: "reference", name: token.text.slice(1) };
  return literalOf(token.text, token.quoted);
}

/** A field of the packet; undefined for a value. */
export function fieldAt(reader: NftReader): NftExpr | undefined {
  const text = peek(reader) ?? "";
  if (text === "meta") {
    reader.at += 1;
    return { kind: "field", name: `meta ${next(reader) ?? ""}` };
  }
  if (BARE.has(text)) {
    reader.at += 1;
    return { kind: "field", name: `meta ${text}` };
  }
  if (text === "ct") return connectionField(reader);
  if (text === "fib") return fibField(reader);
  if (text === "numgen" || text === "jhash" || text === "symhash") return random(reader);
  const key = peek(reader, 1);
  if (HEADERS.has(text) && key !== undefined && /^[a-z]/.test(key)) {
    reader.at += 2;
    if (key === "option") reader.failed = true;
    return { kind: "field", name: `${text} ${key}` };
  }
  return undefined;
}

/** `ct state`, `ct original ip daddr`, `ct original proto-dst`. */
function connectionField(reader: NftReader): NftExpr {
  reader.at += 1;
  const direction = take(reader, "original") ? "original " : take(reader, "reply") ? "reply " : "";
  take(reader, "ip", "ip6");
  return { kind: "field", name: `ct ${direction}${next(reader) ?? ""}` };
}

/** `fib saddr . mark . iif oif`. */
function fibField(reader: NftReader): NftExpr {
  reader.at += 1;
  const flags = [next(reader) ?? ""];
  while (take(reader, ".")) flags.push(next(reader) ?? "");
  return { kind: "field", name: `fib ${flags.join(".")} ${next(reader) ?? ""}` };
}

/** `numgen random mod 3 offset 1`, `jhash ip saddr . tcp sport mod 2 seed 0x1`. */
function random(reader: NftReader): NftExpr {
  const start = reader.at;
  const kind = next(reader);
  if (kind === "numgen") reader.at += 1;
  if (kind === "jhash") concat(reader, primary);
  expect(reader, "mod");
  const modulus = numberNext(reader);
  if (take(reader, "seed")) reader.at += 1;
  const offset = take(reader, "offset") ? numberNext(reader) : 0;
  // A random number and a counter both distribute connections over all values.
  const text = reader.tokens
    .slice(start, reader.at)
    .map((one) => one.text)
    .join(" ")
    .replace(/ offset 0$/, "");
  return { kind: "random", modulus, offset, text };
}

/** `@th,16,16`: the ports are the first 32 bits of the header. */
function rawPort(reader: NftReader): NftExpr {
  reader.at += 1;
  expect(reader, ",");
  const offset = numberNext(reader);
  expect(reader, ",");
  const length = numberNext(reader);
  if (length !== 16 || (offset !== 0 && offset !== 16)) reader.failed = true;
  return { kind: "field", name: offset === 0 ? "th sport" : "th dport" };
}

/* ------------------------------------------------------------------- values */

/** The right side of a comparison: a value, flags, a set, or a reference to one. */
export function comparand(reader: NftReader): NftExpr {
  const first = bits(reader, constant);
  if (peek(reader) !== ",") return first;
  const parts = [first];
  while (take(reader, ",")) parts.push(constant(reader));
  return { kind: "flags", parts };
}

export function literalOf(text: string, quoted = false): NftExpr {
  const number = quoted ? undefined : wholeNumber(text);
  if (number !== undefined) return { kind: "number", value: number };
  if (text.endsWith("*")) return { kind: "wildcard", start: text.slice(0, -1) };
  if (quoted) return { kind: "word", text };
  const ip = parseIp(text);
  if (ip !== undefined) return { kind: "ip", ip };
  const prefix = text.includes("/") ? prefixOfText(text) : undefined;
  if (prefix) return { kind: "prefix", prefix };
  return rangeOf(text) ?? { kind: "word", text };
}

/** "80-90", "10.0.0.1-10.0.0.9". */
function rangeOf(text: string): NftExpr | undefined {
  const dash = text.indexOf("-");
  const [start, end] = [text.slice(0, dash), text.slice(dash + 1)];
  const first = wholeNumber(start) ?? parseIp(start);
  const last = wholeNumber(end) ?? parseIp(end);
  return dash < 0 || first === undefined || last === undefined || typeof first !== typeof last
    ? undefined
    : { kind: "range", first, last, text };
}

/* --------------------------------------------------------------------- sets */

/** `{ 10.0.0.1 . tcp . 80 : goto x, … }`. */
export function elements(reader: NftReader): readonly NftElement[] {
  expect(reader, "{");
  const found: NftElement[] = [];
  while (!reader.failed && reader.at < reader.tokens.length && !take(reader, "}")) {
    const line = reader.tokens[reader.at]?.line ?? 0;
    const key = concat(reader, constant);
    skipOptions(reader);
    const data = take(reader, ":") ? dataOf(reader) : undefined;
    found.push({ key, data, line });
    if (peek(reader) !== "}") expect(reader, ",");
  }
  return found;
}

/** `timeout 3h expires 2h59m counter packets 3 bytes 180 comment "x"`. */
function skipOptions(reader: NftReader): void {
  for (;;) {
    if (take(reader, "timeout", "expires", "comment")) reader.at += 1;
    else if (take(reader, "counter")) {
      while (take(reader, "packets", "bytes")) reader.at += 1;
    } else return;
  }
}

function dataOf(reader: NftReader): NftVerdict | NftExpr {
  const verdict = verdictAt(reader);
  return verdict ?? concat(reader, constant);
}

export function verdictAt(reader: NftReader): NftVerdict | undefined {
  const text = peek(reader);
  switch (text) {
    case "accept":
    case "drop":
    case "return":
    case "continue":
      reader.at += 1;
      return { kind: text };
    case "jump":
    case "goto":
      reader.at += 2;
      return { kind: text, chain: peek(reader, -1) ?? "" };
    default:
      return undefined;
  }
}
