/**
 * Layout of the drawing of a path: geometry only, no colors and no elements, so the trace panel and the SVG of the command
 * line produce the same picture.
 *
 * Network namespaces are boxes from left to right in path order. A device is a bar in its box; the request follows the upper
 * lane from left to right, the reply the lower lane from right to left. Each hop is a stop on its lane: on the bar of the
 * device that it crosses, or between two bars for a decision in the network namespace. Request and reply share boxes and
 * bars where they use the same path; a box or bar used by one leg only is drawn for that leg.
 */
import { repetitionIn } from "../dataplane/loop.ts";
import { plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { Hop, Path, Trace, Verdict } from "./schema.ts";

export type Leg = "request" | "reply";

/** A hop in the sequence of a path: request hops, then reply hops. */
export interface Step {
  /** Position in the sequence. */
  readonly index: number;
  readonly leg: Leg;
  /** Position in the leg. */
  readonly hopIndex: number;
  readonly hop: Hop;
  /** The last hop of its leg. */
  readonly last: boolean;
}

export type TextStyle = "kind" | "name" | "device";
/** Width of a text in pixels. */
export type Measure = (text: string, style: TextStyle) => number;

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A text shortened to fit; `full` is the original text, for a tooltip. */
export interface Label {
  readonly text: string;
  readonly full: string;
  /** Middle of the text, and its baseline. */
  readonly x: number;
  readonly y: number;
  readonly style: TextStyle;
}

export interface DeviceBar extends Rect {
  readonly label: Label;
  /** Indices of the steps on it. */
  readonly steps: readonly number[];
}

export interface Box extends Rect {
  readonly netns: string;
  /** "pod", "node", "router", "segment" …; the first word of the owner. */
  readonly kind: string;
  readonly owner: string;
  readonly kindLabel: Label;
  readonly nameLabel: Label;
  readonly devices: readonly DeviceBar[];
  readonly steps: readonly number[];
}

export interface Stop {
  readonly step: number;
  readonly leg: Leg;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Index in `boxes`. */
  readonly box: number;
  /** Index in the box's devices; absent for a decision. */
  readonly device?: number;
  /** The verdict of the leg, on its last stop. */
  readonly end?: Verdict;
}

export interface Corner {
  readonly x: number;
  readonly y: number;
  /** Step at this point; absent if the line only bends. */
  readonly step?: number;
}

export interface Lane {
  readonly leg: Leg;
  /** The line through the stops. The reply line starts at the last stop of the request. */
  readonly line: readonly Corner[];
  /** Arrowheads between two boxes. */
  readonly arrows: readonly { readonly x: number; readonly y: number; readonly towards: "left" | "right" }[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly lanes: readonly Lane[];
  /** One for each step, in order. */
  readonly stops: readonly Stop[];
}

export interface LayoutOptions {
  /** Measures text width; default: a conservative estimate. */
  readonly measure?: Measure | undefined;
}

const metrics = {
  margin: 12,
  boxGap: 46,
  boxPadding: 10,
  titleHeight: 44,
  kindBaseline: 17,
  nameBaseline: 35,
  nameWidthMin: 96,
  nameWidthMax: 220,
  barLabelHeight: 22,
  barLabelBaseline: 15,
  barLabelWidthMax: 116,
  barWidthMin: 44,
  barPadding: 7,
  /** Space between the bar labels and the upper lane, for the packet. */
  aboveLane: 40,
  laneDistance: 64,
  belowLane: 22,
  bottom: 10,
  stopRadius: 10,
  stopPitch: 27,
  gapEmpty: 14,
  gapEdge: 4,
  gapPadding: 10,
  detour: 22,
} as const;

/** Font sizes of the estimate; a renderer with larger fonts passes its own `measure`. */
const fontSizes: Readonly<Record<TextStyle, number>> = { kind: 11, name: 13, device: 11 };

export function estimateWidth(text: string, style: TextStyle): number {
  const em = fontSizes[style] * (style === "name" ? 1.06 : 1);
  let width = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code > 0x2e7f) width += em * 1.05;
    else if (/[ijl.,:;|'!ftrI/[\]() -]/.test(char)) width += em * 0.4;
    else if (/[mwMWA-Z@%…]/.test(char)) width += em * 0.86;
    else width += em * 0.6;
  }
  return width;
}

/**
 * All paths of a trace in order: DNS queries, the packet itself, and the connection that a proxy opens. If DNS returns no
 * answer, the trace contains only the DNS queries, and they are already the trace's own paths.
 */
export function waysOf(trace: Trace): readonly Path[] {
  const { lookup, proxied, paths } = trace;
  return [...(lookup?.answered ? lookup.paths : []), ...paths, ...(proxied?.paths ?? [])].map(legible);
}

const shortened = new WeakMap<Path, Path>();

/** The path with one round of a loop, and one hop that represents the remaining rounds. */
function legible(path: Path): Path {
  if (path.verdict !== "looped" && path.reply?.verdict !== "looped") return path;
  let short = shortened.get(path);
  if (!short) {
    short = { ...path, hops: withoutRounds(path.hops) };
    if (path.reply) short = { ...short, reply: { ...path.reply, hops: withoutRounds(path.reply.hops) } };
    shortened.set(path, short);
  }
  return short;
}

function withoutRounds(hops: Hop[]): Hop[] {
  const found = repetitionIn(hops);
  const again = found && hops[found.first + found.period];
  const last = found && hops[found.first + found.period * found.times - 1];
  if (!found || !again || !last) return hops;
  const { first, period, times } = found;
  const text = t`previous ${plural(period, "step")} repeated ${plural(times - 1, "time")} (TTL ${again.packet.ttl} to ${last.packet.ttl})`;
  const { rule: _, ...place } = last;
  const rounds: Hop = { ...place, direction: null, action: "route", text };
  return [...hops.slice(0, first + period), rounds, ...hops.slice(first + period * times)];
}

export type Way =
  | { readonly kind: "lookup" }
  /** Position among the trace's own paths. */
  | { readonly kind: "own"; readonly index: number }
  | { readonly kind: "proxied"; readonly by: string };

/** The kind of a path, by its index in `waysOf`. */
export function wayOf({ lookup, proxied, paths }: Trace, index: number): Way {
  const first = lookup?.answered ? lookup.paths.length : 0;
  if (index < (lookup?.paths.length ?? 0)) return { kind: "lookup" };
  const own = index - first;
  return own < paths.length || !proxied ? { kind: "own", index: own } : { kind: "proxied", by: proxied.by };
}

/** The title of a path; undefined if there is only one. */
export function wayTitle(trace: Trace, index: number): string | undefined {
  const way = wayOf(trace, index);
  switch (way.kind) {
    case "lookup":
      return t`DNS query`;
    case "proxied":
      return t`from the proxy ${way.by} to the backend`;
    case "own":
      return trace.paths.length > 1
        ? t`path ${way.index + 1} of ${trace.paths.length}`
        : trace.proxied
          ? t`to the proxy`
          : undefined;
  }
}

export function stepsOf(path: Path): Step[] {
  const steps: Step[] = [];
  const add = (leg: Leg, hops: readonly Hop[]): void => {
    for (const [hopIndex, hop] of hops.entries()) {
      steps.push({ index: steps.length, leg, hopIndex, hop, last: hopIndex === hops.length - 1 });
    }
  };
  add("request", path.hops);
  add("reply", path.reply?.hops ?? []);
  return steps;
}

/** "node prod/n1" → kind and name. */
export function splitOwner(owner: string): { kind: string; name: string } {
  const space = owner.indexOf(" ");
  return space < 0 ? { kind: "", name: owner } : { kind: owner.slice(0, space), name: owner.slice(space + 1) };
}

/** The text, shortened in the middle to at most `width`. */
export function ellipsize(text: string, width: number, measure: (text: string) => number): string {
  if (measure(text) <= width) return text;
  const chars = [...text];
  let low = 0;
  let high = chars.length - 1;
  const cut = (kept: number): string => {
    const head = Math.ceil(kept / 2);
    return `${chars.slice(0, head).join("")}…${chars.slice(chars.length - (kept - head)).join("")}`;
  };
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (measure(cut(middle)) <= width) low = middle;
    else high = middle - 1;
  }
  return cut(low);
}

/* -------------------------------------------------------------------- visits */

/** Consecutive hops in one network namespace: device crossings in order, and the decisions before, between, and after them. */
interface Visit {
  readonly key: string;
  readonly crossings: { readonly device: string; readonly steps: number[] }[];
  /** One entry more than `crossings`. */
  readonly decisions: number[][];
  readonly steps: number[];
  readonly hop: Hop;
}

function visitsOf(steps: readonly Step[]): Visit[] {
  const visits: Visit[] = [];
  for (const { index, hop } of steps) {
    const key = `${hop.netns}\n${hop.owner}`;
    let visit = visits.at(-1);
    if (!visit || visit.key !== key) {
      visit = { key, crossings: [], decisions: [[]], steps: [], hop };
      visits.push(visit);
    }
    visit.steps.push(index);
    if (hop.direction === null || hop.device === "") {
      visit.decisions.at(-1)?.push(index);
      continue;
    }
    const before = visit.crossings.at(-1);
    if (before && before.device === hop.device && visit.decisions.at(-1)?.length === 0) {
      before.steps.push(index);
    } else {
      visit.crossings.push({ device: hop.device, steps: [index] });
      visit.decisions.push([]);
    }
  }
  return visits;
}

/** The visit in reverse order, to align a reply with a request. */
function reversed(visit: Visit): Visit {
  const turn = (list: readonly number[]): number[] => [...list].reverse();
  return {
    ...visit,
    crossings: visit.crossings.map(({ device, steps }) => ({ device, steps: turn(steps) })).reverse(),
    decisions: visit.decisions.map(turn).reverse(),
  };
}

/** Merges two sequences, preserving the order of each and pairing as many equal elements as possible. */
function merge<T>(a: readonly T[], b: readonly T[], same: (a: T, b: T) => boolean): [T | undefined, T | undefined][] {
  const columns = b.length + 1;
  const common = new Uint32Array((a.length + 1) * columns);
  const at = (i: number, j: number): number => common[i * columns + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * columns + j] = same(a[i] as T, b[j] as T)
        ? at(i + 1, j + 1) + 1
        : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [T | undefined, T | undefined][] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && same(a[i] as T, b[j] as T)) pairs.push([a[i++], b[j++]]);
    else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) pairs.push([a[i++], undefined]);
    else pairs.push([undefined, b[j++]]);
  }
  return pairs;
}

