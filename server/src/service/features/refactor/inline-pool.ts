/** Refactoring: expand a pool into single nodes, which can then differ. */

import { formatIp } from "../../../addressing/ip.ts";
import { all } from "../../../language/decode.ts";
import { newlineOf } from "../../../language/lines.ts";
import { partSpan } from "../../../language/positions.ts";
import type { Span } from "../../../language/tree.ts";
import { plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import type { Node } from "../../../topology/model.ts";
import type { Analysis } from "../../analysis.ts";
import type { TextEdit } from "../../service.ts";
import { indentAt } from "../fixes.ts";
import { type Placed, partOf, placedIn } from "../place.ts";
import { byStatement } from "../statements.ts";
import type { Refactoring } from "./refactoring.ts";

const MOST = 200;

export function inlinePool(analysis: Analysis, file: string, selection: Span): readonly Refactoring[] {
  const checked = analysis.fileOf(file);
  if (!checked) return [];
  const made = byStatement(analysis);
  return placedIn(checked, selection).flatMap((placed): readonly Refactoring[] => {
    const { decl, start, end } = placed;
    const nodes = made.nodes.get(decl.statement) ?? [];
    if (!isPool(placed) || nodes.length === 0 || nodes.length > MOST || !headTouches(placed, selection)) return [];
    const { text } = checked.tree;
    const newline = newlineOf(text);
    const body = `${newline}${indentAt(text, start)}`;
    const written = nodes.map((node) => `node ${node.name}${blockOf(text, placed, node)}`).join(body);
    const edits = new Map([[file, [{ start, end, text: written }]]]);
    return [{ title: t`Expand the pool into ${plural(nodes.length, "node")}`, kind: "inline", edits }];
  });
}

function isPool({ decl }: Placed): boolean {
  return (
    decl.spec?.defines === "node" && decl.spec.args.some((arg) => "type" in arg && arg.type.kind === "index-range")
  );
}

function headTouches({ decl, start }: Placed, selection: Span): boolean {
  return selection.start <= start + (decl.statement.block?.start ?? decl.statement.length);
}

/** The block of the pool as written, with the addresses of this node. */
function blockOf(text: string, { decl, start }: Placed, node: Node): string {
  const { block } = decl.statement;
  if (!block) return "";
  const from = start + block.start;
  const edits = decl.children.flatMap((child, index): readonly TextEdit[] => {
    const own = node.interfaces.find(({ source }) => source.statement === child.statement);
    if (!own || own.allocated) return [];
    const childStart = from + (block.offsets[index] ?? 0);
    return all(child, "addresses").flatMap((read, order): readonly TextEdit[] => {
      const span = partSpan(child.statement, partOf(read), childStart);
      const address = own.addresses[order];
      if (!span || !address || read.value.kind !== "interface-address") return [];
      const length = read.value.len === undefined ? "" : `/${read.value.len}`;
      return [{ ...span, text: `${formatIp(address.ip)}${length}` }];
    });
  });
  let done = from;
  let written = " ";
  for (const edit of edits) {
    written += text.slice(done, edit.start) + edit.text;
    done = edit.end;
  }
  return written + text.slice(done, from + block.length);
}
