/** `ipset save`: sets of addresses, by name. */
import { type Ip, type Prefix, prefixContains } from "../../addressing/ip.ts";
import type { IpSet, Transport } from "../../dataplane/model.ts";
import { prefixOfText, wholeNumber } from "../../dataplane/values.ts";
import type { Block } from "./text.ts";
import { wordsOf } from "./text.ts";

export function isSetLine({ lines: [{ text }] }: Block): boolean {
  return /^(?:create|add) \S+ \S+/.test(text);
}

const TYPES: ReadonlySet<string> = new Set<IpSet["type"]>([
  "hash:net",
  "hash:ip",
  "hash:ip,port",
  "hash:ip,port,ip",
  "hash:ip,port,net",
  "bitmap:port",
]);

export interface SetMember {
  readonly net: Prefix | undefined;
  readonly proto: Transport | undefined;
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly other: Prefix | undefined;
  readonly isExcluded: boolean;
  readonly text: string;
}

interface Draft {
  readonly name: string;
  readonly type: string;
  readonly family: 4 | 6;
  readonly members: SetMember[];
}

/** Sets of types that are not modeled are omitted. */
export function setsOf(blocks: readonly Block[]): ReadonlyMap<string, IpSet> {
  const drafts = new Map<string, Draft>();
  for (const block of blocks) {
    const [verb, name = "", third = "", ...rest] = wordsOf(block);
    if (verb === "create") drafts.set(name, { name, type: third, family: rest.includes("inet6") ? 6 : 4, members: [] });
    else if (verb === "add") drafts.get(name)?.members.push(memberOf(third, rest.includes("nomatch")));
  }
  return new Map(
    [...drafts.values()].flatMap((draft) => (isType(draft.type) ? [[draft.name, setOf(draft, draft.type)]] : [])),
  );
}

function isType(type: string): type is IpSet["type"] {
  return TYPES.has(type);
}

/** "10.96.0.10,udp:53", "10.244.1.5,tcp:8080,10.244.1.5", "10.0.0.0/8", or "80-90". */
function memberOf(text: string, isExcluded: boolean): SetMember {
  const [first = "", second, third] = text.split(",");
  const net = prefixOfText(first);
  const [proto, ports] = (second ?? "").includes(":") ? (second ?? "").split(":") : ["tcp", second];
  const [from, to = from] = (net === undefined && second === undefined ? first : (ports ?? "")).split("-");
  return {
    net,
    proto: second === undefined || !isTransport(proto) ? undefined : proto,
    first: wholeNumber(from),
    last: wholeNumber(to),
    other: third === undefined ? undefined : prefixOfText(third),
    isExcluded,
    text,
  };
}

function isTransport(text: string | undefined): text is Transport {
  return text === "tcp" || text === "udp" || text === "sctp" || text === "icmp";
}

function setOf({ name, family, members }: Draft, type: IpSet["type"]): IpSet {
  const holds = (member: SetMember, asked: Asked): boolean => {
    if (type !== "bitmap:port" && !(member.net && contains(member.net, asked.ip))) return false;
    if (!type.includes("port")) return true;
    if (asked.port === undefined || member.first === undefined || member.last === undefined) return false;
    if (member.proto !== undefined && member.proto !== asked.proto) return false;
    if (asked.port < member.first || asked.port > member.last) return false;
    return member.other === undefined || (asked.other !== undefined && contains(member.other, asked.other));
  };
  return {
    name,
    type,
    family,
    contains: (ip, proto, port, other) => {
      const found = members.filter((member) => holds(member, { ip, proto, port, other }));
      return found.length > 0 && !found.some(({ isExcluded }) => isExcluded);
    },
    members: () => members.flatMap(({ net }) => net ?? []),
    entries: () => members.map(({ text }) => text),
  };
}

interface Asked {
  readonly ip: Ip;
  readonly proto: Transport | undefined;
  readonly port: number | undefined;
  readonly other: Ip | undefined;
}

function contains(prefix: Prefix, ip: Ip): boolean {
  return typeof prefix.ip === typeof ip && prefixContains(prefix, ip);
}
