/** Declarations as the text of a `.knet` file. */
import type { Decl } from "./decl.ts";
import { headText } from "./text.ts";

/** Longer blocks have one declaration per line. */
const ONE_LINE = 100;

export function printDecls(decls: readonly Decl[], indent = ""): string {
  return decls.map((decl) => `${indent}${printDecl(decl, indent)}\n`).join("");
}

function printDecl(decl: Decl, indent: string): string {
  const head = headText(decl);
  if (!decl.block) return head;
  const short = decl.children.every(({ block }) => !block) && decl.children.length < 3;
  const line = `${head} { ${decl.children.map(headText).join("; ")} }`;
  if (short && decl.children.length > 0 && indent.length + line.length <= ONE_LINE) return line;
  return decl.children.length === 0 ? `${head} {}` : `${head} {\n${printDecls(decl.children, `${indent}  `)}${indent}}`;
}
