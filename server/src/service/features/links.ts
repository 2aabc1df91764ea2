/** Links in a file: to imported files, and to the documentation of the codes in its comments. */

import { one } from "../../declared/access.ts";
import { argOf } from "../../frontends/knet/handle.ts";
import { innerSpan } from "../../frontends/knet/point.ts";
import { positionsOf } from "../../frontends/knet/positions.ts";
import type { Span } from "../../text/span.ts";
import type { Analysis } from "../analysis.ts";
import { knetFile } from "../knet.ts";

export type Link =
  | { readonly kind: "import"; readonly span: Span; readonly path: string }
  | { readonly kind: "code"; readonly span: Span; readonly code: string };

export function linksOf(analysis: Analysis, file: string): readonly Link[] {
  const checked = knetFile(analysis, file);
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
  const checked = knetFile(analysis, file);
  const { root } = checked?.tree ?? {};
  return (checked?.decls ?? []).flatMap((decl, index): readonly Import[] => {
    const read = decl.spec?.keyword === "import" ? one(decl, "path") : undefined;
    if (read?.value.kind !== "string") return [];
    const arg = argOf(decl, read);
    if (arg.kind !== "string") return [];
    return [{ path: read.value.text, span: innerSpan(arg, root?.offsets[index] ?? 0, checked?.tree.text ?? "") }];
  });
}
