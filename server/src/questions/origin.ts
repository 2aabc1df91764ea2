/** Navigates from a source location to related statements and arguments. */
import type { Source, Statement, StatementPart } from "../language/tree.ts";

export function sourceAt(source: Source, part: StatementPart): Source {
  return { file: source.file, statement: source.statement, part };
}

/** The first argument with a wanted text if the source is a whole statement; otherwise the source itself. */
export function argumentWith(source: Source, isWanted: (text: string) => boolean): Source {
  if (source.part !== "whole") return source;
  const index = source.statement.args.findIndex(({ text }) => isWanted(text));
  return index < 0 ? source : sourceAt(source, index);
}

/** The statement with this keyword in the block of `source`; `source` itself if the statement does not exist. */
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

/** The part to underline instead of a whole block: the first argument (the name), or the keyword. */
export function headOf(source: Source): Source {
  if (source.part !== "whole" || source.statement.block === undefined) return source;
  return sourceAt(source, source.statement.args.length > 0 ? 0 : "keyword");
}

/** Assigns numbers to objects, to use locations in keys. */
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

/** A placeholder for files without statements and for locations outside statements. */
export const NO_STATEMENT: Statement = {
  keyword: { kind: "word", text: "", start: 0, length: 0 },
  args: [],
  block: undefined,
  length: 0,
  problems: [],
  problemCount: 0,
};

/** " out": the direction of an access list rule, with a leading space; "" if the rule has no direction. */
export function directionIn({ args }: Statement): string {
  const direction = args.find(({ text }) => text === "in" || text === "out" || text === "forward");
  return direction ? ` ${direction.text}` : "";
}