/* -------------------------------------------------------------------- boxes, from left to right */

/** A bar or the space between two bars: steps of the upper and lower lane, from left to right. */
interface Column {
  readonly device?: string;
  readonly request: number[];
  readonly reply: number[];
}

/** Alternating spaces and bars, starting and ending with a space. */
function columnsOf(request: Visit | undefined, reply: Visit | undefined): Column[] {
  const bars = merge(request?.crossings ?? [], reply?.crossings ?? [], (a, b) => a.device === b.device);
  const columns: Column[] = [{ request: [], reply: [] }];
  for (const [a, b] of bars) {
    columns.push({ device: (a ?? b)?.device ?? "", request: a?.steps ?? [], reply: b?.steps ?? [] });
    columns.push({ request: [], reply: [] });
  }
  // A decision is placed next to the crossing that follows it in time, or after the last crossing.
  const crossedBy = (lane: "request" | "reply"): number[] =>
    columns.flatMap((column, index) => (column.device !== undefined && column[lane].length > 0 ? [index] : []));
  const put = (
    lane: "request" | "reply",
    decisions: readonly (readonly number[])[],
    crossed: readonly number[],
  ): void => {
    for (const [gap, steps] of decisions.entries()) {
      const right = crossed[gap];
      const left = crossed[gap - 1];
      let column: number;
      if (lane === "request") column = right !== undefined ? right - 1 : left !== undefined ? left + 1 : 0;
      else column = left !== undefined ? left + 1 : right !== undefined ? right - 1 : columns.length - 1;
      columns[column]?.[lane].push(...steps);
    }
  };
  if (request) put("request", request.decisions, crossedBy("request"));
  if (reply) put("reply", reply.decisions, crossedBy("reply"));
  return columns;
}

