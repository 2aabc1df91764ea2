/** Refactoring: expand a pool into single nodes, which can then differ. */

import { formatIp } from "../../../addressing/ip.ts";
import { all } from "../../../declared/access.ts";
import { partOf } from "../../../declared/handle.ts";
import { statementOf } from "../../../frontends/knet/handle.ts";
import { partSpan } from "../../../frontends/knet/positions.ts";
import { indentAt } from "../../../frontends/knet/render.ts";
import type { TextEdit } from "../../../text/edit.ts";
import { plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import { newlineOf } from "../../../text/lines.ts";
import type { Span } from "../../../text/span.ts";
import type { Node } from "../../../topology/model.ts";
import type { Analysis } from "../../analysis.ts";
import { knetFile } from "../../knet.ts";
import { type Placed, placedIn } from "../place.ts";
import { byHandle } from "../statements.ts";
import type { Refactoring } from "./refactoring.ts";

const MOST = 200;

export function inlinePool(analysis: Analysis, file: string, selection: Span): readonly Refactoring[] {
  const checked = knetFile(analysis, file);
  if (!checked) return [];
  const made = byHandle(analysis);
  return placedIn(checked, selection).flatMap((placed): readonly Refactoring[] => {
    const { decl, start, end } = placed;
    const nodes = made.nodes.get(decl.handle) ?? [];
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
  return selection.start <= start + (statementOf(decl).block?.start ?? statementOf(decl).length);
}

/** The block of the pool as written, with the addresses of this node. */
function blockOf(text: string, { decl, start }: Placed, node: Node): string {
  const { block } = statementOf(decl);
  if (!block) return "";
  const from = start + block.start;
  const edits = decl.children.flatMap((child, index): readonly TextEdit[] => {
    const own = node.interfaces.find(({ source }) => source.decl.handle === child.handle);
    if (!own || own.allocated) return [];
    const childStart = from + (block.offsets[index] ?? 0);
    return all(child, "addresses").flatMap((read, order): readonly TextEdit[] => {
      const span = partSpan(statementOf(child), partOf(read), childStart);
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
