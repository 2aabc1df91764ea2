/** Reads words and strings as values, by the type that the schema gives an argument. */
import {
  formatPrefix,
  hostPrefix,
  parseInterfaceAddress,
  parseIp,
  parsePrefix,
  readInterfaceAddress,
  readPrefix,
  whyNoIp,
} from "../addressing/ip.ts";
import { nearest } from "./nearest.ts";
import { isSysctl, sysctls } from "./schema/sysctls.ts";
import type { ArgType } from "./schema/types.ts";
import type { Requirement, Value } from "./values.ts";

/** Why an argument could not be read, or was read with a doubt (then with `value`). */
export interface Unread {
  readonly kind: "unread";
  /** KN006 wrong type, KN007 out of range, KN014 bits below a prefix' length. */
  readonly code: "KN006" | "KN007" | "KN014";
  readonly data: Readonly<Record<string, string | number>>;
  readonly value?: Value;
}

type Protocol = "tcp" | "udp" | "sctp";

/** Reads one word or string by its type. */
export function readValue(type: ArgType, text: string): Value | Unread {
  switch (type.kind) {
    case "name":
      return isName(text) ? { kind: "name", text } : refuse(type, text, whyNoName(text));
    case "device":
      return readDevice(type, text);
    case "ref":
      return readRef(type, text);
    case "address": {
      const ip = parseIp(text);
      return ip === undefined ? refuse(type, text, whyNoIp(text)) : { kind: "address", ip };
    }
    case "prefix":
      return readPrefixValue(type, text);
    case "interface-address":
      return readInterface(type, text);
    case "prefix-length":
      return readLength(type, text);
    case "number":
      return readNumber(type, text);
    case "boolean":
      if (text === "true" || text === "false") return { kind: "boolean", value: text === "true" };
      return refuse(type, text, "it is true or false");
    case "enum":
      for (const { value } of type.values) if (value === text) return { kind: "word", text };
      return refuseWord(
        type,
        text,
        type.values.map(({ value }) => value),
      );
    case "ports":
      return readPorts(type, text);
    case "index-range":
      return readIndexRange(type, text);
    case "label":
      return readLabel(type, text);
    case "selector":
      return readRequirement(type, text);
    case "port-name":
      return isPortName(text) ? { kind: "name", text } : refuse(type, text, whyNoPortName(text));
    case "endpoint":
      return readEndpoint(type, text);
    case "string":
      return text === "" ? refuse(type, text, "it is empty") : { kind: "string", text };
    case "sysctl":
      if (isSysctl(text)) return { kind: "word", text };
      return refuseWord(
        type,
        text,
        sysctls.map(({ name }) => name),
      );
  }
}

/** What an argument of this type is, for messages: "a prefix such as 10.0.0.0/16". */
export function describeType(type: ArgType): string {
  switch (type.kind) {
    case "name":
      return "a name";
    case "device":
      return type.orAddress === true ? "a device such as eth0, or an address" : "a device such as eth0";
    case "ref":
      return `${type.to.map((kind) => `the name of a ${kind}`).join(" or ")}${type.orAddress === true ? " or an address" : ""}`;
    case "address":
      return "an address such as 10.0.0.1";
    case "prefix":
      return `a prefix such as 10.0.0.0/16${type.orAddress === true ? ", an address" : ""}${type.orDefault === true ? " or default" : ""}`;
    case "interface-address":
      return type.lengthRequired === true
        ? "an address with a length such as 10.0.0.1/24"
        : "an address such as 10.0.0.1 or 10.0.0.1/24";
    case "prefix-length":
      return "a length such as /24";
    case "number":
      return `a number from ${type.min} to ${type.max}`;
    case "boolean":
      return "true or false";
    case "enum":
      return type.values.map(({ value }) => value).join(", ");
    case "ports":
      if (type.named === true) return "a port such as 8080/tcp or http";
      return type.protocol ? "a port such as 8080/tcp" : "a port such as 8080";
    case "index-range":
      return "a range of numbers such as 1..50";
    case "label":
      return "a label such as app=web";
    case "selector":
      return "labels such as app=web, tier in [a b], !tier or *";
    case "port-name":
      return "a port's name such as http";
    case "endpoint":
      if (type.addressOnly === true) return "an address such as 10.0.0.5:8080";
      return type.port
        ? "a path or address, with a port where it matters: shop/api:80"
        : "a path or address such as shop/web";
    case "string":
      return "a text in quotes";
    case "sysctl":
      return "the name of a kernel setting such as net.ipv4.ip_forward";
  }
}

