/**
 * Connections that a change opens and closes. Endpoints that neither topology distinguishes form a class; each pair of classes is
 * evaluated once per relation of its pods (`relations.ts`), in both topologies.
 */

import {
  difference,
  intersection,
  NO_PORTS,
  type PortSet,
  portKey,
  portSetEquals,
  union,
} from "../../kubernetes/policy/ports.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import { number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { type Endpoint, existsIn, type Group, type SideName, type Sides } from "./endpoints.ts";
import { type Index, indexOf, type Pair, type Relation, relationsBetween } from "./relations.ts";
import type { Example, Scope } from "./schema.ts";

/** An endpoint, or some of its pods. */
export interface Part {
  readonly endpoint: Endpoint;
  /** Undefined: all its pods. */
  readonly groups: readonly Group[] | undefined;
}

/** A change of the ports between each of the senders and each of the receivers. */
export interface Statement {
  readonly from: readonly Part[];
  readonly to: readonly Part[];
  /** Empty: all pairs. */
  readonly scope: readonly Scope[];
  readonly before: PortSet;
  readonly after: PortSet;
  readonly example: Example;
}

interface EndClass {
  readonly endpoints: readonly Endpoint[];
  /** By the keys of the groups: the positions of all endpoints. */
  readonly groups: ReadonlyMap<string, Index>;
}

/** The ports between two groups in one relation, in both topologies; undefined: there is no such pair. */
interface Cell {
  readonly from: string;
  readonly to: string;
  readonly relation: Relation;
  readonly before: PortSet | undefined;
  readonly after: PortSet | undefined;
}

/** More pairs of classes would take minutes. */
const MOST_CLASS_PAIRS = 400_000;

export type ChangedConnections =
  | { readonly ok: true; readonly statements: readonly Statement[] }
  | { readonly ok: false; readonly note: string };

export function changedConnections(sides: Sides, endpoints: readonly Endpoint[]): ChangedConnections {
  const [senders, receivers] = [classesOf(endpoints, "from"), classesOf(endpoints, "to")];
  if (senders.length * receivers.length > MOST_CLASS_PAIRS) {
    const count = number(receivers.length);
    return {
      ok: false,
      note: t`connections between pods are not compared: policies and ports distinguish ${count} kinds of workloads; compare the output of \`knet matrix\` for single workloads`,
    };
  }
  const collected = collector();
  for (const from of senders) {
    for (const to of receivers) {
      if (isHost(from) && isHost(to)) continue;
      compareClasses(sides, from, to, collected);
    }
  }
  return { ok: true, statements: collected.statements() };
}

function isHost({ endpoints }: EndClass): boolean {
  return endpoints[0]?.host !== undefined;
}

function classesOf(endpoints: readonly Endpoint[], as: "from" | "to"): readonly EndClass[] {
  return [...grouped(endpoints, ({ keys }) => keys[as]).values()].map((members) => ({
    endpoints: members,
    groups: new Map(
      [...(members[0]?.groups.keys() ?? [])].map((key) => [
        key,
        indexOf(members.flatMap(({ groups }) => groups.get(key)?.positions ?? [])),
      ]),
    ),
  }));
}

function compareClasses(sides: Sides, from: EndClass, to: EndClass, collected: Collector): void {
  const cells = cellsBetween(sides, from, to);
  const [first] = cells;
  if (first === undefined) return;
  const isBoth = isKept(from) && isKept(to);
  const values = cells.flatMap(({ before, after }) => [before ?? [], after ?? []].flat());
  // Nodes with and without pods, but the same ports everywhere.
  if (isBoth && values.every((one) => portSetEquals(one, values[0] ?? NO_PORTS))) return;
  if (cells.every((cell) => isEqual(cell.before, first.before) && isEqual(cell.after, first.after))) {
    addAll(statementsOf(cells, isBoth), from.endpoints, to.endpoints, collected);
    return;
  }
  const [rows, columns] = [footprints(from.endpoints), footprints(to.endpoints)];
  if (rows.length * columns.length > MOST_PAIRS) {
    addAll(statementsOf(cells, isBoth), from.endpoints, to.endpoints, collected);
    return;
  }
  for (const row of rows) {
    for (const column of columns) compareFootprints(cells, isBoth, [row, column], collected);
  }
}

function isEqual(a: PortSet | undefined, b: PortSet | undefined): boolean {
  return a === undefined || b === undefined ? a === b : portSetEquals(a, b);
}

function addAll(
  statements: readonly GroupStatement[],
  from: readonly Endpoint[],
  to: readonly Endpoint[],
  collected: Collector,
): void {
  for (const statement of statements)
    collected.add(statement, partsOf(from, statement.from), partsOf(to, statement.to));
}

