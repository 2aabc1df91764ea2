/**
 * Collects the English texts of the sources into `l10n/bundle.l10n.json`, the file that a translator copies.
 * Extracted texts: t`…` and phrase("…") of server/src/text/l10n.ts, the nouns of `plural(n, "node")`, `vscode.l10n.t("…")` of
 * the client, and the constant texts of the language's schema and of the catalog of checks.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ParserOptions, parse } from "@babel/parser";

const OPTIONS: ParserOptions = { sourceType: "module", plugins: ["typescript"] };

export interface Extracted {
  /** Keys of the bundle in the order of the sources, with the file that each comes from first. */
  readonly texts: ReadonlyMap<string, string>;
  /** Places where a text is built while its module loads, before any bundle is installed. */
  readonly early: readonly string[];
  /** Calls whose text is not a literal, so no translator can know it. */
  readonly dynamic: readonly string[];
}

interface SyntaxNode {
  readonly type: string;
  readonly loc?: { readonly start: { readonly line: number } };
  readonly [key: string]: unknown;
}

/** Reads all texts of the TypeScript files below `folders`. */
export function extract(root: string, folders: readonly string[]): Extracted {
  const texts = new Map<string, string>();
  const early: string[] = [];
  const dynamic: string[] = [];
  for (const folder of folders) {
    const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .map((name) => name.replaceAll("\\", "/"))
      .filter((name) => name.endsWith(".ts"));
    for (const name of names.sort()) {
      const file = `${folder}/${name}`;
      if (file.startsWith("server/src/text/l10n")) continue;
      const add = (text: string): void => {
        if (!texts.has(text)) texts.set(text, file);
      };
      const note = (to: string[], node: SyntaxNode, what: string): void => {
        to.push(`${file}:${node.loc?.start.line ?? 0} ${what}`);
      };
      visit(parse(readFileSync(join(root, file), "utf8"), OPTIONS).program as unknown as SyntaxNode, false, {
        add,
        early: (node, what) => note(early, node, what),
        dynamic: (node, what) => note(dynamic, node, what),
      });
    }
  }
  return { texts, early, dynamic };
}

interface Found {
  add(text: string): void;
  early(node: SyntaxNode, what: string): void;
  dynamic(node: SyntaxNode, what: string): void;
}

function visit(node: SyntaxNode, inFunction: boolean, found: Found): void {
  const inside = inFunction || /Function|ObjectMethod|ClassMethod|ClassPrivateMethod/.test(node.type);
  if (node.type === "TaggedTemplateExpression" && isNamed(node["tag"], "t")) {
    const key = keyOf(node["quasi"] as SyntaxNode);
    found.add(key);
    if (!inside) found.early(node, key);
  }
  if (node.type === "CallExpression") readCall(node, inside, found);
  for (const child of Object.values(node)) {
    for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) visit(one, inside, found);
  }
}

function readCall(node: SyntaxNode, inside: boolean, found: Found): void {
  const callee = node["callee"];
  const args = node["arguments"] as readonly SyntaxNode[];
  const client = isMember(callee, "l10n", "t");
  const one = literal(args[isNamed(callee, "plural") ? 1 : 0]);
  if (isNamed(callee, "plural")) {
    const many = args.length > 2 ? literal(args[2]) : `${one}s`;
    if (one === undefined || many === undefined) found.dynamic(node, "plural");
    else for (const noun of [one, many]) found.add(`{0} ${noun}`);
  } else if (client || isNamed(callee, "phrase")) {
    if (one === undefined) found.dynamic(node, client ? "l10n.t" : "phrase");
    else found.add(one);
    if (client && !inside) found.early(node, one ?? "");
  }
}

function keyOf(quasi: SyntaxNode): string {
  const parts = (quasi["quasis"] as readonly { readonly value: { readonly cooked: string } }[]).map(
    ({ value }) => value.cooked,
  );
  return parts.reduce((text, part, i) => `${text}{${i - 1}}${part}`);
}

function literal(node: SyntaxNode | undefined): string | undefined {
  if (node?.type === "StringLiteral") return String(node["value"]);
  if (node?.type !== "TemplateLiteral") return undefined;
  return (node["expressions"] as readonly unknown[]).length === 0 ? keyOf(node) : undefined;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function isNamed(node: unknown, name: string): boolean {
  return isNode(node) && node.type === "Identifier" && node["name"] === name;
}

/** `vscode.l10n.t` or `l10n.t`: the last two names of the path. */
function isMember(node: unknown, object: string, property: string): boolean {
  if (!isNode(node) || node.type !== "MemberExpression" || !isNamed(node["property"], property)) return false;
  const owner = node["object"];
  return (
    isNamed(owner, object) || (isNode(owner) && owner.type === "MemberExpression" && isNamed(owner["property"], object))
  );
}
