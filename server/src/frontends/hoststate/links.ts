/** Devices: `ip addr`, `ip link`, and `bridge vlan`, as JSON and as text. */
import { parseIp } from "../../addressing/ip.ts";
import type { LinkState, RealAddress, RealDevice } from "../../dataplane/real/state.ts";
import { wholeNumber } from "../../dataplane/values.ts";
import { at, isRecord, type JsonRecord, listAt, numberAt, recordAt, textAt } from "../../text/json.ts";
import type { Item } from "./items.ts";
import type { Locate } from "./place.ts";
import { after, type Block, wordsOf } from "./text.ts";

export function deviceOfJson({ record, span }: Item, locate: Locate): RealDevice | undefined {
  const name = textAt(record, "ifname");
  if (name === undefined) return undefined;
  const origin = locate(span);
  const data = recordAt(record, "linkinfo", "info_data");
  const kind = textAt(record, "linkinfo", "info_kind");
  const type = textAt(record, "link_type");
  return {
    name,
    kind: kind ?? (type === "loopback" ? type : undefined),
    index: numberAt(record, "ifindex"),
    mtu: numberAt(record, "mtu"),
    mac: type === "ether" ? textAt(record, "address") : undefined,
    master: textAt(record, "master"),
    lower: textAt(data, "link") ?? textAt(record, "link"),
    hairpin: booleanAt(recordAt(record, "linkinfo", "info_slave_data"), "hairpin"),
    state: stateOf(Array.isArray(record["flags"]) ? listAt(record, "flags") : undefined, textAt(record, "operstate")),
    addresses: listAt(record, "addr_info").flatMap((one) => addressOfJson(one as JsonRecord, origin) ?? []),
    vxlan:
      kind === "vxlan" && Object.keys(data).length > 0
        ? {
            vni: numberAt(data, "id"),
            port: numberAt(data, "port"),
            local: ipAt(data, "local") ?? ipAt(data, "local6"),
            learning: booleanAt(data, "learning") !== false,
          }
        : undefined,
    ipip:
      (kind === "ipip" || kind === "sit") && Object.keys(data).length > 0
        ? { local: ipAt(data, "local"), remote: ipAt(data, "remote") }
        : undefined,
    origin,
  };
}

function addressOfJson(one: JsonRecord, origin: RealDevice["origin"]): RealAddress | undefined {
  if (!isRecord(one)) return undefined;
  const ip = ipAt(one, "local");
  const len = numberAt(one, "prefixlen");
  return ip === undefined || len === undefined ? undefined : { ip, len, origin };
}

/** "any" and 0.0.0.0 mean that no address is set. */
function ipAt(record: JsonRecord, key: string) {
  const ip = parseIp(textAt(record, key) ?? "");
  return ip === 0 || ip === 0n ? undefined : ip;
}

function booleanAt(record: JsonRecord, key: string): boolean | undefined {
  const found = at(record, key);
  return typeof found === "boolean" ? found : undefined;
}

/** Without IFF_UP, the device is down; IF_OPER_DOWN and IF_OPER_LOWERLAYERDOWN mean that the carrier is missing. */
function stateOf(flags: readonly unknown[] | undefined, operational: string | undefined): LinkState | undefined {
  if (flags && !flags.includes("UP")) return "down";
  if (flags?.includes("NO-CARRIER") || operational === "DOWN" || operational === "LOWERLAYERDOWN") return "no-carrier";
  return flags || operational !== undefined ? "up" : undefined;
}

/** "3: eth0@if7: <BROADCAST,UP> mtu 1500 … master cni0 …". */
const HEAD = /^(?<index>\d+): (?<name>[^\s:@]+)(?:@(?<link>[^\s:]+))?: <(?<flags>[^>]*)>/;

export function isDevice({ lines: [{ text }] }: Block): boolean {
  return HEAD.test(text);
}

/** The kinds that `ip -d link` prints as the first word of a line of details. */
const KINDS: ReadonlySet<string> = new Set(
  "vxlan bridge veth ipip sit gre geneve wireguard dummy macvlan ipvlan vlan vrf tun bond ifb".split(" "),
);