function columnWidth(column: Column, edge: boolean, measure: Measure): number {
  const stops = Math.max(column.request.length, column.reply.length);
  if (column.device === undefined) {
    if (stops === 0) return edge ? metrics.gapEdge : metrics.gapEmpty;
    return stops * metrics.stopPitch + metrics.gapPadding;
  }
  const label = Math.min(measure(column.device, "device"), metrics.barLabelWidthMax) + 2 * metrics.barPadding;
  return Math.ceil(Math.max(label, metrics.barWidthMin, stops * metrics.stopPitch + metrics.gapPadding));
}

/** Vertical positions, the same in all boxes. */
interface Rows {
  readonly top: number;
  readonly barTop: number;
  readonly barBottom: number;
  readonly boxBottom: number;
  readonly lanes: Readonly<Record<Leg, number>>;
}

/** `over`: whether a line passes above the boxes. */
function rowsOf(over: boolean, hasReply: boolean): Rows {
  const top = metrics.margin + (over ? metrics.detour : 0);
  const barTop = top + metrics.titleHeight;
  const request = barTop + metrics.barLabelHeight + metrics.aboveLane;
  const reply = request + metrics.laneDistance;
  const barBottom = (hasReply ? reply : request) + metrics.belowLane;
  return { top, barTop, barBottom, boxBottom: barBottom + metrics.bottom, lanes: { request, reply } };
}

