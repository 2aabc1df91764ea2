/** Parses and formats prefixes, interface addresses, and ranges. */
import { t } from "../text/l10n.ts";
import { bits } from "./address.ts";
import { formatIp, parseIp, quote, whyNoIp } from "./ip-text.ts";
import { network } from "./prefix.ts";
import type { Ip, IpRange, Prefix } from "./types.ts";

/** The value, or why the text is not valid: a lower-case clause without a period, for messages. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export interface PrefixText {
  /** The network, with host bits cleared. */
  readonly prefix: Prefix;
  /** The address as written. */
  readonly ip: Ip;
  /** Whether the address has host bits set, as in 10.0.0.1/24. */
  readonly hostBits: boolean;
}

export interface InterfaceAddressText {
  readonly ip: Ip;
  /** Undefined if the text has no prefix length. */
  readonly len: number | undefined;
}

/** Strictly "address/length". Host bits are reported, not rejected: the caller decides whether they are allowed. */
export function parsePrefix(text: string): PrefixText | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const ip = parseIp(text.slice(0, slash));
  if (ip === undefined) return undefined;
  const len = scanLength(text, slash + 1, bits(ip));
  if (len === undefined) return undefined;
  const first = network(ip, len);
  return { prefix: { ip: first, len }, ip, hostBits: first !== ip };
}

export function readPrefix(text: string): Parsed<PrefixText> {
  const value = parsePrefix(text);
  return value === undefined ? { ok: false, reason: whyNotPrefix(text) } : { ok: true, value };
}

/** "10.0.0.1/24" or "10.0.0.1". */
export function parseInterfaceAddress(text: string): InterfaceAddressText | undefined {
  if (!text.includes("/")) {
    const ip = parseIp(text);
    return ip === undefined ? undefined : { ip, len: undefined };
  }
  const parsed = parsePrefix(text);
  return parsed === undefined ? undefined : { ip: parsed.ip, len: parsed.prefix.len };
}

export function readInterfaceAddress(text: string): Parsed<InterfaceAddressText> {
  const value = parseInterfaceAddress(text);
  if (value !== undefined) return { ok: true, value };
  return { ok: false, reason: text.includes("/") ? whyNotPrefix(text) : whyNoIp(text) };
}

/** A decimal prefix length from 0 to `max`, without sign or leading zero. */
function scanLength(text: string, start: number, max: number): number | undefined {
  const digits = text.length - start;
  if (digits < 1 || digits > 3) return undefined;
  let len = 0;
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    len = len * 10 + digit;
  }
  return len > max || (digits > 1 && text.charCodeAt(start) === 48) ? undefined : len;
}

/** Why `parsePrefix` rejects a text. */
function whyNotPrefix(text: string): string {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const ip = parseIp(address);
  if (ip === undefined) return whyNoIp(address);
  if (slash < 0) return t`the prefix length is missing (example: ${quote(address)}/${bits(ip) === 32 ? 24 : 64})`;
  const length = text.slice(slash + 1);
  if (length === "") return t`the prefix length after \`/\` is missing`;
  const mask = parseIp(length);
  if (typeof mask === "number" && typeof ip === "number") {
    const len = maskLength(mask);
    if (len === undefined) return t`${length} is neither a prefix length nor a valid netmask`;
    return t`write the netmask ${length} as the prefix length /${len}`;
  }
  if (!/^[0-9]+$/.test(length)) return t`the prefix length ${quote(length)} is not a number`;
  const name = bits(ip) === 32 ? "IPv4" : "IPv6";
  if (Number(length) > bits(ip)) return t`an ${name} prefix length must be 0 to ${bits(ip)}, not ${quote(length)}`;
  return t`the prefix length ${quote(length)} has a leading zero`;
}

/** 255.255.255.0 → 24; undefined if the one bits are not contiguous from the left. */
function maskLength(mask: number): number | undefined {
  const len = Math.clz32(~mask);
  return network(0xffffffff, len) === mask ? len : undefined;
}

/** "10.0.0.0/24" */
export function formatPrefix(prefix: Prefix): string {
  return `${formatIp(prefix.ip)}/${prefix.len}`;
}

/** "10.0.0.1-10.0.0.9", or "10.0.0.1" for a single address. */
export function formatRange(range: IpRange): string {
  return range.first === range.last ? formatIp(range.first) : `${formatIp(range.first)}-${formatIp(range.last)}`;
}
