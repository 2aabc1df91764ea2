/**
 * Parses and formats single addresses. A 1 MB file contains about 15,000 addresses, and ip-num takes 1.5 µs (IPv4) to 10 µs
 * (IPv6) per address, so this module scans the common forms without allocations and uses ip-num only for dots inside an
 * IPv6 address; names, which are frequent arguments, do not reach it. A property test verifies that both parsers agree (test/unit/addressing/ip-text.test.ts).
 */
import { IPv4, IPv6, Validator } from "ip-num";
import { t } from "../text/l10n.ts";
import type { Ip } from "./types.ts";

/** The address, or undefined if the text is not an address; `whyNoIp` returns the reason. */
export function parseIp(text: string): Ip | undefined {
  if (!text.includes(":")) return scanIpv4(text);
  return text.includes(".") ? parseIpWithLibrary(text) : scanIpv6(text);
}

const DOT = 46;
const ZERO = 48;
const COLON = 58;

/** Dotted quad without leading zeros: 010 is 8 for some programs and 10 for others (RFC 6943 §3.1.1). */
function scanIpv4(text: string): number | undefined {
  const end = text.length;
  if (end < 7 || end > 15) return undefined;
  let value = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0) return undefined;
      value = value * 256 + octet;
      octet = 0;
      digits = 0;
      dots++;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && octet === 0)) return undefined;
    octet = octet * 10 + digit;
    if (octet > 255) return undefined;
    digits++;
  }
  return dots === 3 && digits > 0 ? value * 256 + octet : undefined;
}

/** Eight groups of hex digits, or fewer with one "::" (RFC 4291 §2.2, forms 1 and 2). */
function scanIpv6(text: string): bigint | undefined {
  const end = text.length;
  if (end < 2 || end > 39) return undefined;
  // Groups before and after "::"; without "::", all groups are in the head.
  let head = 0n;
  let tail = 0n;
  let headGroups = 0;
  let tailGroups = 0;
  let gap = false;
  let group = 0;
  let digits = 0;
  for (let i = 0; i <= end; i++) {
    const code = i < end ? text.charCodeAt(i) : COLON;
    if (code !== COLON) {
      const digit = hexDigit(code);
      if (digit < 0 || digits === 4) return undefined;
      group = group * 16 + digit;
      digits++;
      continue;
    }
    if (digits > 0) {
      if (gap) {
        tail = (tail << 16n) | BigInt(group);
        tailGroups++;
      } else {
        head = (head << 16n) | BigInt(group);
        headGroups++;
      }
      group = 0;
      digits = 0;
      if (text.charCodeAt(i + 1) !== COLON) {
        // A trailing single colon is not allowed.
        if (i + 1 === end) return undefined;
        continue;
      }
      if (i + 1 >= end) continue;
      i++;
    } else {
      // Reached only for a leading "::", and for the end of the text after a trailing "::".
      if (i === end) break;
      if (i !== 0 || text.charCodeAt(1) !== COLON) return undefined;
      i++;
    }
    if (gap) return undefined;
    gap = true;
  }
  const groups = headGroups + tailGroups;
  if (gap ? groups > 7 : groups !== 8) return undefined;
  return gap ? (head << BigInt(16 * (8 - headGroups))) | tail : head;
}

/** The value of a hexadecimal digit by its character code; −1 if it is not one. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The address as parsed by ip-num, without zones (fe80::1%eth0), which knet does not support. */
export function parseIpWithLibrary(text: string): Ip | undefined {
  // An address has at most 45 characters; longer texts do not need to reach ip-num.
  if (text.length > 45 || text.includes("%") || text.includes("/")) return undefined;
  if (text.includes(":")) {
    // For ":::" ip-num throws, and not always an Error.
    if (text.includes(":::") || !Validator.isValidIPv6String(text)[0]) return undefined;
    return IPv6.fromString(text).getValue();
  }
  if (!Validator.isValidIPv4String(text)[0]) return undefined;
  return Number(IPv4.fromDecimalDottedString(text).getValue());
}

/** `10.0.0.1:80`, `[fd00::1]:80`, `web:80/tcp`: a text with exactly one colon outside of brackets is not an IPv6 address. */
const WITH_PORT = /^(?:\[([^\]]*)\]|([^:]+)):([^:]+)$/;

