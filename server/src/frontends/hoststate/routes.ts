/** Routes: `ip route show table all` of both families, as JSON and as text. */
import { type Family, type Ip, type Prefix, parseIp } from "../../addressing/ip.ts";
import type { Nexthop, RouteScope, RouteType } from "../../dataplane/model.ts";
import type { RealRoute } from "../../dataplane/real/state.ts";
import { destinationOf, familyOfIp, wholeNumber } from "../../dataplane/values.ts";
import { type Json, type JsonRecord, listAt, numberAt, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import type { Item } from "./items.ts";
import type { Locate } from "./place.ts";
import { after, type Block } from "./text.ts";

const TYPES: ReadonlySet<string> = new Set<RouteType>([
  "unicast",
  "local",
  "anycast",
  "broadcast",
  "multicast",
  "unreachable",
  "blackhole",
  "prohibit",
]);

/** A route with unchecked values. */
interface Draft {
  readonly type: string;
  readonly dst: string;
  readonly table: string | undefined;
  readonly proto: string | undefined;
  readonly scope: string | undefined;
  readonly src: string | undefined;
  readonly metric: number | undefined;
  readonly mtu: number | undefined;
  readonly hops: readonly HopDraft[];
  readonly isPartial: boolean;
}
interface HopDraft {
  readonly via: string | undefined;
  readonly dev: string | undefined;
  readonly weight: number | undefined;
  readonly flags: readonly string[];
}

export interface RouteContext {
  readonly locate: Locate;
  /** The family of the command; `default` does not show it. */
  readonly family: Family | undefined;
  /** The table of the command. */
  readonly table: string | undefined;
}

export function isRouteJson(record: JsonRecord): boolean {
  return textAt(record, "dst") !== undefined;
}

export function routeOfJson({ record, span }: Item, context: RouteContext): RealRoute | undefined {
  const nexthops = listAt(record, "nexthops");
  const hops = nexthops.length > 0 ? nexthops.map(hopOfJson) : [hopOfJson(record)];
  const type = textAt(record, "type") ?? "unicast";
  return routeOf(
    {
      type,
      dst: textAt(record, "dst") ?? "",
      table: textAt(record, "table"),
      proto: textAt(record, "protocol"),
      scope: textAt(record, "scope"),
      src: textAt(record, "prefsrc"),
      metric: numberAt(record, "metric"),
      mtu: mtuOfJson(record),
      hops,
      // A group of next hop objects can show only its number.
      isPartial: type === "unicast" && hops.every(({ dev }) => dev === undefined),
    },
    span,
    context,
  );
}

function hopOfJson(hop: Json): HopDraft {
  return {
    via: textAt(hop, "gateway") ?? textAt(hop, "via", "host"),
    dev: textAt(hop, "dev"),
    weight: numberAt(hop, "weight"),
    flags: listAt(hop, "flags").filter((one) => typeof one === "string"),
  };
}

/** `"metrics":[{"mtu":1400}]`. */
function mtuOfJson(record: JsonRecord): number | undefined {
  return listAt(record, "metrics")
    .map((one) => numberAt(one, "mtu"))
    .find((mtu) => mtu !== undefined);
}

/** The first word of a route: a destination, or its type. */
export function isRouteText(block: Block): boolean {
  const [first = "", second = ""] = block.lines[0].text.split(/\s+/);
  const word = TYPES.has(first) || first === "throw" ? second : first;
  return destinationOf(word, 4) !== undefined;
}

export function routeOfText(block: Block, context: RouteContext): RealRoute | undefined {
  const lines = block.lines.map(({ text }) => text.trim().split(/\s+/));
  const [head = [], ...rest] = lines;
  const isTyped = TYPES.has(head[0] ?? "") || head[0] === "throw";
  const type = isTyped ? (head[0] ?? "") : "unicast";
  const words = isTyped ? head.slice(1) : head;
  // Old versions print the next hops of IPv6 on the same line.
  const inline = splitAt(words, "nexthop");
  const [own = [], ...more] = inline;
  const nexthops = [...more, ...rest.flatMap((line) => (line[0] === "nexthop" ? [line.slice(1)] : []))];
  const hops = nexthops.length > 0 ? nexthops.map(hopOfWords) : [hopOfWords(own)];
  return routeOf(
    {
      type,
      dst: words[0] ?? "",
      table: after(own, "table"),
      proto: after(own, "proto"),
      scope: after(own, "scope"),
      src: after(own, "src"),
      metric: wholeNumber(after(own, "metric")),
      mtu: wholeNumber(after(own, "mtu") === "lock" ? own[own.indexOf("mtu") + 2] : after(own, "mtu")),
      hops,
      isPartial: type === "unicast" && hops.every(({ dev }) => dev === undefined),
    },
    block.span,
    context,
  );
}

function splitAt(words: readonly string[], separator: string): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  for (const word of words) {
    if (word === separator) parts.push([]);
    else parts.at(-1)?.push(word);
  }
  return parts;
}

