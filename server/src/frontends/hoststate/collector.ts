/**
 * `collector.json` of KubeSkoop (alibaba/kubeskoop 70355a7, pkg/skoop/k8s/node.go and pkg/skoop/netstack): one file per node
 * with all network namespaces. It lacks IPv6, next hops of multipath routes, and the parameters of tunnels.
 */
import { formatIp, type Ip, type Prefix, parseIp, prefixOf } from "../../addressing/ip.ts";
import type { RouteScope, RouteType } from "../../dataplane/model.ts";
import type { RealDevice, RealNeighbour, RealRoute, RealRule } from "../../dataplane/real/state.ts";
import type { Origin } from "../../declared/origin.ts";
import { isRecord, type Json, type JsonRecord, listAt, numberAt, recordAt, textAt, textsAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";

export interface Collected {
  readonly devices: readonly RealDevice[];
  readonly routes: readonly RealRoute[];
  readonly rules: readonly RealRule[];
  readonly neighbours: readonly RealNeighbour[];
  readonly sysctls: ReadonlyMap<string, string>;
  /** In the notation of iptables-save. */
  readonly iptables: readonly string[];
  /** In the notation of `ipset save` and `ipvsadm -Sn`. */
  readonly sets: readonly string[];
  readonly servers: readonly string[];
}

export function isCollector(record: JsonRecord): boolean {
  return Array.isArray(record["p"]) && Array.isArray(record["n"]);
}

/** The network namespace of the node: the one of PID 1, or the first. */
export function collected(record: JsonRecord, origin: Origin): Collected | undefined {
  const all = listAt(record, "n").filter(isRecord);
  const host = all.find((one) => textAt(one, "k") === "host" || numberAt(one, "p") === 1) ?? all[0];
  if (!host) return undefined;
  const names = new Map(listAt(host, "if").map((one) => [numberAt(one, "i"), textAt(one, "n") ?? ""]));
  return {
    devices: listAt(host, "if").flatMap((one) => deviceOf(one, names, origin) ?? []),
    routes: listAt(host, "r").flatMap((one) => routeOf(one, names, origin) ?? []),
    rules: listAt(host, "ru").flatMap((one) => ruleOf(one, origin) ?? []),
    neighbours: listAt(host, "if").flatMap((one) => neighboursOf(one, names, origin)),
    sysctls: textsAt(host, "s"),
    iptables: savedText(textAt(host, "it") ?? ""),
    sets: listAt(host, "is").flatMap(setLines),
    servers: serverLines(host),
  };
}

type Names = ReadonlyMap<number | undefined, string>;

function deviceOf(one: Json, names: Names, origin: Origin): RealDevice | undefined {
  const name = textAt(one, "n");
  if (name === undefined) return undefined;
  const master = numberAt(one, "mi");
  const driver = textAt(one, "d");
  return {
    name,
    kind: name === "lo" ? "loopback" : driver === "device" ? undefined : driver,
    index: numberAt(one, "i"),
    mtu: numberAt(one, "m"),
    mac: undefined,
    master: master === undefined || master === 0 ? undefined : names.get(master),
    lower: undefined,
    hairpin: undefined,
    state: undefined,
    addresses: listAt(one, "a").flatMap((address) => {
      const found = networkOf(address);
      return found ? { ...found, origin } : [];
    }),
    vxlan: undefined,
    ipip: undefined,
    origin,
  };
}

/** Go's encoding of net.IPNet: the mask is base64. */
function networkOf(value: Json | undefined): { readonly ip: Ip; readonly len: number } | undefined {
  const ip = parseIp(textAt(value, "IP") ?? "");
  const mask = bytesOf(textAt(value, "Mask"));
  if (ip === undefined || !mask) return undefined;
  const ones = mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  const len = typeof ip === "number" && mask.length === 16 ? ones - 96 : ones;
  return len < 0 || len > (typeof ip === "number" ? 32 : 128) ? undefined : { ip, len };
}

function prefixOfNetwork(value: Json | undefined): Prefix | undefined {
  const found = networkOf(value);
  return found && prefixOf(found.ip, found.len);
}

function bytesOf(text: string | undefined): readonly number[] | undefined {
  if (text === undefined || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return [...atob(text)].map((char) => char.charCodeAt(0));
}

/** Numbers of linux/rtnetlink.h. */
const TYPES: Readonly<Record<number, RouteType | undefined>> = {
  1: "unicast",
  2: "local",
  3: "broadcast",
  6: "blackhole",
  7: "unreachable",
  8: "prohibit",
};
const SCOPES: Readonly<Record<number, RouteScope | undefined>> = { 0: "global", 253: "link", 254: "host" };
const TABLES: Readonly<Record<number, string | undefined>> = { 253: "default", 254: "main", 255: "local" };
const PROTOCOLS: Readonly<Record<number, string | undefined>> = { 2: "kernel", 4: "static", 12: "bird", 16: "dhcp" };

function routeOf(one: Json, names: Names, origin: Origin): RealRoute | undefined {
  const type = TYPES[numberAt(one, "t") ?? 1];
  const table = tableName(numberAt(one, "tb"));
  if (!isRecord(one) || type === undefined) return undefined;
  const via = parseIp(textAt(one, "g") ?? "");
  const src = parseIp(textAt(one, "s") ?? "");
  const dev = textAt(one, "o") ?? names.get(numberAt(one, "o"));
  const scope = SCOPES[numberAt(one, "sc") ?? 0];
  const proto = PROTOCOLS[numberAt(one, "pr") ?? 3];
  const metric = numberAt(one, "p");
  return {
    table,
    isPartial: type === "unicast" && (dev === undefined || dev === ""),
    route: {
      dst: prefixOfNetwork(one["d"]) ?? { ip: 0, len: 0 },
      type,
      nexthops: dev === undefined || dev === "" ? [] : [{ dev, ...(via === undefined ? {} : { via }) }],
      ...(src === undefined ? {} : { src }),
      ...(scope === undefined ? {} : { scope }),
      ...(proto === undefined ? {} : { proto }),
      ...(metric === undefined || metric === 0 ? {} : { metric }),
      why: t`route in the real state`,
      origin,
    },
  };
}

function tableName(number: number | undefined): string {
  return number === undefined || number === 0 ? "main" : (TABLES[number] ?? String(number));
}

function ruleOf(one: Json, origin: Origin): RealRule | undefined {
  const priority = numberAt(one, "p");
  if (!isRecord(one) || priority === undefined) return undefined;
  const from = prefixOfNetwork(one["s"]);
  const to = prefixOfNetwork(one["d"]);
  const mark = numberAt(one, "m");
  const mask = numberAt(one, "ma");
  const iif = textAt(one, "i");
  return {
    family: 4,
    rule: {
      // The netlink package writes -1 for a rule without a priority.
      priority: Math.max(0, priority),
      ...(from ? { from } : {}),
      ...(to ? { to } : {}),
      ...(mark === undefined || mark <= 0
        ? {}
        : { fwmark: { value: mark, mask: mask === undefined || mask <= 0 ? 0xffffffff : mask } }),
      ...(iif === undefined || iif === "" ? {} : { iif }),
      table: tableName(numberAt(one, "tb")),
    },
    more: "",
    origin,
  };
}

function neighboursOf(one: Json, names: Names, origin: Origin): readonly RealNeighbour[] {
  return listAt(one, "ne").flatMap((entry) => {
    const ip = parseIp(textAt(entry, "IP") ?? "");
    const mac = bytesOf(textAt(entry, "HardwareAddr"));
    const device = names.get(numberAt(entry, "LinkIndex")) ?? textAt(one, "n");
    if (ip === undefined || mac?.length !== 6 || device === undefined) return [];
    const state = numberAt(entry, "State") ?? 0;
    // NUD_PERMANENT is 0x80, NUD_NOARP 0x40 (Linux UAPI headers).
    const isPermanent = (state & 0xc0) !== 0;
    return { ip, device, mac: mac.map((byte) => byte.toString(16).padStart(2, "0")).join(":"), isPermanent, origin };
  });
}

function setLines(one: Json): readonly string[] {
  const name = textAt(one, "n");
  const type = textAt(one, "t");
  if (name === undefined || type === undefined) return [];
  const members = Object.keys(recordAt(one, "m"));
  const family = members.some((member) => /^[0-9a-f]*:[0-9a-f:]*:/.test(member)) ? "inet6" : "inet";
  return [`create ${name} ${type} family ${family}`, ...members.map((member) => `add ${name} ${member}`)];
}

function serverLines(host: JsonRecord): readonly string[] {
  return Object.values(recordAt(host, "vs")).flatMap((one) => {
    const flag = { tcp: "-t", udp: "-u", sctp: "--sctp-service" }[(textAt(one, "pro") ?? "").toLowerCase()];
    const virtual = addressText(one);
    if (flag === undefined || virtual === undefined) return [];
    return [
      `-A ${flag} ${virtual} -s ${textAt(one, "s") ?? "rr"}`,
      ...listAt(one, "r").flatMap((server) => {
        const real = addressText(server);
        return real === undefined ? [] : [`-a ${flag} ${virtual} -r ${real} -m -w ${numberAt(server, "w") ?? 1}`];
      }),
    ];
  });
}

function addressText(one: Json | undefined): string | undefined {
  const ip = parseIp(textAt(one, "ip") ?? "");
  const port = numberAt(one, "p");
  if (ip === undefined || port === undefined) return undefined;
  return typeof ip === "bigint" ? `[${formatIp(ip)}]:${port}` : `${formatIp(ip)}:${port}`;
}

/* ------------------------------------------------------------ iptables-xml */

/** An element of the output of iptables-xml: elements for tables, chains, rules, and the options of their parts. */
const TAG = /<(?<close>\/?)(?<name>[\w:.-]+)(?<attributes>(?:\s+[\w:-]+="[^"]*")*)\s*(?<empty>\/?)>|(?<text>[^<]+)/g;

/** The lines of iptables-save for XML of iptables-xml(1). */
function savedText(xml: string): readonly string[] {
  const lines: string[] = [];
  const path: string[] = [];
  let chain = "";
  let words: string[] = [];
  for (const { groups } of xml.matchAll(TAG)) {
    const { name = "", close, attributes = "", empty, text } = groups ?? {};
    if (text !== undefined) {
      if (isInRule(path) && text.trim() !== "") words.push(unescaped(text.trim()));
      continue;
    }
    if (close === "/") {
      path.pop();
      if (name === "rule") lines.push(`-A ${chain} ${words.join(" ")}`.trimEnd());
      if (name === "table") lines.push("COMMIT");
      continue;
    }
    path.push(name);
    if (name === "table") lines.push(`*${attribute(attributes, "name")}`);
    else if (name === "chain") {
      chain = attribute(attributes, "name");
      lines.push(`:${chain} ${attribute(attributes, "policy") || "-"} [0:0]`);
    } else if (name === "rule") words = [];
    else words.push(...wordsOfTag(path, name, attribute(attributes, "invert") === "1"));
    if (empty === "/") path.pop();
  }
  return lines;
}

function isInRule(path: readonly string[]): boolean {
  return path.includes("rule");
}

/** Parents in a rule: conditions → extension → option; actions → call, goto, or target → option. */
function wordsOfTag(path: readonly string[], name: string, isInverted: boolean): readonly string[] {
  const depth = path.length - 1 - path.indexOf("rule");
  if (!isInRule(path) || depth < 2) return [];
  const part = path[path.indexOf("rule") + 1];
  const parent = path.at(-2) ?? "";
  if (part === "conditions") {
    if (depth === 2) return name === "match" ? [] : ["-m", name];
    const option = name.length === 1 ? `-${name}` : `--${name}`;
    return isInverted ? ["!", option] : [option];
  }
  if (part !== "actions") return [];
  if (depth === 2) return name === "call" || name === "goto" ? [] : ["-j", name];
  return parent === "call" ? ["-j", name] : parent === "goto" ? ["-g", name] : [`--${name}`];
}

function attribute(attributes: string, name: string): string {
  return unescaped(new RegExp(`\\s${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
}

function unescaped(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
