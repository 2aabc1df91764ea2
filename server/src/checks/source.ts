/** Finding one's way from a place in a file to the statement inside or beside it. */
import type { Source, Statement, StatementPart } from "../language/tree.ts";

export function sourceAt(source: Source, part: StatementPart): Source {
  return { file: source.file, statement: source.statement, part };
}

/** The first argument with such a text, where the place is a whole statement that has one. */
export function argumentWith(source: Source, isWanted: (text: string) => boolean): Source {
  if (source.part !== "whole") return source;
  const index = source.statement.args.findIndex(({ text }) => isWanted(text));
  return index < 0 ? source : sourceAt(source, index);
}

/** The statement with this keyword in the block of `source`, or `source` itself where there is none. */
export function childOf(source: Source, keyword: string, part: StatementPart = "whole"): Source {
  const child = findChild(source.statement, keyword);
  return child ? { file: source.file, statement: child, part: partIn(child, part) } : source;
}

export function hasChild(source: Source, keyword: string): boolean {
  return findChild(source.statement, keyword) !== undefined;
}

function findChild(statement: Statement, keyword: string): Statement | undefined {
  return statement.block?.statements.find((child) => child.keyword.text === keyword);
}

function partIn(statement: Statement, part: StatementPart): StatementPart {
  if (typeof part === "number" && statement.args[part] === undefined) return "whole";
  return part;
}

/** A block is long; what a finding underlines is its head: the name, or the keyword where there is none. */
export function headOf(source: Source): Source {
  if (source.part !== "whole" || source.statement.block === undefined) return source;
  return sourceAt(source, source.statement.args.length > 0 ? 0 : "keyword");
}

/** Numbers for objects, so that places can be part of a key. */
export function identities(): (object: object) => number {
  const numbers = new WeakMap<object, number>();
  let next = 0;
  return (object) => {
    let id = numbers.get(object);
    if (id === undefined) {
      id = next++;
      numbers.set(object, id);
    }
    return id;
  };
}

/** Stands for a file without any, and for places that are in no statement. */
export const NO_STATEMENT: Statement = {
  keyword: { kind: "word", text: "", start: 0, length: 0 },
  args: [],
  block: undefined,
  length: 0,
  problems: [],
  problemCount: 0,
};

/** " out": the direction that an access list's rule names, with a space before it; nothing where it names none. */
export function directionIn({ args }: Statement): string {
  const direction = args.find(({ text }) => text === "in" || text === "out" || text === "forward");
  return direction ? ` ${direction.text}` : "";
}