/** More pairs are assumed to have all relations of their classes: then a statement can include pairs without any pods. */
const MOST_PAIRS = 100_000;

/** Endpoints of a class whose pods run on the same nodes: their pods have the same relations. */
function footprints(endpoints: readonly Endpoint[]): readonly (readonly Endpoint[])[] {
  const nodesOf = ({ positions }: Group): string =>
    positions
      .map(({ node, before, after }) => {
        const several = [before, after].map((here) => (here && here.ordinals.length > 1 ? "+" : ""));
        return `${node}${several.join("/")}`;
      })
      .join();
  const keyOf = ({ groups }: Endpoint): string =>
    [...groups.values()]
      .map((group) => `${group.key}: ${nodesOf(group)}`)
      .sort()
      .join("\n");
  return [...grouped(endpoints, keyOf).values()];
}

function compareFootprints(
  cells: readonly Cell[],
  isBoth: boolean,
  [row, column]: readonly [from: readonly Endpoint[], to: readonly Endpoint[]],
  collected: Collector,
): void {
  const isMoved = cells.some(({ before, after }) => !before || !after);
  const ofClass = isMoved ? [] : statementsOf(cells, isBoth);
  const statements = ([a, b]: readonly [Endpoint, Endpoint]): readonly GroupStatement[] => {
    const own = existing(cells, a, b);
    // Pods that have moved are compared with the other pods of the same two endpoints.
    if (isMoved) return statementsOf(own, isBoth);
    const names = new Set(own.map(nameOf));
    return ofClass.filter(({ cells: covered }) => covered.some((name) => names.has(name)));
  };
  const [own, mutual] = examples(row, column).map((pair) => pair && statements(pair));
  // Two endpoints can share a node on which each of them has one pod.
  if (!own || !mutual || JSON.stringify(own) === JSON.stringify(mutual)) {
    addAll(mutual ?? own ?? [], row, column, collected);
    return;
  }
  for (const one of column) {
    const others = row.filter((other) => other !== one);
    if (others.length < row.length) addAll(own, [one], [one], collected);
    addAll(mutual, others, [one], collected);
  }
}

/** An endpoint with itself, and two endpoints. */
function examples(
  row: readonly Endpoint[],
  column: readonly Endpoint[],
): readonly [own: readonly [Endpoint, Endpoint] | undefined, mutual: readonly [Endpoint, Endpoint] | undefined] {
  const inRow = new Set(row);
  const both = column.find((one) => inRow.has(one));
  const [a] = row;
  const b = column.find((one) => one !== a);
  const c = row.find((one) => one !== column[0]);
  return [both && [both, both], a && b ? [a, b] : c && column[0] ? [c, column[0]] : undefined];
}

/** Whether the endpoints exist in both topologies. */
function isKept({ endpoints }: EndClass): boolean {
  return endpoints[0] !== undefined && existsIn(endpoints[0], "before") && existsIn(endpoints[0], "after");
}

function cellsBetween(sides: Sides, from: EndClass, to: EndClass): readonly Cell[] {
  const [a] = from.endpoints;
  const [b] = to.endpoints;
  if (!a || !b) return [];
  const cells: Cell[] = [];
  for (const [fromKey, fromIndex] of from.groups) {
    for (const [toKey, toIndex] of to.groups) {
      for (const relation of relationsBetween(fromIndex, toIndex).values()) {
        const value = (side: SideName): PortSet | undefined => {
          const pair = relation[side];
          if (pair === undefined) return undefined;
          const { kind } = pair.from;
          if (!kind || !pair.to.kind || relation.family === undefined) return NO_PORTS;
          return sides[side].between({
            from: pair.from.owner.spotOf(pair.from.ordinals[0] ?? 0, kind),
            to: pair.to.owner.spotOf(pair.to.ordinals[pair.isOneEntry ? 1 : 0] ?? 0, pair.to.kind),
            relation: relation.name[side],
            family: relation.family,
            listeners: pair.to.listeners,
          });
        };
        cells.push({ from: fromKey, to: toKey, relation, before: value("before"), after: value("after") });
      }
    }
  }
  return cells;
}

/** Of the relations between two classes, those that exist between the pods of two endpoints. */
function existing(cells: readonly Cell[], a: Endpoint, b: Endpoint): readonly Cell[] {
  const known = new Map<string, ReadonlyMap<string, Relation>>();
  return cells.flatMap((cell) => {
    const relations = valueAt(known, `${cell.from}\n${cell.to}`, () => {
      const [one, other] = [a.groups.get(cell.from), b.groups.get(cell.to)];
      return one && other ? relationsBetween(ownIndex(one), ownIndex(other)) : new Map();
    });
    const relation = relations.get(cell.relation.id);
    if (!relation) return [];
    return [{ ...cell, relation, before: relation.before && cell.before, after: relation.after && cell.after }];
  });
}