function refuse(type: ArgType, text: string, reason: string): Unread {
  return { kind: "unread", code: "KN006", data: { text: short(text), expected: describeType(type), reason } };
}

function refuseWord(type: ArgType, text: string, words: readonly string[]): Unread {
  const suggestion = nearest(text, words);
  const reason = `"${short(text)}" is none of them`;
  const data = { text: short(text), expected: describeType(type), reason };
  return { kind: "unread", code: "KN006", data: suggestion === undefined ? data : { ...data, suggestion } };
}

function outOfRange(text: string, min: number, max: number, unit?: string): Unread {
  const data = { text: short(text), min, max };
  return { kind: "unread", code: "KN007", data: unit === undefined ? data : { ...data, unit } };
}

/** User text as part of a message: short, whatever the file contains. */
function short(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

/* ---------------------------------------------------------------- names */

const longestName = 253;
const otherLetters = /^[\p{L}\p{M}\p{N}._-]+$/u;

/** Letters, digits, - _ and . ; it begins with a letter, a digit or _ and is no address. */
export function isName(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > longestName) return false;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    const lower = code | 32;
    if ((lower >= 97 && lower <= 122) || (code >= 48 && code <= 57) || code === 95) continue;
    if (code === 45 || code === 46) {
      if (at === 0) return false;
    } else if (code < 128 || !otherLetters.test(text)) return false;
  }
  return !looksLikeAddress(text) || parseIp(text) === undefined;
}

function whyNoName(text: string): string {
  if (text === "") return "it is empty";
  if (text.length > longestName) return `a name has at most ${longestName} characters`;
  if (parseIp(text) !== undefined) return "it is an address";
  if (text.includes("/")) return "a name has no /; paths are only for referring";
  if (/^[-.]/.test(text)) return "a name begins with a letter or a digit";
  return "a name has letters, digits, - _ and . only";
}

/** Worth the attempt to read it as one. */
function looksLikeAddress(text: string): boolean {
  const code = text.charCodeAt(0);
  return (code >= 48 && code <= 57 && text.includes(".")) || text.includes(":");
}

function readDevice(type: ArgType & { kind: "device" }, text: string): Value | Unread {
  if (type.orAddress === true && looksLikeAddress(text)) {
    const ip = parseIp(text);
    if (ip !== undefined) return { kind: "address", ip };
  }
  if (text.length > 15) return refuse(type, text, "the kernel allows 15 characters");
  return /^[^\s/:]+$/.test(text) && text !== "." && text !== ".."
    ? { kind: "name", text }
    : refuse(type, text, "the name of a device has no space, / or :");
}

function readRef(type: ArgType & { kind: "ref" }, text: string): Value | Unread {
  if (looksLikeAddress(text)) {
    const ip = parseIp(text);
    if (ip !== undefined) {
      if (type.orAddress === true) return { kind: "ref", text, path: [text], address: ip };
      return refuse(type, text, "it is an address");
    }
  }
  if (!text.includes("/")) {
    return isName(text) ? { kind: "ref", text, path: [text] } : refuse(type, text, whyNoName(text));
  }
  const path = text.split("/");
  const wrong = path.find((part) => !isName(part));
  if (wrong === undefined) return { kind: "ref", text, path };
  return refuse(type, text, wrong === "" ? "a part of the path is empty" : `${short(wrong)}: ${whyNoName(wrong)}`);
}

/* ---------------------------------------------------------------- addresses */

function readPrefixValue(type: ArgType & { kind: "prefix" }, text: string): Value | Unread {
  const parsed = parsePrefix(text);
  if (parsed !== undefined) {
    const value: Value = { kind: "prefix", prefix: parsed.prefix };
    if (!parsed.hostBits) return value;
    return { kind: "unread", code: "KN014", data: { text: short(text), prefix: formatPrefix(parsed.prefix) }, value };
  }
  if (type.orDefault === true && text === "default") return { kind: "default-route" };
  if (type.orAddress === true && !text.includes("/")) {
    const ip = parseIp(text);
    if (ip !== undefined) return { kind: "prefix", prefix: hostPrefix(ip) };
  }
  const read = readPrefix(text);
  return refuse(type, text, read.ok ? "" : read.reason);
}