/** Why `parseIp` rejects a text: a lower-case clause without a period. */
export function whyNoIp(text: string): string {
  if (text === "") return t`the address is missing`;
  const [, bracketed, host = bracketed, port] = WITH_PORT.exec(text) ?? [];
  if (host !== undefined && port !== undefined)
    return parseIp(host) === undefined ? whyNoIp(host) : t`an address cannot have a port (${quote(`:${port}`)})`;
  if (text.includes("/")) return t`an address cannot have a prefix length`;
  const zone = text.indexOf("%");
  if (zone >= 0) return t`an address cannot have a zone (${quote(text.slice(zone))})`;
  return text.includes(":") ? whyNotIpv6(text) : whyNotIpv4(text, false);
}

function whyNotIpv4(text: string, inIpv6: boolean): string {
  if (/^[a-z][\w-]*$/i.test(text)) return t`${quote(text)} is a name, not an address`;
  const octets = text.split(".", 6);
  for (const octet of octets) {
    const reason = whyNotOctet(octet);
    if (reason !== undefined && (octets.length > 1 || /^\d*$/.test(octet) === false)) return reason;
  }
  if (octets.length !== 4) {
    const count = octets.length > 5 ? t`6 or more` : octets.length;
    if (inIpv6) return t`the IPv4 part of an IPv6 address has 4 octets, not ${count}`;
    return t`an IPv4 address has 4 octets, not ${count}`;
  }
  return t`${quote(text)} is not an address`;
}

function whyNotOctet(octet: string): string | undefined {
  if (octet === "") return t`an octet is missing`;
  if (!/^[0-9]+$/.test(octet)) return t`${quote(octet)} is not a number from 0 to 255`;
  if (octet.length > 1 && octet.startsWith("0")) {
    return t`octet ${quote(octet)} has a leading zero, which some programs read as octal`;
  }
  return Number(octet) > 255 ? t`octet ${quote(octet)} is greater than 255` : undefined;
}

function whyNotIpv6(text: string): string {
  if (text.includes(":::")) return t`an IPv6 address cannot contain \`:::\``;
  const gaps = text.split("::").length - 1;
  if (gaps > 1) return t`an IPv6 address can contain \`::\` only once`;
  const single = /(^:(?!:))|((?<!:):$)/.exec(text);
  if (single !== null) {
    return single[1] === undefined
      ? t`an IPv6 address cannot end with a single colon`
      : t`an IPv6 address cannot start with a single colon`;
  }
  const groups = text.split(":").filter((group) => group !== "");
  const last = groups.at(-1);
  for (const group of groups) {
    if (group.includes(".")) {
      if (group !== last || text.endsWith(":")) return t`${quote(group)} is allowed only at the end of an IPv6 address`;
      if (scanIpv4(group) === undefined) return whyNotIpv4(group, true);
    } else if (!/^[0-9a-f]+$/i.test(group)) {
      return t`${quote(group)} is not a hexadecimal number`;
    } else if (group.length > 4) {
      return t`group ${quote(group)} has more than 4 hexadecimal digits`;
    }
  }
  const count = groups.length + (last?.includes(".") === true ? 1 : 0);
  if (gaps === 1) return t`an IPv6 address with \`::\` has at most 7 groups, not ${count}`;
  return t`an IPv6 address has 8 groups, or fewer with \`::\`, not ${count}`;
}

/** User text as part of a message, limited in length. */
export function quote(text: string): string {
  return text.length <= 45 ? text : `${text.slice(0, 44)}…`;
}

/**
 * Dotted quad, or the recommended form of RFC 5952 §4 and §5: lower case, longest run of zeros as "::", IPv4-mapped
 * with dots.
 */
export function formatIp(ip: Ip): string {
  return typeof ip === "number" ? formatIpv4(ip) : formatIpv6(ip);
}

function formatIpv4(ip: number): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}

function formatIpv6(ip: bigint): string {
  if (ip >> 32n === 0xffffn) return `::ffff:${formatIpv4(Number(ip & 0xffffffffn))}`;
  const hex = ip.toString(16).padStart(32, "0");
  const groups: string[] = [];
  let runStart = 0;
  let best = { start: 0, length: 1 };
  for (let i = 0; i < 8; i++) {
    const group = hex.slice(4 * i, 4 * i + 4).replace(/^0{1,3}/, "");
    groups.push(group);
    if (group !== "0") runStart = i + 1;
    // §4.2.2: a single zero group is not shortened. §4.2.3: the first of equally long runs is shortened.
    else if (i + 1 - runStart > best.length) best = { start: runStart, length: i + 1 - runStart };
  }
  if (best.length < 2) return groups.join(":");
  return `${groups.slice(0, best.start).join(":")}::${groups.slice(best.start + best.length).join(":")}`;
}