const ownIndex = memo(({ positions }: Group): Index => indexOf(positions));

/* -------------------------------------------------------------- statements */

/** A change between some of the groups of two endpoints. */
interface GroupStatement {
  /** Undefined: all groups. */
  readonly from: readonly string[] | undefined;
  readonly to: readonly string[] | undefined;
  readonly scope: readonly Scope[];
  readonly before: PortSet;
  readonly after: PortSet;
  readonly example: Example;
  /** The names of its cells. */
  readonly cells: readonly string[];
}

function exampleOf([cell]: readonly Cell[]): Example {
  const [before, after] = [cell?.relation.before, cell?.relation.after].map((pair) => pair && pathsOf(pair));
  return { ...(before ? { before } : {}), ...(after ? { after } : {}) };
}

function pathsOf({ from, to, isOneEntry }: Pair): { from: string; to: string } {
  return {
    from: from.owner.pathOf(from.ordinals[0] ?? 0),
    to: to.owner.pathOf(to.ordinals[isOneEntry ? 1 : 0] ?? 0),
  };
}

function nameOf({ from, to, relation }: Cell): string {
  return `${from}\n${to}\n${relation.id}`;
}

type Change = Cell & { readonly before: PortSet; readonly after: PortSet };

/** `isKept`: both endpoints exist in both topologies. */
function statementsOf(cells: readonly Cell[], isKept: boolean): readonly GroupStatement[] {
  const complete = completed(cells, isKept);
  const byChange = new Map<string, Change[]>();
  for (const cell of complete) {
    if (portSetEquals(cell.before, cell.after)) continue;
    valueAt(byChange, `${portKey(cell.before)} ${portKey(cell.after)}`, (): Change[] => []).push(cell);
  }
  return [...byChange.values()].flatMap((changes) => factored(changes, complete));
}

/**
 * A relation that exists on one side only, because pods have moved, is compared with the nearest result that a pair of pods has on
 * the other side: a port is opened if no pair had it before, and closed if every pair had it.
 */
function completed(cells: readonly Cell[], isKept: boolean): readonly Change[] {
  const before = rangeOf(cells.flatMap((cell) => cell.before ?? []));
  const after = rangeOf(cells.flatMap((cell) => cell.after ?? []));
  return cells.flatMap((cell): readonly Change[] => {
    if (cell.before && cell.after) return [{ ...cell, before: cell.before, after: cell.after }];
    const [own, other] = cell.after ? [cell.after, before] : [cell.before, after];
    if (own === undefined) return [];
    // The other side has no pair: the endpoint does not exist there, or has a single pod, and a pod and itself are not a pair.
    const nearest = other ? union(intersection(own, other.most), other.least) : isKept ? own : NO_PORTS;
    return [cell.after ? { ...cell, before: nearest, after: own } : { ...cell, before: own, after: nearest }];
  });
}

function rangeOf(sets: readonly PortSet[]): { readonly least: PortSet; readonly most: PortSet } | undefined {
  const [first, ...rest] = sets;
  if (first === undefined) return undefined;
  return { least: rest.reduce(intersection, first), most: rest.reduce(union, first) };
}

/** Few statements that together describe exactly these cells. */
function factored(changes: readonly Change[], all: readonly Change[]): readonly GroupStatement[] {
  const [{ before, after }] = changes as [Change];
  if (changes.length === all.length)
    return [
      {
        from: undefined,
        to: undefined,
        scope: [],
        before,
        after,
        example: exampleOf(changes),
        cells: changes.map(nameOf),
      },
    ];
  const scopes = grouped(changes, ({ relation }) => `${relation.place} ${relation.family}`);
  const parts = new Map<
    string,
    { readonly from: readonly string[]; readonly to: readonly string[]; readonly cells: Change[] }
  >();
  for (const inside of scopes.values()) {
    for (const { from, to, cells } of rectangles(inside))
      valueAt(parts, `${from.join("|")}\n${to.join("|")}`, () => ({ from, to, cells: [] })).cells.push(...cells);
  }
  const everyFrom = new Set(all.map(({ from }) => from));
  const everyTo = new Set(all.map(({ to }) => to));
  const rectangular = [...parts.values()].flatMap(({ from, to, cells }) => {
    const possible = all.filter((cell) => from.includes(cell.from) && to.includes(cell.to));
    return scopesOf(cells, possible).map((one) => ({ from, to, ...one }));
  });
  return joined(joined(rectangular, "from"), "to").map(({ from, to, scope, cells }) => ({
    from: from.length === everyFrom.size ? undefined : from,
    to: to.length === everyTo.size ? undefined : to,
    scope,
    before,
    after,
    example: exampleOf(cells),
    cells: cells.map(nameOf),
  }));
}

