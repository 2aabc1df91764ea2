/** Reads the text of an argument as a value of the type that the schema specifies. */
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
import { either } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { nearest } from "../text/nearest.ts";
import type { DeclProblem } from "./decl.ts";
import type { Part } from "./handle.ts";
import type { DeclProblemData } from "./problem-data.ts";
import { isSysctl, sysctls } from "./schema/sysctls.ts";
import type { ArgSpec, ArgType, KeywordSpec, SymbolKind, Unit } from "./schema/types.ts";
import type { Requirement, Value } from "./values.ts";

/** KN006 wrong type, KN007 out of range, KN014 prefix with host bits set. */
type UnreadCode = "KN006" | "KN007" | "KN014";

/** Why an argument is not valid. With `value` if it is still usable. */
export type Unread = { readonly [Code in UnreadCode]: UnreadOf<Code> }[UnreadCode];

interface UnreadOf<Code extends UnreadCode> {
  readonly kind: "unread";
  readonly code: Code;
  readonly data: Omit<DeclProblemData[Code], "keyword" | "argument">;
  readonly value?: Value;
}

/** The problem of an argument that is not valid. */
export function unreadProblem(spec: KeywordSpec, target: ArgSpec, part: Part, read: Unread): DeclProblem {
  const where = { keyword: spec.keyword, argument: target.name };
  switch (read.code) {
    case "KN006":
      return { code: read.code, part, data: { ...where, ...read.data } };
    case "KN007":
      return { code: read.code, part, data: { ...where, ...read.data } };
    case "KN014":
      return { code: read.code, part, data: { ...where, ...read.data } };
  }
}

type Protocol = "tcp" | "udp" | "sctp";

/** The formatter writes the first two. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  on: true,
  off: false,
  yes: true,
  no: false,
};

/** Reads the text of one argument or list item. */
export function readValue(type: ArgType, text: string): Value | Unread {
  switch (type.kind) {
    case "name":
      return isName(text) ? { kind: "name", text } : reject(type, text, whyNotName(text));
    case "device":
      return readDevice(type, text);
    case "ref":
      return readRef(type, text);
    case "address": {
      const ip = parseIp(text);
      return ip === undefined ? reject(type, text, whyNoIp(text)) : { kind: "address", ip };
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
      return Object.hasOwn(BOOLEANS, text) ? { kind: "boolean", value: BOOLEANS[text] === true } : reject(type, text);
    case "enum":
      for (const { value } of type.values) if (value === text) return { kind: "word", text };
      return rejectChoice(
        type,
        text,
        type.values.map(({ value }) => value),
      );
    case "ports":
      return type.icmp && text === "icmp" ? { kind: "word", text } : readPorts(type, text);
    case "index-range":
      return readIndexRange(type, text);
    case "label":
      return readLabel(type, text);
    case "selector":
      return readRequirement(type, text);
    case "port-name":
      return isPortName(text) ? { kind: "name", text } : reject(type, text, whyNotPortName(text));
    case "endpoint":
      return readEndpoint(type, text);
    case "string":
      return text === "" ? reject(type, text, t`the string is empty`) : { kind: "string", text };
    case "icmp-type":
      return readIcmpType(type, text);
    case "routing-table":
      return readTable(type, text);
    case "mark":
      return readMark(type, text);
    case "mss":
      return text === "to-pmtu" ? { kind: "word", text } : readNumber(MSS, text);
    case "mac":
      return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text) ? { kind: "word", text } : reject(type, text);
    case "sysctl":
      if (isSysctl(text)) return { kind: "word", text };
      return rejectChoice(
        type,
        text,
        sysctls.map(({ name }) => name),
        t`\`${short(text)}\` is not supported`,
      );
  }
}

