/** Links in a file: to imported files, and to the documentation of the codes in its comments. */
import { one } from "../../language/decode.ts";
import { positionsOf } from "../../language/positions.ts";
import type { Span } from "../../language/tree.ts";
import type { Analysis } from "../analysis.ts";
import { innerSpan } from "./place.ts";

export type Link =
  | { readonly kind: "import"; readonly span: Span; readonly path: string }
  | { readonly kind: "code"; readonly span: Span; readonly code: string };

export function linksOf(analysis: Analysis, file: string): readonly Link[] {
  const checked = analysis.fileOf(file);
  if (!checked) return [];
  const { tree } = checked;
  const positions = positionsOf(tree);
  const imports = importsOf(analysis, file).map(({ path, span }): Link => ({ kind: "import", span, path }));
  const codes = [...tree.text.matchAll(/\bKN\d{3}\b/g)]
    .filter(({ index }) => positions.path(index + 1).inComment)
    .map(({ index, 0: code }): Link => ({ kind: "code", span: { start: index, end: index + code.length }, code }));
  return [...imports, ...codes].sort((a, b) => a.span.start - b.span.start);
}

export interface Import {
  readonly path: string;
  /** The text between the quotes. */
  readonly span: Span;
}

export function importsOf(analysis: Analysis, file: string): readonly Import[] {
  const checked = analysis.fileOf(file);
  const { root } = checked?.tree ?? {};
  return (checked?.decls ?? []).flatMap((decl, index): readonly Import[] => {
    const read = decl.spec?.keyword === "import" ? one(decl, "path") : undefined;
    if (read?.value.kind !== "string" || read.arg.kind !== "string") return [];
    return [{ path: read.value.text, span: innerSpan(read.arg, root?.offsets[index] ?? 0, checked?.tree.text ?? "") }];
  });
}