function readInterface(type: ArgType & { kind: "interface-address" }, text: string): Value | Unread {
  const parsed = parseInterfaceAddress(text);
  if (parsed === undefined) {
    const read = readInterfaceAddress(text);
    return refuse(type, text, read.ok ? "" : read.reason);
  }
  if (parsed.len === undefined && type.lengthRequired === true) return refuse(type, text, "the length is missing");
  return { kind: "interface-address", ip: parsed.ip, len: parsed.len };
}

function readLength(type: ArgType, text: string): Value | Unread {
  if (!/^\/\d{1,9}$/.test(text)) return refuse(type, text, "a length is written with a slash before it");
  const len = Number(text.slice(1));
  return len > 128 ? outOfRange(text, 0, 128) : { kind: "length", len };
}

/* ---------------------------------------------------------------- numbers */

/** The number of a run of digits; undefined for anything else. */
function digits(text: string): number | undefined {
  const { length } = text;
  if (length === 0) return undefined;
  let value = 0;
  for (let at = 0; at < length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

function readNumber(type: ArgType & { kind: "number" }, text: string): Value | Unread {
  const value = digits(text);
  if (value === undefined) {
    const signed = /^-\d+$/.test(text);
    return signed ? outOfRange(text, type.min, type.max, type.unit) : refuse(type, text, "it is not a whole number");
  }
  if (value < type.min || value > type.max) return outOfRange(text, type.min, type.max, type.unit);
  return { kind: "number", value };
}

function readPorts(type: ArgType & { kind: "ports" }, text: string): Value | Unread {
  const slash = text.indexOf("/");
  const proto = slash < 0 ? undefined : text.slice(slash + 1);
  if (proto !== undefined && !type.protocol) return refuse(type, text, "the protocol does not stand here");
  if (proto !== undefined && !isProtocol(proto)) return refuse(type, text, "the protocol is tcp, udp or sctp");
  const ports = slash < 0 ? text : text.slice(0, slash);
  if (type.named === true && !/^[\d-]*$/.test(ports)) {
    // A protocol alone stands for all its ports, as in a NetworkPolicyPort without `port`.
    if (slash < 0 && isProtocol(text)) return { kind: "ports", first: 1, last: 65535, proto: text };
    return isPortName(ports) ? { kind: "port-name", name: ports, proto } : refuse(type, text, whyNoPortName(ports));
  }
  const dash = ports.indexOf("-");
  const first = digits(dash < 0 ? ports : ports.slice(0, dash));
  const last = dash < 0 ? first : digits(ports.slice(dash + 1));
  if (first === undefined || last === undefined) return refuse(type, text, "a port is a number");
  if (dash >= 0 && !type.range) return refuse(type, text, "a range does not stand here");
  if (first < 1 || first > 65535 || last < 1 || last > 65535) return outOfRange(text, 1, 65535);
  if (last < first) return refuse(type, text, "the range ends before it begins");
  return { kind: "ports", first, last, proto };
}

function isProtocol(text: string): text is Protocol {
  return text === "tcp" || text === "udp" || text === "sctp";
}

/** IANA_SVC_NAME (RFC 6335 section 5.1; k8s.io/apimachinery util/validation, IsValidPortName). */
function isPortName(text: string): boolean {
  return (
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text) && text.length <= 15 && /[a-z]/.test(text) && !text.includes("--")
  );
}

function whyNoPortName(text: string): string {
  if (text.length > 15) return "a port's name has at most 15 characters";
  return "a port's name has small letters, digits and single - between them, and one letter at least";
}

function readIndexRange(type: ArgType & { kind: "index-range" }, text: string): Value | Unread {
  const match = /^(\d+)\.\.(\d+)$/.exec(text);
  if (match === null) return refuse(type, text, "two numbers have .. between them");
  const [, from = "", to = ""] = match;
  const first = Number(from);
  const last = Number(to);
  if (last < first) return refuse(type, text, "the range ends before it begins");
  if (last - first + 1 > type.max || !Number.isSafeInteger(last)) return outOfRange(text, 1, type.max);
  return { kind: "index-range", first, last, width: from.length > 1 && from.startsWith("0") ? from.length : 0 };
}

/* ---------------------------------------------------------------- labels, endpoints */

const labelPart = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

function readLabel(type: ArgType, text: string): Value | Unread {
  const equals = text.indexOf("=");
  if (equals < 0) return refuse(type, text, "key and value have = between them");
  const key = text.slice(0, equals);
  const value = text.slice(equals + 1);
  const wrong = whyNoKey(key) ?? whyNoLabelValue(value);
  return wrong === undefined ? { kind: "label", key, value } : refuse(type, text, wrong);
}

function whyNoKey(key: string): string | undefined {
  const slash = key.indexOf("/");
  const name = key.slice(slash + 1);
  if (key === "") return "the key is missing";
  if (!labelPart.test(name) || name.length > 63) return `${short(name)} is not a label's key`;
  if (slash >= 0 && !isName(key.slice(0, slash))) return `${short(key)} is not a label's key`;
  return undefined;
}

function whyNoLabelValue(value: string): string | undefined {
  return value === "" || (labelPart.test(value) && value.length <= 63)
    ? undefined
    : `${short(value)} is not a label's value`;
}

/** app=web, app==web, app!=web, app, !app, *: as `kubectl -l` takes them, one by one. */
function readRequirement(type: ArgType, text: string): Value | Unread {
  if (text === "*") return { kind: "requirement", requirement: undefined };
  const match = /^(!?)([^=!]*)(?:(==?|!=)(.*))?$/.exec(text);
  if (match === null) return refuse(type, text, "it is no condition");
  const [, not = "", key = "", operator, value = ""] = match;
  const wrong = whyNoKey(key) ?? (operator === undefined ? undefined : whyNoLabelValue(value));
  if (wrong !== undefined) return refuse(type, text, wrong);
  if (operator === undefined) return requirement(key, not === "" ? "Exists" : "DoesNotExist", []);
  if (not !== "") return refuse(type, text, "! stands before a key alone, or as != before a value");
  return requirement(key, operator === "!=" ? "NotIn" : "In", [value]);
}

/** `tier in [a b]`: what stands before, the word, and the list's words; undefined where the word is neither. */
export function readSetRequirement(
  type: ArgType,
  key: string,
  word: string,
  values: readonly string[],
): Value | Unread | undefined {
  if (word !== "in" && word !== "notin") return undefined;
  const text = `${key} ${word} [${values.join(" ")}]`;
  const wrong = whyNoKey(key) ?? values.map(whyNoLabelValue).find((one) => one !== undefined);
  if (wrong !== undefined) return refuse(type, text, wrong);
  if (values.length === 0) return refuse(type, text, "the list is empty");
  return requirement(key, word === "in" ? "In" : "NotIn", values);
}

function requirement(key: string, operator: Requirement["operator"], values: readonly string[]): Value {
  return { kind: "requirement", requirement: { key, operator, values } };
}

/** shop/api, shop/api:80, 10.0.0.1:80/udp, fd00::1, "[fd00::1]:80" */
function readEndpoint(type: ArgType & { kind: "endpoint" }, text: string): Value | Unread {
  // A URL stands for what an ingress makes of it; what it means is not for the language to say.
  if (type.port && /^https?:\/\//i.test(text)) return { kind: "endpoint", text, path: text };
  const { host, port } = splitPort(text);
  if (port !== undefined && !type.port) return refuse(type, text, "a sender has no port");
  const address = looksLikeAddress(host) ? parseIp(host) : undefined;
  if (address === undefined && type.addressOnly === true) return refuse(type, text, `${short(host)} is no address`);
  if (address === undefined) {
    const wrong = host.split("/").find((part) => !isName(part));
    if (wrong !== undefined) return refuse(type, text, wrong === "" ? "a part of the path is empty" : whyNoName(wrong));
  }
  const end = { kind: "endpoint", text, path: host, ...(address === undefined ? {} : { address }) } as const;
  if (port === undefined) return end;
  const slash = port.indexOf("/");
  const number = digits(slash < 0 ? port : port.slice(0, slash));
  const proto = slash < 0 ? "tcp" : port.slice(slash + 1);
  if (number === undefined) return refuse(type, text, "a port is a number");
  if (number < 1 || number > 65535) return outOfRange(port, 1, 65535);
  if (!isProtocol(proto)) return refuse(type, text, "the protocol is tcp, udp or sctp");
  return { ...end, port: number, proto };
}

function splitPort(text: string): { readonly host: string; readonly port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1] ?? "", port: bracketed[2] };
  const colon = text.indexOf(":");
  if (colon < 0 || text.indexOf(":", colon + 1) >= 0) return { host: text, port: undefined };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}
