/** One rule in the notation of iptables(8): options and matches of the extensions, by option. */

import { type Family, parseIp } from "../../addressing/ip.ts";
import type {
  CtMatch,
  IpSet,
  NfMatch,
  NfRule,
  NfTarget,
  PortRange,
  RecentMatch,
  RejectWith,
  SetMatch,
  Transport,
} from "../../dataplane/model.ts";
import { ipAndPort, markOf, prefixOfText, wholeNumber } from "../../dataplane/values.ts";
import type { Origin } from "../../declared/origin.ts";
import { entryOf } from "../../text/table.ts";

export interface Context {
  readonly family: Family;
  readonly origin: Origin;
  readonly sets: ReadonlyMap<string, IpSet>;
}

/** The words of a rule that are not read yet, and what was read. */
interface Reading extends Context {
  readonly words: readonly string[];
  at: number;
  /** `!` precedes the option. */
  not: boolean;
  proto: Transport | undefined;
  readonly matches: NfMatch[];
  target: NfTarget | undefined;
  /** A match or target that is not modeled. */
  unknown: boolean;
}

/** Undefined if the rule has a part that is not modeled. */
export function ruleOfWords(words: readonly string[], context: Context): NfRule | undefined {
  const reading: Reading = {
    ...context,
    words,
    at: 0,
    not: false,
    proto: undefined,
    matches: [],
    target: undefined,
    unknown: false,
  };
  while (reading.at < words.length && !reading.unknown) readOption(reading);
  if (reading.unknown) return undefined;
  return { matches: reading.matches, target: reading.target ?? { kind: "NONE" }, origin: context.origin };
}

function readOption(reading: Reading): void {
  const word = next(reading) ?? "";
  if (word === "!") {
    reading.not = true;
    return;
  }
  const read = Object.hasOwn(OPTIONS, word) ? OPTIONS[word] : undefined;
  if (!read) reading.unknown = true;
  else read(reading);
  reading.not = false;
}

function next(reading: Reading): string | undefined {
  const word = reading.words[reading.at];
  reading.at += 1;
  return word;
}

type Option = (reading: Reading) => void;

/** Reads the value of an option; undefined if the model cannot express it. */
function valued(make: (text: string, reading: Reading) => NfMatch | undefined): Option {
  return (reading) => {
    const text = next(reading);
    const match = text === undefined ? undefined : make(text, reading);
    if (match) reading.matches.push(match);
    else reading.unknown = true;
  };
}

function negation({ not }: Reading): { readonly not?: true } {
  return not ? { not: true } : {};
}

/** An option that the model cannot negate. */
function positive(make: (text: string, reading: Reading) => NfMatch | undefined): Option {
  return valued((text, reading) => (reading.not ? undefined : make(text, reading)));
}

const source = valued((text, reading) => prefixMatch("src", text, reading));
const destination = valued((text, reading) => prefixMatch("dst", text, reading));
const ingress = valued((text, reading) => ({ kind: "in", is: text, ...negation(reading) }));
const egress = valued((text, reading) => ({ kind: "out", is: text, ...negation(reading) }));
const states = valued((text, reading) => {
  const all = text.split(",");
  return all.every(isCtMatch) ? { kind: "conntrack", is: all.filter(isCtMatch), ...negation(reading) } : undefined;
});
const jump: Option = (reading) => {
  const name = next(reading);
  reading.target = name === undefined ? undefined : targetOf(name, reading);
  if (!reading.target) reading.unknown = true;
};