const FLAGS: readonly string[] = ["onlink", "dead", "linkdown", "pervasive", "offload"];

function hopOfWords(words: readonly string[]): HopDraft {
  const via = after(words, "via");
  return {
    via: via === "inet" || via === "inet6" ? words[words.indexOf("via") + 2] : via,
    dev: after(words, "dev"),
    weight: wholeNumber(after(words, "weight")),
    flags: FLAGS.filter((flag) => words.includes(flag)),
  };
}

/** Undefined for a text that is not a route, and for routes that the kernel creates on every device. */
function routeOf(draft: Draft, span: Span, { locate, family, table: given }: RouteContext): RealRoute | undefined {
  const hops = draft.hops.flatMap(hopOf);
  const gateway = hops.map(({ via }) => via).find((via) => via !== undefined);
  const source = parseIp(draft.src ?? "");
  const known = gateway ?? source;
  const dst = destinationOf(draft.dst, known === undefined ? (family ?? 4) : familyOfIp(known));
  const table = draft.table ?? given ?? "main";
  if (!dst || !TYPES.has(draft.type) || (table !== "local" && isKernels(draft.type, dst))) return undefined;
  return {
    table,
    isPartial: draft.isPartial,
    route: {
      dst,
      type: draft.type as RouteType,
      nexthops: draft.type === "unicast" || draft.type === "local" ? hops : [],
      ...(source === undefined ? {} : { src: source }),
      ...(draft.proto === undefined || draft.proto === "boot" ? {} : { proto: draft.proto }),
      ...(isScope(draft.scope) ? { scope: draft.scope } : {}),
      ...(draft.metric === undefined ? {} : { metric: draft.metric }),
      ...(draft.mtu === undefined ? {} : { mtu: draft.mtu }),
      why: t`route in the real state`,
      origin: locate(span),
    },
  };
}

function isScope(text: string | undefined): text is RouteScope {
  return text === "global" || text === "link" || text === "host";
}

/** Multicast and broadcast routes that the kernel creates on every device. */
function isKernels(type: string, { ip, len }: Prefix): boolean {
  if (type === "multicast" || type === "broadcast" || type === "anycast") return true;
  return typeof ip === "bigint" && len >= 8 && ip >> 120n === 0xffn;
}

/** The kernel does not use a next hop with RTNH_F_DEAD (fib_select_multipath). */
function hopOf({ via, dev, weight, flags }: HopDraft): readonly Nexthop[] {
  if (dev === undefined || flags.includes("dead")) return [];
  const ip: Ip | undefined = parseIp(via ?? "");
  return [
    {
      dev,
      ...(ip === undefined ? {} : { via: ip }),
      ...(weight === undefined || weight === 1 ? {} : { weight }),
      ...(flags.includes("onlink") ? { onlink: true } : {}),
    },
  ];
}