/** The boxes and stops that are placed so far. */
interface Drawing {
  readonly measure: Measure;
  readonly rows: Rows;
  readonly boxes: Box[];
  readonly stops: Stop[];
}

export function layoutPath(path: Path, options: LayoutOptions = {}): Layout {
  const steps = stepsOf(path);
  const there = visitsOf(steps.filter((step) => step.leg === "request"));
  const back = visitsOf(steps.filter((step) => step.leg === "reply"))
    .map(reversed)
    .reverse();
  const places = merge(there, back, (a, b) => a.key === b.key);

  // A line that skips a box is drawn outside of it.
  const over = back.length > 0 && detours(places.map(([request]) => request !== undefined));
  const under = detours(places.map(([, reply]) => reply !== undefined));
  const rows = rowsOf(over, back.length > 0);

  const boxes: Box[] = [];
  const stops: Stop[] = [];
  const drawing: Drawing = { measure: options.measure ?? estimateWidth, rows, boxes, stops };
  let x: number = metrics.margin;
  for (const [request, reply] of places) {
    const box = boxAt(x, request, reply, drawing);
    if (!box) continue;
    boxes.push(box);
    x += box.width + metrics.boxGap;
  }

  markEnd(stops, path.hops.length - 1, path.verdict);
  if (path.reply) markEnd(stops, steps.length - 1, path.reply.verdict);

  const lanes: Lane[] = [];
  const first = stops.slice(0, path.hops.length);
  const second = stops.slice(path.hops.length);
  if (first.length > 0) lanes.push(lane("request", first, boxes, rows.top - metrics.detour / 2));
  if (second.length > 0) lanes.push(lane("reply", second, boxes, rows.boxBottom + metrics.detour / 2, first.at(-1)));

  return {
    width: Math.max(x - metrics.boxGap, metrics.margin) + metrics.margin,
    height: rows.boxBottom + (under ? metrics.detour : 0) + metrics.margin,
    boxes,
    lanes,
    stops,
  };
}

/** The box of a network namespace; adds its stops to the drawing. */
function boxAt(x: number, request: Visit | undefined, reply: Visit | undefined, drawing: Drawing): Box | undefined {
  const hop = (request ?? reply)?.hop;
  if (!hop) return undefined;
  const { measure, rows } = drawing;
  const columns = columnsOf(request, reply);
  const widths = columns.map((column, index) =>
    columnWidth(column, index === 0 || index === columns.length - 1, measure),
  );
  const inner = widths.reduce((sum, width) => sum + width, 0);
  const { kind, name } = splitOwner(hop.owner);
  const wanted = Math.min(
    Math.max(measure(name, "name"), measure(kind, "kind"), metrics.nameWidthMin),
    metrics.nameWidthMax,
  );
  const content = Math.ceil(Math.max(inner, wanted));
  const width = content + 2 * metrics.boxPadding;

  const devices: DeviceBar[] = [];
  let left = x + metrics.boxPadding + (content - inner) / 2;
  for (const [index, column] of columns.entries()) {
    const columnWide = widths[index] ?? 0;
    const bar = barOf(column, left, columnWide, drawing);
    addStops(column, left + columnWide / 2, bar && devices.length, drawing);
    if (bar) devices.push(bar);
    left += columnWide;
  }

  const shorten = (text: string, style: TextStyle, y: number): Label => ({
    text: ellipsize(text, content, (part) => measure(part, style)),
    full: text,
    x: x + width / 2,
    y,
    style,
  });
  return {
    x,
    y: rows.top,
    width,
    height: rows.boxBottom - rows.top,
    netns: hop.netns,
    kind,
    owner: hop.owner,
    kindLabel: shorten(kind, "kind", rows.top + metrics.kindBaseline),
    nameLabel: shorten(name, "name", rows.top + metrics.nameBaseline),
    devices,
    steps: [...(request?.steps ?? []), ...(reply?.steps ?? [])],
  };
}