const OPTIONS: Readonly<Record<string, Option>> = {
  "-s": source,
  "--source": source,
  "-d": destination,
  "--destination": destination,
  "-i": ingress,
  "--in-interface": ingress,
  "-o": egress,
  "--out-interface": egress,
  "-p": positive((text, reading) => {
    const proto = entryOf(PROTOCOLS, text);
    reading.proto = proto;
    return proto && { kind: "proto", proto };
  }),
  "-m": (reading) => {
    const name = next(reading) ?? "";
    // The extension of a protocol matches every packet of it if no option follows.
    if (name === "tcp" || name === "udp" || name === "sctp") reading.matches.push({ kind: "ports", proto: name });
    else if (!EXTENSIONS.has(name)) reading.unknown = true;
  },
  "--dport": positive((text, reading) => portMatch("dport", text, reading)),
  "--sport": positive((text, reading) => portMatch("sport", text, reading)),
  "--dports": positive((text) => {
    const dports = text.split(",").map(portRange);
    return dports.every((one) => one !== undefined) ? { kind: "multiport", dports } : undefined;
  }),
  "--icmp-type": positive((text) => (text === "8" || text === "echo-request" ? ECHO : icmpType(text))),
  "--icmpv6-type": positive((text) => (text === "128" || text === "echo-request" ? ECHO : icmpType(text))),
  "--tcp-flags": (reading) => {
    const [mask, set] = [next(reading), next(reading)];
    if (mask !== "SYN,RST" || set !== "SYN" || reading.not) reading.unknown = true;
    else {
      // `-m tcp` alone matches every packet.
      if (reading.matches.at(-1)?.kind === "ports") reading.matches.pop();
      reading.matches.push({ kind: "syn" });
    }
  },
  "--src-range": positive((text) => {
    const [first, last] = text.split("-").map((one) => parseIp(one));
    return first === undefined || last === undefined ? undefined : { kind: "iprange", first, last };
  }),
  "--match-set": (reading) => {
    const set = reading.sets.get(next(reading) ?? "");
    const side = next(reading) ?? "";
    if (!set || !isSide(side)) reading.unknown = true;
    else reading.matches.push({ kind: "set", set, side, ...negation(reading) });
  },
  "--physdev-is-in": (reading) => {
    if (reading.not) reading.matches.push({ kind: "physdev", not: true });
    else reading.unknown = true;
  },
  "--dst-type": valued((text, reading) => addressType("dst", text, reading)),
  "--src-type": valued((text, reading) => addressType("src", text, reading)),
  "--mark": valued((text, reading) => {
    const is = markOf(text);
    return is && { kind: "mark", is, ...negation(reading) };
  }),
  "--validmark": () => {},
  "--invert": (reading) => {
    reading.matches.push({ kind: "rpfilter", not: true });
  },
  "--ctstate": states,
  "--state": states,
  "--mode": (reading) => {
    if (next(reading) !== "random") reading.unknown = true;
  },
  "--probability": positive((text) => {
    const probability = Number(text);
    return probability >= 0 && probability <= 1 ? { kind: "statistic", probability } : undefined;
  }),
  "--comment": valued((text) => ({ kind: "comment", text })),
  "--set": (reading) => recent(reading, { op: "set" }),
  "--rcheck": (reading) => recent(reading, { op: "rcheck" }),
  "--vproto": ipvs,
  "-j": jump,
  "--jump": jump,
  "-g": (reading) => {
    const chain = next(reading);
    reading.target = chain === undefined ? undefined : { kind: "JUMP", chain, goto: true };
  },
};

/** Extensions whose options are in the table above. */
const EXTENSIONS: ReadonlySet<string> = new Set(
  "multiport icmp icmp6 iprange set ipvs physdev addrtype mark rpfilter conntrack state statistic recent comment".split(
    " ",
  ),
);

/** Type, or type and code; other names are not modeled. */
function icmpType(text: string): NfMatch | undefined {
  const [type, code, ...more] = text.split("/").map(wholeNumber);
  if (type === undefined || more.length > 0 || (text.includes("/") && code === undefined)) return undefined;
  return { kind: "icmp", message: { type, code } };
}

const ECHO: NfMatch = { kind: "icmp", message: "echo-request" };

/** Names in /etc/protocols, and numbers. */
const PROTOCOLS: Readonly<Record<string, Transport | undefined>> = {
  tcp: "tcp",
  6: "tcp",
  udp: "udp",
  17: "udp",
  sctp: "sctp",
  132: "sctp",
  icmp: "icmp",
  1: "icmp",
  "ipv6-icmp": "icmp",
  icmpv6: "icmp",
  58: "icmp",
  ipencap: "ipip",
  ipip: "ipip",
  4: "ipip",
  esp: "esp",
  50: "esp",
};