export function deviceOfText(block: Block, locate: Locate): RealDevice | undefined {
  const [first, ...rest] = block.lines;
  const groups = HEAD.exec(first.text)?.groups;
  if (groups?.["name"] === undefined) return undefined;
  const head = first.text.split(/\s+/);
  const details = rest.map(({ text }) => text.trim().split(/\s+/));
  const kindLine = details.find(([word = ""]) => KINDS.has(word));
  const link = details.find(([word = ""]) => word.startsWith("link/"));
  const hairpin = details.map((words) => after(words, "hairpin")).find((word) => word !== undefined);
  const lower = groups["link"];
  const kind = kindLine?.[0] ?? (link?.[0] === "link/loopback" ? "loopback" : undefined);
  return {
    name: groups["name"],
    kind,
    index: wholeNumber(groups["index"]),
    mtu: wholeNumber(after(head, "mtu")),
    mac: link?.[0] === "link/ether" ? link[1] : undefined,
    master: after(head, "master"),
    lower:
      (kindLine && after(kindLine, "dev")) ?? (lower === undefined || /^if\d|^NONE$/.test(lower) ? undefined : lower),
    hairpin: hairpin === undefined ? undefined : hairpin === "on",
    state: stateOf(groups["flags"]?.split(","), after(head, "state")),
    addresses: rest.flatMap(({ text, span }) => addressOfText(text, locate, span) ?? []),
    vxlan:
      kind === "vxlan" && kindLine
        ? {
            vni: wholeNumber(after(kindLine, "id")),
            port: wholeNumber(after(kindLine, "dstport")),
            local: parseIp(after(kindLine, "local") ?? ""),
            learning: !kindLine.includes("nolearning"),
          }
        : undefined,
    ipip:
      (kind === "ipip" || kind === "sit") && kindLine
        ? { local: parseIp(after(kindLine, "local") ?? ""), remote: parseIp(after(kindLine, "remote") ?? "") }
        : undefined,
    origin: locate(block.span),
  };
}

/** "inet 10.0.0.1/24 …", or "inet 10.0.0.1 peer 10.0.0.2/32 …" on a point-to-point link. */
const ADDRESS = /^\s+inet6? (?<ip>[^\s/]+)(?: peer [^\s/]+)?(?:\/(?<len>\d+))?/;

function addressOfText(text: string, locate: Locate, span: Block["span"]): RealAddress | undefined {
  const groups = ADDRESS.exec(text)?.groups;
  const ip = parseIp(groups?.["ip"] ?? "");
  if (ip === undefined) return undefined;
  const len = wholeNumber(groups?.["len"]) ?? (typeof ip === "number" ? 32 : 128);
  return { ip, len, origin: locate(span) };
}

/** "eth0@if7    UP    10.0.0.1/24 fe80::1/64": `ip -brief addr`. */
const BRIEF =
  /^(?<name>[^\s@]+)(?:@\S+)?\s+(?<state>UP|DOWN|UNKNOWN|LOWERLAYERDOWN|DORMANT|NOTPRESENT|TESTING)(?:\s|$)/;

export function isBriefDevice({ lines: [{ text }] }: Block): boolean {
  return BRIEF.test(text);
}

export function briefDevice(block: Block, locate: Locate): RealDevice | undefined {
  const groups = BRIEF.exec(block.lines[0].text)?.groups;
  const name = groups?.["name"];
  if (name === undefined) return undefined;
  const origin = locate(block.span);
  const addresses = wordsOf(block).flatMap((word) => {
    const [ip, len] = word.split("/");
    const parsed = parseIp(ip ?? "");
    const length = wholeNumber(len);
    return parsed === undefined || length === undefined ? [] : { ip: parsed, len: length, origin };
  });
  return { ...NO_DETAILS, name, state: stateOf(undefined, groups?.["state"]), addresses, origin };
}

const NO_DETAILS = {
  kind: undefined,
  index: undefined,
  mtu: undefined,
  mac: undefined,
  master: undefined,
  lower: undefined,
  hairpin: undefined,
  vxlan: undefined,
  ipip: undefined,
} as const;

/** `ip addr` and `ip link` both describe a device. */
export function mergedDevices(devices: readonly RealDevice[]): readonly RealDevice[] {
  const byName = new Map<string, RealDevice>();
  for (const device of devices) {
    const known = byName.get(device.name);
    byName.set(device.name, known ? merged(known, device) : device);
  }
  return [...byName.values()];
}

function merged(a: RealDevice, b: RealDevice): RealDevice {
  return {
    name: a.name,
    kind: a.kind ?? b.kind,
    index: a.index ?? b.index,
    mtu: a.mtu ?? b.mtu,
    mac: a.mac ?? b.mac,
    master: a.master ?? b.master,
    lower: a.lower ?? b.lower,
    hairpin: a.hairpin ?? b.hairpin,
    state: a.state ?? b.state,
    addresses: a.addresses.length > 0 ? a.addresses : b.addresses,
    vxlan: a.vxlan ?? b.vxlan,
    ipip: a.ipip ?? b.ipip,
    // The output with the details is the more specific location.
    origin: a.vxlan || a.ipip || !(b.vxlan || b.ipip) ? a.origin : b.origin,
  };
}