/** An argument of this type in a message: "a prefix (`10.0.0.0/16`)". */
export function describeType(type: ArgType): string {
  switch (type.kind) {
    case "name":
      return t`a name`;
    case "device":
      return type.orAddress === true ? t`a device (\`eth0\`) or an address` : t`a device (\`eth0\`)`;
    case "ref":
      return describeReference(type);
    case "address":
      return t`an address (\`10.0.0.1\`)`;
    case "prefix":
      return either([
        t`a prefix (\`10.0.0.0/16\`)`,
        ...(type.orAddress === true ? [t`an address`] : []),
        ...(type.orDefault === true ? ["`default`"] : []),
      ]);
    case "interface-address":
      return type.lengthRequired === true
        ? t`an address with a prefix length (\`10.0.0.1/24\`)`
        : t`an address (\`10.0.0.1\` or \`10.0.0.1/24\`)`;
    case "prefix-length":
      return t`a prefix length (\`/24\`)`;
    case "number":
      return t`a number from ${type.min} to ${type.max}`;
    case "boolean":
      return either(["`true`", "`false`"]);
    case "enum":
      return either(type.values.map(({ value }) => `\`${value}\``));
    case "ports":
      if (type.named === true) return t`a port (\`8080/tcp\` or \`http\`)`;
      return type.protocol ? t`a port (\`8080/tcp\`)` : t`a port (\`8080\`)`;
    case "index-range":
      return t`a number range (\`1..50\`)`;
    case "label":
      return t`a label (\`app=web\`)`;
    case "selector":
      return t`a label selector term (\`app=web\`, \`tier in [a b]\`, \`!tier\`, or \`*\`)`;
    case "port-name":
      return t`a port name (\`http\`)`;
    case "endpoint":
      if (type.addressOnly === true) return t`an address (\`10.0.0.5\` or \`10.0.0.5:8080\`)`;
      return type.port
        ? t`a path or an address, optionally with a port (\`shop/api:80\`)`
        : t`a path or an address (\`shop/web\`)`;
    case "string":
      return t`a quoted string`;
    case "icmp-type":
      return t`an ICMP type (\`8\`), or type and code (\`3/4\`)`;
    case "routing-table":
      return t`a table (\`100\`, \`main\`)`;
    case "mss":
      return t`a number of bytes, or \`to-pmtu\``;
    case "mark":
      return t`a mark (\`0x100\` or \`0x100/0xff00\`)`;
    case "mac":
      return t`a MAC address (\`02:42:0a:00:00:05\`)`;
    case "sysctl":
      return t`a kernel parameter (\`net.ipv4.ip_forward\`)`;
  }
}

function describeReference({ to, orAddress, orDevice }: ArgType & { kind: "ref" }): string {
  const names = either(to.map((kind: SymbolKind) => (/^[aeiou]/.test(kind) ? t`an ${kind}` : t`a ${kind}`)));
  if (orDevice) return t`the name of ${names}, or a device (\`eth0\`)`;
  return orAddress ? t`the name of ${names}, or an address` : t`the name of ${names}`;
}

/** A reason is omitted if it only repeats the expected values. */
function reject(type: ArgType, text: string, reason?: string): UnreadOf<"KN006"> {
  const data = { text: short(text), expected: describeType(type) };
  return { kind: "unread", code: "KN006", data: reason === undefined ? data : { ...data, reason } };
}

function rejectChoice(type: ArgType, text: string, choices: readonly string[], reason?: string): Unread {
  const suggestion = nearest(text, choices);
  const rejected = reject(type, text, reason);
  return suggestion === undefined ? rejected : { ...rejected, data: { ...rejected.data, suggestion } };
}

function outOfRange(text: string, min: number, max: number, unit?: Unit): UnreadOf<"KN007"> {
  const data = { text: short(text), min, max };
  return { kind: "unread", code: "KN007", data: unit === undefined ? data : { ...data, unit } };
}

