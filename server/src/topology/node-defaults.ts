/** The statements of a node, completed by the `defaults` of its cluster. */
import { nameOf, one } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";

/** The first matching rule applies, so the rules of the node come before the default rules. */
const FIRST_MATCH: ReadonlySet<string> = new Set(["allow", "deny", "reject"]);

/** A statement of the node replaces a default that declares the same thing; `attach` replaces all default interfaces. */
export function withDefaultStatements(node: Decl, defaults: Decl | undefined): readonly Decl[] {
  if (defaults === undefined || defaults.children.length === 0) return node.children;
  if (node.children.length === 0) return defaults.children;
  const own = new Set(node.children.flatMap((statement) => keyOf(statement) ?? []));
  const added = defaults.children.filter((statement) => {
    const key = keyOf(statement);
    return key === undefined || !own.has(key);
  });
  const isRule = ({ spec }: Decl): boolean => spec !== undefined && FIRST_MATCH.has(spec.keyword);
  return [...added.filter((statement) => !isRule(statement)), ...node.children, ...added.filter(isRule)];
}

/** Equal for two statements of which only one can apply; undefined: the statement adds to others. */
function keyOf(statement: Decl): string | undefined {
  const { spec } = statement;
  if (spec === undefined) return undefined;
  if (spec.keyword === "attach" || spec.repeat === "once") return spec.keyword;
  const name = spec.defines && nameOf(statement);
  if (name !== undefined) return `${spec.keyword} ${name}`;
  if (spec.keyword !== "route") return undefined;
  return ["destination", "table", "metric"].map((argument) => one(statement, argument)?.text ?? "").join(" ");
}