interface Rectangle {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly scope: readonly Scope[];
  readonly cells: readonly Change[];
}

/** Joins the rectangles that differ on this side only. */
function joined(rectangles: readonly Rectangle[], side: "from" | "to"): readonly Rectangle[] {
  const other = side === "from" ? "to" : "from";
  const alike = grouped(rectangles, (one) => `${one.scope.join()}\n${[...one[other]].sort().join("|")}`);
  return [...alike.values()].flatMap(([first, ...rest]) => {
    if (!first) return [];
    const all = [first, ...rest];
    return [
      { ...first, [side]: [...new Set(all.flatMap((one) => one[side]))], cells: all.flatMap(({ cells }) => cells) },
    ];
  });
}

/** Senders with the same receivers. */
function rectangles(cells: readonly Change[]) {
  const rows = grouped(cells, ({ from }) => from);
  const alike = grouped([...rows], ([, row]) => [...new Set(row.map(({ to }) => to))].sort().join("|"));
  return [...alike.values()].map((members) => ({
    from: members.map(([from]) => from),
    to: [...new Set(members.flatMap(([, row]) => row.map(({ to }) => to)))],
    cells: members.flatMap(([, row]) => row),
  }));
}

type Place = Relation["place"];

/** Scopes that together select the cells among the possible ones, each with its cells; an empty scope selects all. */
function scopesOf(
  cells: readonly Change[],
  possible: readonly Change[],
): readonly { readonly scope: readonly Scope[]; readonly cells: readonly Change[] }[] {
  if (cells.length === possible.length) return [{ scope: [], cells }];
  const familiesOf = (list: readonly Change[]) => [...new Set(list.map(({ relation }) => relation.family))];
  const placesOf = (list: readonly Change[]): Place[] =>
    [...new Set(list.map(({ relation }) => relation.place))].sort();
  const byPlaces = grouped(familiesOf(cells), (family) =>
    placesOf(cells.filter(({ relation }) => relation.family === family)).join(),
  );
  return [...byPlaces.values()].map((families) => {
    const isOwn = ({ relation }: Change): boolean => families.includes(relation.family);
    const places = placesOf(cells.filter(isOwn));
    const isEveryPlace = places.length === placesOf(possible.filter(isOwn)).length;
    const isEveryFamily = families.length === familiesOf(possible).length;
    const scope = [
      ...(isEveryPlace ? [] : places),
      ...(isEveryFamily ? [] : families.flatMap((family) => (family === undefined ? [] : (`ipv${family}` as const)))),
    ];
    return { scope, cells: cells.filter(isOwn) };
  });
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) valueAt(groups, keyOf(item), (): T[] => []).push(item);
  return groups;
}

/* -------------------------------------------------------------- collecting */

/** Several endpoints that statements name together. */
interface Parts {
  readonly id: string;
  readonly parts: readonly Part[];
}

function partsOf(endpoints: readonly Endpoint[], groups: readonly string[] | undefined): Parts {
  const parts = endpoints.map((endpoint) => ({
    endpoint,
    groups: groups?.flatMap((key) => endpoint.groups.get(key) ?? []),
  }));
  return { id: `${endpoints.map(({ index }) => index).join()} ${groups?.join("|") ?? ""}`, parts };
}

type Collector = ReturnType<typeof collector>;

/** Joins the statements that differ in their endpoints only. */
function collector() {
  interface Change {
    readonly ports: Pick<Statement, "scope" | "before" | "after">;
    readonly rows: Map<string, { readonly from: Parts; readonly to: Map<string, Parts>; readonly example: Example }>;
  }
  const changes = new Map<string, Change>();
  return {
    add({ scope, before, after, example }: Omit<Statement, "from" | "to">, from: Parts, to: Parts): void {
      const key = `${scope.join()} ${portKey(before)} ${portKey(after)}`;
      const change = valueAt(changes, key, (): Change => ({ ports: { scope, before, after }, rows: new Map() }));
      valueAt(change.rows, from.id, () => ({ from, to: new Map<string, Parts>(), example })).to.set(to.id, to);
    },
    statements(): readonly Statement[] {
      return [...changes.values()].flatMap(({ ports, rows }) => {
        const alike = grouped([...rows.values()], ({ to }) => [...to.keys()].join("\n"));
        return [...alike.values()].map((same) => ({
          ...ports,
          example: same[0]?.example ?? {},
          from: same.flatMap(({ from }) => from.parts),
          to: [...(same[0]?.to.values() ?? [])].flatMap(({ parts }) => parts),
        }));
      });
    },
  };
}

export function opened({ before, after }: Pick<Statement, "before" | "after">): PortSet {
  return difference(after, before);
}

export function closed({ before, after }: Pick<Statement, "before" | "after">): PortSet {
  return difference(before, after);
}
