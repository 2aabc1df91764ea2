/** The nodes that a cluster's statements declare: one per `node`, several per pool, each name once. */
import { perItem } from "../memo/list.ts";
import { query } from "../memo/query.ts";
import type { StationParts } from "./station.ts";

export interface Slot {
  readonly name: string;
  /** Index in `cluster.nodes`. */
  readonly index: number;
  /** Index in its pool. */
  readonly position: number;
}

export interface Slots {
  readonly list: readonly Slot[];
  /** By slot, the index of its statement. */
  readonly statements: readonly number[];
  /** Whether slot i belongs to statement i. */
  readonly isPlain: boolean;
  /** Indexes of the slots, by name. */
  readonly indexes: ReadonlyMap<string, number>;
  /** Statements with a name that another one has; of a pool, the first such name. */
  readonly twice: readonly { readonly statement: number; readonly name: string }[];
}

type Named = Pick<StationParts, "name" | "range">;

const namesOf = perItem<StationParts, Named>(
  ({ name, range }) => ({ name, range }),
  (a, b) =>
    a.name === b.name &&
    a.range?.first === b.range?.first &&
    a.range?.last === b.range?.last &&
    a.range?.width === b.range?.width,
);

export function slotsOf(nodes: readonly StationParts[]): Slots {
  return slotsOfNames(namesOf(nodes));
}

const slotsOfNames = query<readonly Named[], Slots>((read, before) => {
  const list: Slot[] = [];
  const statements: number[] = [];
  const indexes = new Map<string, number>();
  const twice: { statement: number; name: string }[] = [];
  for (const [statement, { name: base, range }] of read((names) => names).entries()) {
    const count = range === undefined ? 1 : range.last - range.first + 1;
    let isReported = false;
    for (let position = 0; position < count; position++) {
      const name = range === undefined ? base : `${base}${String(range.first + position).padStart(range.width, "0")}`;
      if (indexes.has(name)) {
        if (!isReported) twice.push({ statement, name });
        isReported = true;
        continue;
      }
      const index = list.length;
      const old = before?.list[index];
      list.push(old?.name === name && old.position === position ? old : { name, index, position });
      statements.push(statement);
      indexes.set(name, index);
    }
  }
  const isPlain = statements.every((statement, index) => statement === index);
  return { list, statements, isPlain, indexes, twice };
});

/** The statement of each slot. */
export function partsOf(nodes: readonly StationParts[], { statements, isPlain }: Slots): readonly StationParts[] {
  return isPlain && statements.length === nodes.length ? nodes : statementAt(statements, nodes);
}

const statementAt = perItem<number, StationParts, [readonly StationParts[]]>((statement, nodes) => nodes[statement]!);
