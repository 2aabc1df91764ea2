/**
 * The relations between the pods of two groups: on one node, or on two nodes by the segments that they share. All pairs with one
 * relation have the same connections, so one of them is evaluated.
 */
import { family } from "../../addressing/ip.ts";
import { valueAt } from "../../memo/memo.ts";
import type { Here, Position, SideName } from "./endpoints.ts";
import type { Scope } from "./schema.ts";
import { FAMILIES, type Family, rackOf, SAME_NODE, sharedSegments } from "./side.ts";

/** The positions of a group by node and by segments; two per key are sufficient to find a pair. */
export interface Index {
  readonly nodes: ReadonlyMap<number, readonly Position[]>;
  readonly racks: ReadonlyMap<string, readonly Position[]>;
}

export function indexOf(positions: Iterable<Position>): Index {
  const nodes = new Map<number, Position[]>();
  const racks = new Map<string, Position[]>();
  for (const position of positions) {
    const here = valueAt(nodes, position.node, (): Position[] => []);
    if (here.length < 2) here.push(position);
    const rack = `${rackAt(position.before)}|${rackAt(position.after)}`;
    const inside = valueAt(racks, rack, (): Position[] => []);
    if (inside.length === 0 || (inside.length === 1 && inside[0]?.node !== position.node)) inside.push(position);
  }
  return { nodes, racks };
}

function rackAt(here: Here | undefined): string {
  return here?.node ? rackOf(here.node) : "";
}

/** Two pods by their numbers. */
export interface Pair {
  readonly from: Here;
  readonly to: Here;
  /** Two pods of one entry. */
  readonly isOneEntry: boolean;
}

export interface Relation {
  readonly id: string;
  readonly place: Exclude<Scope, "ipv4" | "ipv6">;
  readonly family: Family | undefined;
  /** Names of the relation for the evaluation; a segment can be another one on the other side. */
  readonly name: Readonly<Record<SideName, string>>;
  /** An example; undefined: there is no such pair on this side. */
  readonly before: Pair | undefined;
  readonly after: Pair | undefined;
}

/** The relations by id. */
export function relationsBetween(from: Index, to: Index): ReadonlyMap<string, Relation> {
  const found = new Map<string, Relation>();
  const add = (place: Relation["place"], name: Relation["name"], a: Position, b: Position): void => {
    const pairs = { before: pairOf(a, b, "before"), after: pairOf(a, b, "after") };
    for (const family of place === "unplaced" ? [undefined] : FAMILIES) {
      const [before, after] = [withFamily(pairs.before, family), withFamily(pairs.after, family)];
      if (!before && !after) continue;
      const id = `${place} ${name.before} ${name.after} ${family}`;
      const known = found.get(id);
      found.set(id, {
        id,
        place,
        family,
        name,
        before: known?.before ?? before,
        after: known?.after ?? after,
      });
    }
  };
  const [fewer, more] = from.nodes.size <= to.nodes.size ? [from.nodes, to.nodes] : [to.nodes, from.nodes];
  for (const node of fewer.keys()) {
    if (!more.has(node)) continue;
    for (const a of from.nodes.get(node) ?? [])
      for (const b of to.nodes.get(node) ?? [])
        add(isUnplaced(a) || isUnplaced(b) ? "unplaced" : "same-node", { before: SAME_NODE, after: SAME_NODE }, a, b);
    // A node can have two pods of an endpoint on one side only, so another node might show the relation on the other side.
    if (from !== to && found.size > 0) break;
    if ([...found.values()].some(({ before, after }) => before && after)) break;
  }
  for (const [rack, inside] of from.racks) {
    for (const [other, there] of to.racks) {
      const [a, b] = differentNodes(inside, there);
      if (!a || !b) continue;
      if (isUnplaced(a) || isUnplaced(b)) {
        add("unplaced", { before: "", after: "" }, a, b);
        continue;
      }
      const [old = "", current = ""] = rack.split("|");
      const [oldOther = "", currentOther = ""] = other.split("|");
      const name = { before: sharedSegments(old, oldOther), after: sharedSegments(current, currentOther) };
      add(placeOf(name, a, b), name, a, b);
    }
  }
  return found;
}

function placeOf(name: Relation["name"], a: Position, b: Position): Relation["place"] {
  const shared = (side: SideName): boolean | undefined => (a[side] && b[side] ? name[side] !== "" : undefined);
  const [before = shared("after"), after = shared("before")] = [shared("before"), shared("after")];
  if (before === after) return after ? "same-segment" : "different-segments";
  return after ? "newly-same-segment" : "formerly-same-segment";
}

function isUnplaced({ before, after }: Position): boolean {
  return [before, after].some((one) => one !== undefined && one.kind === undefined);
}

function differentNodes(inside: readonly Position[], there: readonly Position[]): readonly [Position?, Position?] {
  for (const a of inside) for (const b of there) if (a.node !== b.node) return [a, b];
  return [];
}

/** Two different pods, or hosts. */
function pairOf(a: Position, b: Position, side: SideName): Pair | undefined {
  const [from, to] = [a[side], b[side]];
  if (!from || !to || (from === to && from.ordinals.length < 2)) return undefined;
  return { from, to, isOneEntry: from === to };
}

/** A pair of unplaced pods has no family. */
function withFamily(pair: Pair | undefined, of: Family | undefined): Pair | undefined {
  if (pair === undefined || of === undefined) return pair;
  const has = ({ kind }: Here): boolean => kind?.policies.some(({ end }) => family(end.ip) === of) === true;
  return has(pair.from) && has(pair.to) ? pair : undefined;
}