function prefixMatch(kind: "src" | "dst", text: string, reading: Reading): NfMatch | undefined {
  const is = prefixOfText(text);
  return is && { kind, is, ...negation(reading) };
}

/** "80", or "30000:32767". */
function portRange(text: string): PortRange | undefined {
  const [first, last = first] = text.split(":").map(wholeNumber);
  return first === undefined || last === undefined || last > 65535 ? undefined : { first, last };
}

/** Ports are part of the match that `-m tcp` creates. */
function portMatch(side: "dport" | "sport", text: string, { matches, proto }: Reading): NfMatch | undefined {
  const range = portRange(text);
  if (!range) return undefined;
  const loaded = matches.at(-1);
  if (loaded?.kind !== "ports") return { kind: "ports", proto, [side]: range };
  matches.pop();
  return { ...loaded, [side]: range };
}

function addressType(side: "src" | "dst", text: string, reading: Reading): NfMatch | undefined {
  if (text !== "LOCAL") return undefined;
  const ofEgress = reading.words[reading.at] === "--limit-iface-out";
  if (ofEgress) reading.at += 1;
  return { kind: "addrtype", side, type: "LOCAL", ...negation(reading), ...(ofEgress ? { ofEgress } : {}) };
}

const CT_STATES: ReadonlySet<string> = new Set<CtMatch>([
  "NEW",
  "ESTABLISHED",
  "RELATED",
  "INVALID",
  "UNTRACKED",
  "DNAT",
]);

function isCtMatch(text: string): text is CtMatch {
  return CT_STATES.has(text);
}

const SIDES: ReadonlySet<string> = new Set<SetMatch["side"]>(["src", "dst", "dst,dst", "src,dst", "dst,dst,src"]);

function isSide(text: string): text is SetMatch["side"] {
  return SIDES.has(text);
}

/** `--rcheck --seconds 10800 --reap --name X --mask … --rsource`. */
function recent(reading: Reading, { op }: { readonly op: RecentMatch["op"] }): void {
  let name: string | undefined;
  let seconds: number | undefined;
  let reap = false;
  while (reading.at < reading.words.length) {
    const word = reading.words[reading.at];
    if (word === "--reap" || word === "--rsource") reading.at += 1;
    else if (word === "--name" || word === "--seconds" || word === "--mask") reading.at += 2;
    else break;
    const value = reading.words[reading.at - 1];
    if (word === "--name") name = value;
    if (word === "--seconds") seconds = wholeNumber(value);
    if (word === "--reap") reap = true;
  }
  if (name === undefined || reading.not) reading.unknown = true;
  else if (op === "set") reading.matches.push({ kind: "recent", name, op });
  else reading.matches.push({ kind: "recent", name, op, seconds: seconds ?? 0, reap });
}

/** `--vproto 6 --vaddr 10.96.0.1 --vport 443`. */
function ipvs(reading: Reading): void {
  const proto = entryOf(PROTOCOLS, next(reading) ?? "");
  const [first, address, second, port] = reading.words.slice(reading.at, reading.at + 4);
  reading.at += 4;
  const ip = parseIp(address ?? "");
  const number = wholeNumber(port);
  if (!proto || first !== "--vaddr" || second !== "--vport" || ip === undefined || number === undefined || reading.not)
    reading.unknown = true;
  else reading.matches.push({ kind: "ipvs", ip, proto, port: number });
}

/* ----------------------------------------------------------------- targets */

function targetOf(name: string, reading: Reading): NfTarget | undefined {
  const options = reading.words.slice(reading.at);
  const read = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
  // Any other name is a chain, or a target that is not modeled; only a target has options.
  if (!read) return options.length === 0 ? { kind: "JUMP", chain: name } : undefined;
  reading.at = reading.words.length;
  return read(options, reading);
}

type Target = (options: readonly string[], reading: Reading) => NfTarget | undefined;

