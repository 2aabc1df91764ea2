/**
 * One address ↔ its text. Reading is ip-num's work; since a file of 1 MB has some 15,000 addresses and ip-num takes
 * 1.5 µs (IPv4) to 10 µs (IPv6) for each, the plain forms are scanned here without garbage and ip-num reads the rest (dots
 * inside an IPv6 address). That both ways agree is a property test (test/unit/addressing/ip-text.test.ts).
 */
import { IPv4, IPv6, Validator } from "ip-num";
import type { Ip } from "./ip.ts";

/** The address, or undefined when the text is none; `whyNoIp` says why. */
export function parseIp(text: string): Ip | undefined {
  const ip = text.includes(":") ? scanIpv6(text) : scanIpv4(text);
  return ip ?? parseIpWithLibrary(text);
}

const DOT = 46;
const ZERO = 48;
const COLON = 58;

/** Dotted quad without leading zeros; RFC 6943 §3.1.1 says why nothing looser: 010 is 8 to some programs, 10 to others. */
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

/** Eight groups of hex digits, or fewer and one "::" (RFC 4291 §2.2 forms 1 and 2). */
function scanIpv6(text: string): bigint | undefined {
  const end = text.length;
  if (end < 2 || end > 39) return undefined;
  // The groups before "::" and those after it; without "::" all are "before".
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
        // A single colon at the end belongs to no group.
        if (i + 1 === end) return undefined;
        continue;
      }
      if (i + 1 >= end) continue;
      i++;
    } else {
      // Only "::" at the very start comes here; the end of the text after "::" as well.
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

/** The value of a hexadecimal digit by its character code; −1 when it is none. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** What ip-num makes of a text, with this project's restriction that an address has no zone. */
export function parseIpWithLibrary(text: string): Ip | undefined {
  // 45 characters are the longest text of an address; ip-num's pattern need not see more.
  if (text.length > 45 || text.includes("%") || text.includes("/")) return undefined;
  if (text.includes(":")) {
    // ip-num throws, and not always an Error, for ":::".
    if (text.includes(":::") || !Validator.isValidIPv6String(text)[0]) return undefined;
    return IPv6.fromString(text).getValue();
  }
  if (!Validator.isValidIPv4String(text)[0]) return undefined;
  return Number(IPv4.fromDecimalDottedString(text).getValue());
}

/** Why a text that `parseIp` refuses is no address: a sentence without capital and full stop. */
export function whyNoIp(text: string): string {
  if (text === "") return "an address is missing";
  if (text.includes("/")) return "an address has no length; leave out everything from /";
  const zone = text.indexOf("%");
  if (zone >= 0) return `a zone (${quote(text.slice(zone))}) has no meaning here; leave it out`;
  return text.includes(":") ? whyNoIpv6(text) : whyNoIpv4(text, "an IPv4 address");
}

function whyNoIpv4(text: string, what: string): string {
  const octets = text.split(".", 6);
  for (const octet of octets) {
    const reason = whyNoOctet(octet);
    if (reason !== undefined && (octets.length > 1 || /^\d*$/.test(octet) === false)) return reason;
  }
  if (octets.length !== 4) {
    return `${what} has four octets, ${quote(text)} has ${octets.length > 5 ? "more" : octets.length}`;
  }
  return `${quote(text)} is not an address`;
}

function whyNoOctet(octet: string): string | undefined {
  if (octet === "") return "an octet is missing";
  if (!/^[0-9]+$/.test(octet)) return `${quote(octet)} is not a number from 0 to 255`;
  if (octet.length > 1 && octet.startsWith("0")) {
    return `octet ${quote(octet)} has a leading zero, which some programs read as octal`;
  }
  return Number(octet) > 255 ? `octet ${quote(octet)} is larger than 255` : undefined;
}

function whyNoIpv6(text: string): string {
  if (text.includes(":::")) return "three colons follow each other";
  const gaps = text.split("::").length - 1;
  if (gaps > 1) return "an IPv6 address has :: only once";
  const single = /(^:(?!:))|((?<!:):$)/.exec(text);
  if (single !== null) return `a single colon ${single[1] === undefined ? "ends" : "begins"} the address`;
  const groups = text.split(":").filter((group) => group !== "");
  const last = groups.at(-1);
  for (const group of groups) {
    if (group.includes(".")) {
      if (group !== last || text.endsWith(":")) return `${quote(group)} may stand only at the end of an IPv6 address`;
      if (scanIpv4(group) === undefined) return whyNoIpv4(group, "the IPv4 part");
    } else if (!/^[0-9a-f]+$/i.test(group)) {
      return `${quote(group)} is not a hexadecimal number`;
    } else if (group.length > 4) {
      return `group ${quote(group)} has more than four hexadecimal digits`;
    }
  }
  const count = groups.length + (last?.includes(".") === true ? 1 : 0);
  if (gaps === 1) return `an IPv6 address with :: has at most seven other groups, not ${count}`;
  return `an IPv6 address has eight groups, or fewer and ::, not ${count}`;
}

/** User text as part of a message: short, whatever the file contains. */
export function quote(text: string): string {
  return text.length <= 45 ? text : `${text.slice(0, 44)}…`;
}

/** Dotted quad; IPv6 as RFC 5952 §4 and §5 recommend (lower case, longest run of zeros as "::", IPv4-mapped with dots). */
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
    // §4.2.2: one group alone is not shortened. §4.2.3: of equally long runs, the first.
    else if (i + 1 - runStart > best.length) best = { start: runStart, length: i + 1 - runStart };
  }
  if (best.length < 2) return groups.join(":");
  return `${groups.slice(0, best.start).join(":")}::${groups.slice(best.start + best.length).join(":")}`;
}
