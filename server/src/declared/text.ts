/** Declarations in the notation of `.knet` files, for messages, fixes, and generated files. */
import type { Decl } from "./decl.ts";
import { isFlag } from "./schema/index.ts";
import type { ArgSpec, FlagSpec } from "./schema/types.ts";
import type { Read } from "./values.ts";

/** The keyword and its arguments, without the block: "route 10.0.0.0/8 via 192.168.1.1". */
export function headText({ spec, values }: Decl): string {
  return [spec?.keyword ?? "", ...argumentTexts({ spec, values })].join(" ");
}

/** All arguments, or those with these names, each with its literal: ["10.0.0.0/8", "via 192.168.1.1"]. */
export function argumentTexts(
  { spec, values }: Pick<Decl, "spec" | "values">,
  names?: ReadonlySet<string>,
): readonly string[] {
  const texts: string[] = [];
  for (let at = 0; at < values.length; ) {
    const first = values[at]!;
    let end = at + 1;
    while (end < values.length && values[end]?.name === first.name) end += 1;
    if (!names || names.has(first.name)) texts.push(argumentText(specOf(spec?.args, first), values.slice(at, end)));
    at = end;
  }
  return texts;
}

function specOf(args: readonly (ArgSpec | FlagSpec)[] | undefined, { name }: Read): ArgSpec | FlagSpec | undefined {
  return args?.find((one) => one.name === name);
}

function argumentText(spec: ArgSpec | FlagSpec | undefined, reads: readonly Read[]): string {
  if (spec && isFlag(spec)) return spec.name;
  const words = reads.map(quoted).join(" ");
  return spec?.after === undefined ? words : `${spec.after} ${words}`;
}

/** A set requirement (`tier in [a b]`) is one value of three tokens. */
function quoted({ text, value }: Read): string {
  if (value.kind === "string") return JSON.stringify(text);
  const { requirement } = value.kind === "requirement" ? value : {};
  return requirement && requirement.values.length > 0 && text === requirement.key
    ? `${text} ${requirement.operator === "In" ? "in" : "notin"} [${requirement.values.join(" ")}]`
    : text;
}

/** The declaration with its block in one line: equal text is an equal declaration, regardless of where it is. */
export function wholeText(decl: Decl): string {
  const head = headText(decl);
  return decl.block ? `${head} { ${decl.children.map(wholeText).join("; ")} }` : head;
}