/** User text as part of a message, limited in length. */
function short(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

/* ---------------------------------------------------------------- names */

const longestName = 253;
const otherLetters = /^[\p{L}\p{M}\p{N}._-]+$/u;

/**
 * Whether the text is a name: letters, digits, `-`, `_`, and `.`; starts with a letter, a digit, or `_`; is not an
 * address.
 */
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

function whyNotName(text: string): string {
  if (text === "") return t`the name is empty`;
  if (text.length > longestName) return t`a name can have at most ${longestName} characters`;
  if (parseIp(text) !== undefined) return t`a name cannot be an address`;
  if (text.includes("/")) return t`a name cannot contain \`/\``;
  if (/^[-.]/.test(text)) return t`a name must start with a letter or a digit`;
  return t`a name can contain only letters, digits, \`-\`, \`_\`, and \`.\``;
}

/** A cheap test before parsing: most texts cannot be an address. */
function looksLikeAddress(text: string): boolean {
  const code = text.charCodeAt(0);
  return (code >= 48 && code <= 57 && text.includes(".")) || text.includes(":");
}

function readDevice(type: ArgType & { kind: "device" }, text: string): Value | Unread {
  if (type.orAddress === true && looksLikeAddress(text)) {
    const ip = parseIp(text);
    if (ip !== undefined) return { kind: "address", ip };
  }
  const wrong = whyNotDevice(text) ?? (type.creates === true ? whyNotCreated(text) : undefined);
  return wrong === undefined ? { kind: "name", text } : reject(type, text, wrong);
}

const utf8 = new TextEncoder();

/** The names that the kernel accepts (net/core/dev.c, dev_valid_name). It counts bytes, and reads each byte as Latin-1. */
function whyNotDevice(text: string): string | undefined {
  const bytes = utf8.encode(text);
  if (text === "") return t`the name is empty`;
  if (bytes.length > 15) return t`a device name can have at most 15 bytes in UTF-8, not ${bytes.length}`;
  if (/[ \t\n\v\f\r/:]/.test(text)) return t`a device name cannot contain spaces, \`/\`, or \`:\``;
  // 0xA0 is the no-break space of Latin-1, which isspace() includes (lib/ctype.c).
  if (bytes.includes(0xa0)) return t`the kernel reads byte a0 of its UTF-8 form as a space`;
  if (text === "." || text === "..") return t`a device name cannot be \`.\` or \`..\``;
  return undefined;
}

/**
 * The names that no new device can have: `%` is a number pattern (__dev_alloc_name), `all` and `default` are directories of
 * net.ipv4.conf (sysctl_dev_name_is_allowed), and `lo` exists.
 */
function whyNotCreated(text: string): string | undefined {
  if (text.includes("%")) return t`the kernel reads \`%\` as a number pattern (\`eth%d\`)`;
  if (text === "all" || text === "default") return t`the kernel reserves this name for \`net.ipv4.conf.${text}\``;
  return text === "lo" ? t`every machine already has the loopback device \`lo\`` : undefined;
}

function readRef(type: ArgType & { kind: "ref" }, text: string): Value | Unread {
  if (looksLikeAddress(text)) {
    const ip = parseIp(text);
    if (ip !== undefined) {
      if (type.orAddress === true) return { kind: "ref", text, path: [text], address: ip };
      return reject(type, text, t`an address is not allowed here`);
    }
  }
  if (!text.includes("/")) {
    return isName(text) ? { kind: "ref", text, path: [text] } : reject(type, text, whyNotName(text));
  }
  const path = text.split("/");
  const wrong = path.find((part) => !isName(part));
  return wrong === undefined ? { kind: "ref", text, path } : reject(type, text, whyNotComponent(wrong, text));
}

function whyNotComponent(part: string, path: string): string {
  if (part === "") return t`the path has an empty component`;
  return part === path ? whyNotName(part) : t`${whyNotName(part)} (in \`${short(part)}\`)`;
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
  return reject(type, text, read.ok ? undefined : read.reason);
}

function readInterface(type: ArgType & { kind: "interface-address" }, text: string): Value | Unread {
  const parsed = parseInterfaceAddress(text);
  if (parsed === undefined) {
    const read = readInterfaceAddress(text);
    return reject(type, text, read.ok ? undefined : read.reason);
  }
  if (parsed.len === undefined && type.lengthRequired === true)
    return reject(type, text, t`the prefix length is missing`);
  return { kind: "interface-address", ip: parsed.ip, len: parsed.len };
}

function readLength(type: ArgType, text: string): Value | Unread {
  if (!/^\/\d{1,9}$/.test(text)) return reject(type, text, t`write the prefix length with a leading slash`);
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
  const value = type.decimals && /^\d{1,15}\.\d{1,15}$/.test(text) ? Number(text) : digits(text);
  if (value === undefined) {
    const signed = /^-\d+$/.test(text);
    if (signed) return outOfRange(text, type.min, type.max, type.unit);
    return reject(type, text, t`\`${short(text)}\` is not a whole number`);
  }
  if (value < type.min || value > type.max) return outOfRange(text, type.min, type.max, type.unit);
  return { kind: "number", value };
}

function readPorts(type: ArgType & { kind: "ports" }, text: string): Value | Unread {
  const slash = text.indexOf("/");
  const proto = slash < 0 ? undefined : text.slice(slash + 1);
  if (proto !== undefined && !type.protocol) return reject(type, text, t`a protocol is not allowed here`);
  if (proto !== undefined && !isProtocol(proto)) return reject(type, text, t`the protocol must be tcp, udp, or sctp`);
  const ports = slash < 0 ? text : text.slice(0, slash);
  if (type.named === true && !/^[\d-]*$/.test(ports)) {
    // A protocol alone matches all ports, like a NetworkPolicyPort without `port`.
    if (slash < 0 && isProtocol(text)) return { kind: "ports", first: 1, last: 65535, proto: text };
    return isPortName(ports) ? { kind: "port-name", name: ports, proto } : reject(type, text, whyNotPortName(ports));
  }
  const dash = ports.indexOf("-");
  const first = digits(dash < 0 ? ports : ports.slice(0, dash));
  const last = dash < 0 ? first : digits(ports.slice(dash + 1));
  if (first === undefined || last === undefined) return reject(type, text, t`a port must be a number`);
  if (dash >= 0 && !type.range) return reject(type, text, t`a range is not allowed here`);
  if (first < 1 || first > 65535 || last < 1 || last > 65535) return outOfRange(text, 1, 65535);
  if (last < first) return reject(type, text, t`the end of the range is less than its start`);
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

function whyNotPortName(text: string): string {
  if (text.length > 15) return t`a port name can have at most 15 characters`;
  return t`a port name must consist of lowercase letters, digits, and single hyphens, with at least one letter`;
}

function readIndexRange(type: ArgType & { kind: "index-range" }, text: string): Value | Unread {
  const match = /^(\d+)\.\.(\d+)$/.exec(text);
  if (match === null) return reject(type, text, t`separate the two numbers with \`..\``);
  const [, from = "", to = ""] = match;
  const first = Number(from);
  const last = Number(to);
  if (last < first) return reject(type, text, t`the end of the range is less than its start`);
  if (last - first + 1 > type.max || !Number.isSafeInteger(last)) return outOfRange(text, 1, type.max);
  return { kind: "index-range", first, last, width: from.length > 1 && from.startsWith("0") ? from.length : 0 };
}

/** A segment size that fits any MTU from 68 to 65535. */
const MSS = { kind: "number", min: 28, max: 65495, unit: "bytes" } as const;

function readIcmpType(type: ArgType, text: string): Value | Unread {
  const slash = text.indexOf("/");
  const number = digits(slash < 0 ? text : text.slice(0, slash));
  const code = slash < 0 ? undefined : digits(text.slice(slash + 1));
  if (number === undefined || (slash >= 0 && code === undefined))
    return reject(type, text, t`type and code must be numbers`);
  if (number > 255 || (code ?? 0) > 255) return outOfRange(text, 0, 255);
  return { kind: "icmp-type", type: number, code };
}

/** The tables that the kernel itself uses have names (include/uapi/linux/rtnetlink.h, rt_class_t). */
const TABLES = ["main", "default", "local"];

function readTable(type: ArgType, text: string): Value | Unread {
  if (TABLES.includes(text)) return { kind: "word", text };
  const number = digits(text);
  if (number === undefined)
    return rejectChoice(type, text, TABLES, t`only main, default, and local have a name in the kernel`);
  if (number < 1 || number > MOST_BITS) return outOfRange(text, 1, MOST_BITS);
  const reserved = RESERVED_TABLES[number];
  return { kind: "word", text: reserved ?? String(number) };
}

const RESERVED_TABLES: Readonly<Record<number, string>> = { 253: "default", 254: "main", 255: "local" };

/** 32 bits. */
const MOST_BITS = 4294967295;

function readMark(type: ArgType, text: string): Value | Unread {
  const [value, mask = MOST_BITS, ...more] = text.split("/").map(bitsOf);
  if (value === undefined || mask === undefined || more.length > 0 || (text.includes("/") && text.endsWith("/")))
    return reject(type, text);
  if (value > MOST_BITS || mask > MOST_BITS) return outOfRange(text, 0, MOST_BITS);
  return { kind: "mark", value, mask };
}

/** A decimal or hexadecimal number. */
function bitsOf(text: string): number | undefined {
  return /^0x[0-9a-f]{1,9}$/i.test(text) ? Number(text) : digits(text);
}

/* ---------------------------------------------------------------- labels, endpoints */

const labelPart = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

function readLabel(type: ArgType, text: string): Value | Unread {
  const equals = text.indexOf("=");
  if (equals < 0) return reject(type, text, t`separate key and value with \`=\``);
  const key = text.slice(0, equals);
  const value = text.slice(equals + 1);
  const wrong = whyNotKey(key) ?? whyNotLabelValue(value);
  return wrong === undefined ? { kind: "label", key, value } : reject(type, text, wrong);
}

function whyNotKey(key: string): string | undefined {
  const slash = key.indexOf("/");
  const name = key.slice(slash + 1);
  if (key === "") return t`the key is missing`;
  if (!labelPart.test(name) || name.length > 63) return t`\`${short(name)}\` is not a valid label key`;
  if (slash >= 0 && !isName(key.slice(0, slash))) return t`\`${short(key)}\` is not a valid label key`;
  return undefined;
}

function whyNotLabelValue(value: string): string | undefined {
  return value === "" || (labelPart.test(value) && value.length <= 63)
    ? undefined
    : t`\`${short(value)}\` is not a valid label value`;
}

/**
 * One term of a label selector, in the syntax of `kubectl -l`: app=web, app==web, app!=web, app, !app; or * for all.
 */
function readRequirement(type: ArgType, text: string): Value | Unread {
  if (text === "*") return { kind: "requirement", requirement: undefined };
  const match = /^(!?)([^=!]*)(?:(==?|!=)(.*))?$/.exec(text);
  if (match === null) return reject(type, text, t`the label selector term is not valid`);
  const [, not = "", key = "", operator, value = ""] = match;
  const wrong = whyNotKey(key) ?? (operator === undefined ? undefined : whyNotLabelValue(value));
  if (wrong !== undefined) return reject(type, text, wrong);
  if (operator === undefined) return requirement(key, not === "" ? "Exists" : "DoesNotExist", []);
  if (not !== "") return reject(type, text, t`\`!\` is allowed only before a key or in \`!=\``);
  return requirement(key, operator === "!=" ? "NotIn" : "In", [value]);
}

/**
 * `tier in [a b]`: the key, the operator, and the values of the list; undefined if the operator is neither `in` nor
 * `notin`.
 */
export function readSetRequirement(
  type: ArgType,
  key: string,
  operator: string,
  values: readonly string[],
): Value | Unread | undefined {
  if (operator !== "in" && operator !== "notin") return undefined;
  const text = `${key} ${operator} [${values.join(" ")}]`;
  const wrong = whyNotKey(key) ?? values.map(whyNotLabelValue).find((one) => one !== undefined);
  if (wrong !== undefined) return reject(type, text, wrong);
  if (values.length === 0) return reject(type, text, t`the list is empty`);
  return requirement(key, operator === "in" ? "In" : "NotIn", values);
}

function requirement(key: string, operator: Requirement["operator"], values: readonly string[]): Value {
  return { kind: "requirement", requirement: { key, operator, values } };
}

/** shop/api, shop/api:80, 10.0.0.1:80/udp, fd00::1, "[fd00::1]:80" */
function readEndpoint(type: ArgType & { kind: "endpoint" }, text: string): Value | Unread {
  // A URL depends on the ingress that serves it, so it is kept unparsed.
  if (type.port && /^https?:\/\//i.test(text)) return { kind: "endpoint", text, path: text };
  const { host, port } = splitPort(text);
  if (port !== undefined && !type.port) return reject(type, text, t`a source cannot have a port`);
  const address = looksLikeAddress(host) ? parseIp(host) : undefined;
  if (address === undefined && type.addressOnly === true)
    return reject(type, text, t`\`${short(host)}\` is not a valid address`);
  if (address === undefined) {
    const wrong = host.split("/").find((part) => !isName(part));
    if (wrong !== undefined) return reject(type, text, whyNotComponent(wrong, host));
  }
  const end = { kind: "endpoint", text, path: host, ...(address === undefined ? {} : { address }) } as const;
  if (port === undefined) return end;
  const slash = port.indexOf("/");
  const number = digits(slash < 0 ? port : port.slice(0, slash));
  const proto = slash < 0 ? "tcp" : port.slice(slash + 1);
  if (number === undefined) return reject(type, text, t`a port must be a number`);
  if (number < 1 || number > 65535) return outOfRange(port, 1, 65535);
  if (!isProtocol(proto)) return reject(type, text, t`the protocol must be tcp, udp, or sctp`);
  return { ...end, port: number, proto };
}

/** "shop/api:80/udp": host "shop/api", port "80/udp"; an IPv6 address without brackets has no port. */
export function splitPort(text: string): { readonly host: string; readonly port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1] ?? "", port: bracketed[2] };
  const colon = text.indexOf(":");
  if (colon < 0 || text.indexOf(":", colon + 1) >= 0) return { host: text, port: undefined };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}