const TARGETS: Readonly<Record<string, Target>> = {
  ACCEPT: only({ kind: "ACCEPT" }),
  DROP: only({ kind: "DROP" }),
  RETURN: only({ kind: "RETURN" }),
  NOTRACK: only({ kind: "NOTRACK" }),
  CT: (options) => (options.length === 1 && options[0] === "--notrack" ? { kind: "NOTRACK" } : undefined),
  // The log has no effect on the packet.
  LOG: (options) => ({
    kind: "LOG",
    options: options.map((one) => (/^[\w./:+-]+$/.test(one) ? one : `"${one}"`)).join(" "),
  }),
  NFLOG: () => ({ kind: "NONE" }),
  REJECT: ([, kind]) => {
    const how = kind === undefined ? "icmp-port-unreachable" : entryOf(REJECTIONS, kind);
    return how && { kind: "REJECT", with: how };
  },
  TCPMSS: ([option, text]) => {
    if (option === "--clamp-mss-to-pmtu") return { kind: "TCPMSS", mss: "to-pmtu" };
    const mss = option === "--set-mss" ? wholeNumber(text) : undefined;
    return mss === undefined ? undefined : { kind: "TCPMSS", mss };
  },
  MASQUERADE: (options) =>
    options.every((one) => one === "--random-fully")
      ? { kind: "MASQUERADE", ...(options.length > 0 ? { randomFully: true } : {}) }
      : undefined,
  SNAT: ([option, text = "", ...more]) => {
    const to = parseIp(text);
    if (option !== "--to-source" || to === undefined || more.some((one) => one !== "--random-fully")) return undefined;
    return { kind: "SNAT", to, ...(more.length > 0 ? { randomFully: true } : {}) };
  },
  DNAT: ([option, text = "", ...more]) => {
    const ip = parseIp(text);
    const target = ip === undefined ? ipAndPort(text) : { ip };
    if (option !== "--to-destination" || !target || more.length > 0) return undefined;
    return { kind: "DNAT", to: target.ip, ...("port" in target ? { port: target.port } : {}) };
  },
  MARK: ([option, text = "", ...more]) => (more.length > 0 ? undefined : markTarget(option, text)),
  CONNMARK: (options) => connmark(options),
};

/** Targets without options. */
function only(target: NfTarget): Target {
  return (options) => (options.length === 0 ? target : undefined);
}

const REJECTIONS: Readonly<Record<string, RejectWith>> = {
  "icmp-port-unreachable": "icmp-port-unreachable",
  "icmp6-port-unreachable": "icmp-port-unreachable",
  "icmp-admin-prohibited": "icmp-admin-prohibited",
  "icmp6-adm-prohibited": "icmp-admin-prohibited",
  "icmp-host-prohibited": "icmp-host-prohibited",
  "icmp-host-unreachable": "icmp-host-unreachable",
  "icmp6-addr-unreachable": "icmp-host-unreachable",
  "icmp-net-unreachable": "icmp-net-unreachable",
  "icmp6-no-route": "icmp-net-unreachable",
  "tcp-reset": "tcp-reset",
};

/** `--set-xmark value/mask`: the bits of the mask are cleared, then the value is XORed (xt_mark.c). */
function markTarget(option: string | undefined, text: string): NfTarget | undefined {
  const mark = markOf(text);
  if (!mark) return undefined;
  switch (option) {
    case "--set-xmark":
      return { kind: "MARK", ...mark };
    case "--set-mark":
      return { kind: "MARK", value: mark.value, mask: (mark.mask | mark.value) >>> 0 };
    case "--or-mark":
      return { kind: "MARK", value: mark.value, mask: mark.value };
    case "--and-mark":
      return { kind: "MARK", value: 0, mask: ~mark.value >>> 0 };
    case "--xor-mark":
      return { kind: "MARK", value: mark.value, mask: 0 };
    default:
      return undefined;
  }
}

function connmark(options: readonly string[]): NfTarget | undefined {
  const [option, text = ""] = options;
  const mark = markOf(text);
  if (option === "--set-xmark" && mark && options.length === 2) return { kind: "CONNMARK", op: "set", ...mark };
  if (option !== "--restore-mark") return undefined;
  const mask = options.length === 1 ? 0xffffffff : wholeNumber(options[options.indexOf("--ctmask") + 1]);
  return mask === undefined ? undefined : { kind: "CONNMARK", op: "restore", mask };
}