function barOf(column: Column, x: number, width: number, { measure, rows }: Drawing): DeviceBar | undefined {
  const { device, request, reply } = column;
  if (device === undefined) return undefined;
  const room = width - 2 * metrics.barPadding;
  return {
    x,
    y: rows.barTop,
    width,
    height: rows.barBottom - rows.barTop,
    label: {
      text: ellipsize(device, room, (text) => measure(text, "device")),
      full: device,
      x: x + width / 2,
      y: rows.barTop + metrics.barLabelBaseline,
      style: "device",
    },
    steps: [...request, ...reply],
  };
}

/** `device`: index of the column's bar in its box. */
function addStops(column: Column, center: number, device: number | undefined, { rows, boxes, stops }: Drawing): void {
  for (const leg of ["request", "reply"] as const) {
    const list = column[leg];
    for (const [position, step] of list.entries()) {
      stops[step] = {
        step,
        leg,
        x: center + (position - (list.length - 1) / 2) * metrics.stopPitch,
        y: rows.lanes[leg],
        radius: metrics.stopRadius,
        box: boxes.length,
        ...(device === undefined ? {} : { device }),
      };
    }
  }
}

function markEnd(stops: Stop[], index: number, end: Verdict): void {
  const stop = stops[index];
  if (stop) stops[index] = { ...stop, end };
}

/** Whether a box that is not visited is between two visited boxes. */
function detours(visited: readonly boolean[]): boolean {
  const first = visited.indexOf(true);
  return first >= 0 && visited.slice(first, visited.lastIndexOf(true)).includes(false);
}

function lane(leg: Leg, stops: readonly Stop[], boxes: readonly Box[], outside: number, from?: Stop): Lane {
  const line: Corner[] = [];
  const arrows: { x: number; y: number; towards: "left" | "right" }[] = [];
  const towards = leg === "request" ? "right" : "left";
  let before: Stop | undefined;
  if (from && stops[0]) {
    const turn = Math.max(from.x, stops[0].x);
    line.push({ x: from.x, y: from.y, step: from.step });
    if (turn !== from.x) line.push({ x: turn, y: from.y });
    if (turn !== stops[0].x) line.push({ x: turn, y: stops[0].y });
  }
  for (const stop of stops) {
    if (before && before.box !== stop.box) {
      const [low, high] = [Math.min(before.box, stop.box), Math.max(before.box, stop.box)];
      const leave = boxes[before.box];
      const enter = boxes[stop.box];
      if (leave && enter) {
        const right = stop.box > before.box;
        const half = metrics.boxGap / 2;
        const out = right ? leave.x + leave.width + half : leave.x - half;
        const into = right ? enter.x - half : enter.x + enter.width + half;
        if (high - low > 1) {
          line.push({ x: out, y: before.y }, { x: out, y: outside }, { x: into, y: outside }, { x: into, y: stop.y });
        }
        const tip = right ? enter.x : enter.x + enter.width;
        arrows.push({ x: high - low > 1 ? tip : out + (right ? 5 : -5), y: stop.y, towards: right ? "right" : "left" });
      }
    }
    line.push({ x: stop.x, y: stop.y, step: stop.step });
    before = stop;
  }
  return { leg, line, arrows: arrows.length > 0 ? arrows : arrowWithin(stops, towards) };
}

/** The arrow of a leg within one network namespace: between its first two stops, if there is space. */
function arrowWithin(stops: readonly Stop[], towards: "left" | "right"): Lane["arrows"] {
  const [a, b] = stops;
  if (!a || !b || Math.abs(b.x - a.x) < metrics.stopPitch + 8) return [];
  return [{ x: (a.x + b.x) / 2, y: a.y, towards }];
}
