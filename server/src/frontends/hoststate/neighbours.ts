/** Neighbor entries and FDB entries: `ip neigh` and `bridge fdb`, as JSON and as text. */
import { parseIp } from "../../addressing/ip.ts";
import type { RealFdbEntry, RealNeighbour } from "../../dataplane/real/state.ts";
import { type JsonRecord, listAt, textAt } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";
import type { Item } from "./items.ts";
import type { Locate } from "./place.ts";
import { after, type Block, wordsOf } from "./text.ts";

const STATES = ["PERMANENT", "NOARP", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "INCOMPLETE", "NONE"] as const;

export function isNeighbourJson(record: JsonRecord): boolean {
  return Array.isArray(record["state"]) || textAt(record, "lladdr") !== undefined || "proxy" in record;
}

export function neighbourOfJson({ record, span }: Item, locate: Locate): RealNeighbour | undefined {
  const states = listAt(record, "state").filter((one) => typeof one === "string");
  return neighbourOf(
    { ip: textAt(record, "dst"), device: textAt(record, "dev"), mac: textAt(record, "lladdr"), states },
    locate,
    span,
  );
}

export function isNeighbourText(block: Block): boolean {
  const words = wordsOf(block);
  return (
    parseIp(words[0] ?? "") !== undefined &&
    words[1] === "dev" &&
    (words.includes("lladdr") || STATES.some((state) => words.includes(state)))
  );
}

export function neighbourOfText(block: Block, locate: Locate): RealNeighbour | undefined {
  const words = wordsOf(block);
  return neighbourOf(
    { ip: words[0], device: after(words, "dev"), mac: after(words, "lladdr"), states: words },
    locate,
    block.span,
  );
}

interface NeighbourDraft {
  readonly ip: string | undefined;
  readonly device: string | undefined;
  readonly mac: string | undefined;
  readonly states: readonly string[];
}

/** Entries without an address of the neighbor (FAILED, proxy) are omitted. */
function neighbourOf(
  { ip: text, device, mac, states }: NeighbourDraft,
  locate: Locate,
  span: Span,
): RealNeighbour | undefined {
  const ip = parseIp(text ?? "");
  if (ip === undefined || device === undefined || mac === undefined) return undefined;
  const isPermanent = states.includes("PERMANENT") || states.includes("NOARP");
  return { ip, device, mac: mac.toLowerCase(), isPermanent, origin: locate(span) };
}

const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

export function fdbOfJson({ record, span }: Item, locate: Locate): RealFdbEntry | undefined {
  return fdbOf(
    {
      mac: textAt(record, "mac"),
      device: textAt(record, "ifname") ?? textAt(record, "dev"),
      dst: textAt(record, "dst"),
      state: textAt(record, "state"),
    },
    locate,
    span,
  );
}

export function isFdbText(block: Block): boolean {
  const words = wordsOf(block);
  return MAC.test(words[0] ?? "") && words[1] === "dev";
}

export function fdbOfText(block: Block, locate: Locate): RealFdbEntry | undefined {
  const words = wordsOf(block);
  const state = words.includes("permanent") || words.includes("static") ? "permanent" : "";
  return fdbOf({ mac: words[0], device: after(words, "dev"), dst: after(words, "dst"), state }, locate, block.span);
}

interface FdbDraft {
  readonly mac: string | undefined;
  readonly device: string | undefined;
  readonly dst: string | undefined;
  readonly state: string | undefined;
}

function fdbOf({ mac, device, dst, state }: FdbDraft, locate: Locate, span: Span): RealFdbEntry | undefined {
  if (mac === undefined || device === undefined || !MAC.test(mac)) return undefined;
  return {
    mac: mac.toLowerCase(),
    device,
    dst: parseIp(dst ?? ""),
    ...(state === "permanent" || state === "static" ? {} : { learned: true }),
    origin: locate(span),
  };
}
