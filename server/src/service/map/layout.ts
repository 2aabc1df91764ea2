/**
 * Layout of the topology drawing: each segment is a horizontal bar with its attached machines below. A machine on several
 * segments is below the first, and its lines run down to the remaining segments in a column that nothing else crosses.
 */
import type { MapItem, MapStation, TopologyMap } from "./model.ts";

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface MapLayout {
  readonly width: number;
  readonly height: number;
  /** In the order of the map's segments. */
  readonly bars: readonly Place[];
  /** In the order of the map's machines. */
  readonly boxes: readonly (Place & { readonly pods: readonly Place[] })[];
  readonly lines: readonly Line[];
}

export interface Line {
  readonly x: number;
  readonly from: number;
  readonly to: number;
  readonly text: string;
  /** Baseline of the text. */
  readonly textY: number;
  /** Indices of the machine and of the segment. */
  readonly station: number;
  readonly segment: number;
}

const MARGIN = 24;
const CHAR = 6.7;
const LINE = 16;
const PADDING = 10;
const GAP = 28;
const BAR = 26;
/** Between a bar and the boxes below it: room for an interface's text. */
const DROP = 44;
const POD_GAP = 4;
const NARROWEST = 130;
const WIDEST = 300;

export function layoutMap(map: TopologyMap): MapLayout {
  const rowOf = new Map(map.segments.map(({ name }, index) => [name, index]));
  const rows = map.stations.map(({ links }) =>
    [...new Set(links.flatMap(({ segment }) => rowOf.get(segment) ?? []))].sort((a, b) => a - b),
  );
  const loose = map.segments.length;
  const columns = columnsOf(rows, loose);
  const width = columnWidth(map);
  const sizes = map.stations.map(boxHeight);
  const heights = Array.from({ length: loose + 1 }, (_, row) =>
    Math.max(0, ...sizes.filter((_height, index) => (rows[index]?.[0] ?? loose) === row)),
  );
  const tops: number[] = [];
  let y = MARGIN;
  for (const height of heights) {
    tops.push(y);
    y += BAR + DROP + height + GAP;
  }
  const count = Math.max(1, ...columns.map((column) => column + 1));
  const total = 2 * MARGIN + count * (width + GAP) - GAP;
  const top = (row: number): number => tops[row] ?? MARGIN;

  const boxes = map.stations.map((station, index) => {
    const x = MARGIN + (columns[index] ?? 0) * (width + GAP);
    const row = rows[index]?.[0] ?? loose;
    // A machine without interfaces needs no room for a line.
    const boxY = row === loose ? top(row) : top(row) + BAR + DROP;
    const place = { x, y: boxY, width, height: sizes[index] ?? 0 };
    return { ...place, pods: podPlaces(station, place) };
  });
  return {
    width: total,
    height: y - GAP + MARGIN,
    bars: map.segments.map((_, row) => ({ x: MARGIN, y: top(row), width: total - 2 * MARGIN, height: BAR })),
    boxes,
    lines: map.stations.flatMap((station, index) => linesOf(station, index, rowOf, boxes[index], top)),
  };
}

/** For each machine, the first column that is free in every row that the machine or its lines cross. Machines with long lines are placed first. */
function columnsOf(rows: readonly (readonly number[])[], loose: number): readonly number[] {
  const taken = new Map<number, Set<number>>();
  const columns: number[] = rows.map(() => 0);
  const span = (index: number): readonly [number, number] => {
    const own = rows[index] ?? [];
    const first = own[0] ?? loose;
    return [first, Math.max(first, (own.at(-1) ?? first) - 1)];
  };
  const order = rows.map((_, index) => index);
  order.sort((a, b) => span(b)[1] - span(b)[0] - (span(a)[1] - span(a)[0]) || a - b);
  for (const index of order) {
    const [first, last] = span(index);
    let column = 0;
    const isFree = (at: number): boolean => {
      for (let row = first; row <= last; row++) if (taken.get(row)?.has(at)) return false;
      return true;
    };
    while (!isFree(column)) column++;
    for (let row = first; row <= last; row++) taken.set(row, (taken.get(row) ?? new Set()).add(column));
    columns[index] = column;
  }
  return columns;
}

function columnWidth({ stations }: TopologyMap): number {
  const longest = Math.max(
    0,
    ...stations.flatMap(({ item, links, pods }) => [
      item.name.length + 2,
      ...item.facts.map(({ length }) => length),
      ...links.map(({ text }) => text.length + 2),
      ...pods.map((pod) => podText(pod).length + 3),
    ]),
  );
  return Math.min(WIDEST, Math.max(NARROWEST, Math.ceil(longest * CHAR) + 2 * PADDING));
}

/** The text of a pod in its box. */
export function podText({ name, facts }: MapItem): string {
  return `${name} ${facts[0] ?? ""}`.trimEnd();
}

function boxHeight({ item, pods, morePods }: MapStation): number {
  const head = 2 * PADDING + 2 * LINE + item.facts.length * LINE;
  return head + pods.length * (LINE + POD_GAP + 2) + (morePods > 0 && pods.length > 0 ? LINE : 0);
}

function podPlaces({ item, pods }: MapStation, { x, y, width }: Place): readonly Place[] {
  const first = y + PADDING + 2 * LINE + item.facts.length * LINE;
  return pods.map((_, index) => ({
    x: x + PADDING / 2,
    y: first + index * (LINE + POD_GAP + 2),
    width: width - PADDING,
    height: LINE + POD_GAP,
  }));
}

/** Lines to the home segment run upward, lines to further segments run downward. */
function linesOf(
  { links }: MapStation,
  station: number,
  rowOf: ReadonlyMap<string, number>,
  box: Place | undefined,
  top: (row: number) => number,
): readonly Line[] {
  if (!box) return [];
  const known = links.flatMap(({ segment, text }) => {
    const row = rowOf.get(segment);
    return row === undefined ? [] : [{ row, text }];
  });
  const home = Math.min(...known.map(({ row }) => row));
  const above = known.filter(({ row }) => row === home);
  const below = known.filter(({ row }) => row !== home);
  const at = (index: number, count: number): number => Math.round(box.x + (box.width * (index + 0.5)) / (count + 1));
  return [
    ...above.map(({ row, text }, index) => {
      const from = top(row) + BAR;
      return {
        x: at(index, above.length),
        from,
        to: box.y,
        text,
        textY: from + 16 + index * 14,
        station,
        segment: row,
      };
    }),
    ...below.map(({ row, text }, index) => {
      const to = top(row);
      return { x: at(index, below.length), from: box.y + box.height, to, text, textY: to - 6, station, segment: row };
    }),
  ];
}
