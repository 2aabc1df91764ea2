/** Organize imports: sorted, without duplicates. */

import { textEdit } from "../../../frontends/knet/render.ts";
import type { TextEdit } from "../../../text/edit.ts";
import type { Analysis } from "../../analysis.ts";
import { knetFile } from "../../knet.ts";
import { placedIn } from "../place.ts";

/** Empty if the imports are already in order. */
export function organiseImports(analysis: Analysis, file: string): readonly TextEdit[] {
  const checked = knetFile(analysis, file);
  if (!checked) return [];
  const imports = placedIn(checked).filter(({ decl }) => decl.spec?.keyword === "import" && decl.problemCount === 0);
  const textOf = ({ start, end }: { readonly start: number; readonly end: number }): string =>
    checked.tree.text.slice(start, end);
  const sorted = [...new Set(imports.map(textOf))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return imports.flatMap((one, index): readonly TextEdit[] => {
    const by = sorted[index];
    if (by === textOf(one)) return [];
    if (by !== undefined) return [{ start: one.start, end: one.end, text: by }];
    const removed = textEdit(checked.tree, {
      kind: "remove",
      source: { file, decl: one.decl, part: "whole" },
    });
    return removed ? [removed] : [];
  });
}
