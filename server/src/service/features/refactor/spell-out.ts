/** Refactoring: write allocated addresses and ranges into the file, so edits elsewhere no longer change them. */
import { formatIp, formatPrefix, prefixContains, prefixOf } from "../../../addressing/ip.ts";
import type { FixEdit } from "../../../checks/check.ts";
import type { Source, Span } from "../../../language/tree.ts";
import { t } from "../../../text/l10n.ts";
import type { Analysis } from "../../analysis.ts";
import type { TextEdit } from "../../service.ts";
import { textEdit } from "../fixes.ts";
import { type Placed, placedIn } from "../place.ts";
import { byStatement, type Made } from "../statements.ts";
import type { Refactoring } from "./refactoring.ts";

const MOST = 2000;

export function spellOut(analysis: Analysis, file: string, { start, end }: Span): readonly Refactoring[] {
  const checked = analysis.fileOf(file);
  if (!checked) return [];
  const made = byStatement(analysis);
  const all = placedIn(checked);
  const around = all.filter((one) => one.start <= start && one.end >= end);
  const here = [...around].reverse().flatMap((outer) => {
    const name = outer.decl.spec?.defines === undefined ? undefined : outer.decl.statement.args[0]?.text;
    if (name === undefined) return [];
    const inside = all.filter((one) => one.start >= outer.start && one.end <= outer.end);
    return refactoring(t`Write out the allocated addresses of \`${name}\``, analysis, file, inside, made);
  });
  return [
    ...here.slice(0, 1),
    ...refactoring(t`Write out all allocated addresses in this file`, analysis, file, all, made),
  ];
}

function refactoring(
  title: string,
  analysis: Analysis,
  file: string,
  placed: readonly Placed[],
  made: Made,
): readonly Refactoring[] {
  const tree = analysis.fileOf(file)?.tree;
  // In an unclosed block both edits can be at the last character: the edit that completes a line goes before the edit that adds one.
  const edits = [
    ...placed.flatMap((one): TextEdit | readonly TextEdit[] => attachEdit(one, made) ?? []),
    ...placed.flatMap((one) =>
      lines(one, made).flatMap(
        (text): TextEdit | readonly TextEdit[] => (tree && textEdit(tree, appendTo(file, one, text))) ?? [],
      ),
    ),
  ];
  if (edits.length === 0 || edits.length > MOST) return [];
  return [
    { title, kind: "rewrite", edits: new Map([[file, edits.sort((a, b) => a.start - b.start || a.end - b.end)]]) },
  ];
}

function appendTo(file: string, { decl }: Placed, text: string): FixEdit {
  const source: Source = { file, statement: decl.statement, part: "whole" };
  return { kind: "append", source, text };
}

/** Members of a pool share one statement, so they cannot have individual addresses. */
function attachEdit({ decl, start }: Placed, made: Made): TextEdit | undefined {
  const interfaces = made.interfaces.get(decl.statement);
  const only = interfaces?.length === 1 ? interfaces[0] : undefined;
  const last = decl.statement.args.at(-1);
  if (!only?.allocated || only.addresses.length === 0 || !last) return undefined;
  const at = start + last.start + last.length;
  return { start: at, end: at, text: ` ${only.addresses.map(({ ip }) => formatIp(ip)).join(" ")}` };
}

/** Statements with the allocated values. */
function lines({ decl }: Placed, made: Made): readonly string[] {
  const nodes = made.nodes.get(decl.statement);
  const [node] = nodes?.length === 1 ? nodes : [];
  const ranges = node?.podCidrs ?? [];
  const hasOwn = decl.children.some(({ spec }) => spec?.keyword === "pod-cidr");
  // Addresses of the node's network interfaces are not a pod CIDR.
  const isSubnet =
    ranges.length > 1 &&
    ranges.some(({ prefix }) =>
      node?.interfaces.some(({ addresses }) =>
        addresses.some((own) => prefixContains(prefixOf(own.ip, own.len), prefix.ip)),
      ),
    );
  if (node && !hasOwn && !isSubnet && ranges.length > 0 && ranges.every(({ allocated }) => allocated))
    return [`pod-cidr ${ranges.map(({ prefix }) => formatPrefix(prefix)).join(" ")}`];
  const owner = made.workloads.get(decl.statement);
  if (owner?.workload.kind !== "pod" || owner.workload.addresses.length > 0 || owner.workload.hostNetwork) return [];
  const { addresses } = owner.cluster.pods.podAt(owner.workload, 0);
  return addresses.length === 0 ? [] : [`address ${addresses.map(formatIp).join(" ")}`];
}
