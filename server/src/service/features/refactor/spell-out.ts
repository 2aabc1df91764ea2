/** Refactoring: write allocated addresses and ranges into the file, so edits elsewhere no longer change them. */

import { formatIp, formatPrefix } from "../../../addressing/ip.ts";
import { modeAddressing } from "../../../cni/modes.ts";
import type { Change } from "../../../declared/change.ts";
import type { Decl } from "../../../declared/decl.ts";
import { keywordOf } from "../../../declared/navigate.ts";
import type { Origin } from "../../../declared/origin.ts";
import { statementOf } from "../../../frontends/knet/handle.ts";
import { textEdit } from "../../../frontends/knet/render.ts";
import type { TextEdit } from "../../../text/edit.ts";
import { t } from "../../../text/l10n.ts";
import type { Span } from "../../../text/span.ts";
import type { Node } from "../../../topology/model.ts";
import type { Analysis } from "../../analysis.ts";
import { knetFile } from "../../knet.ts";
import { type Placed, placedIn } from "../place.ts";
import { byHandle, type Made } from "../statements.ts";
import type { Refactoring } from "./refactoring.ts";

const MOST = 2000;

export function spellOut(analysis: Analysis, file: string, { start, end }: Span): readonly Refactoring[] {
  const checked = knetFile(analysis, file);
  if (!checked) return [];
  const made = byHandle(analysis);
  const all = placedIn(checked);
  const around = all.filter((one) => one.start <= start && one.end >= end);
  const here = [...around].reverse().flatMap((outer) => {
    const name = outer.decl.spec?.defines === undefined ? undefined : statementOf(outer.decl).args[0]?.text;
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
  const tree = knetFile(analysis, file)?.tree;
  // In an unclosed block both edits can be at the last character: the edit that completes a line goes before the edit that adds one.
  const edits = [
    ...placed.flatMap((one): TextEdit | readonly TextEdit[] => attachEdit(one, made) ?? []),
    ...placed.flatMap((one) =>
      lines(one, made).flatMap(
        ({ to, text }): TextEdit | readonly TextEdit[] => (tree && textEdit(tree, appendTo(file, to, text))) ?? [],
      ),
    ),
  ];
  if (edits.length === 0 || edits.length > MOST) return [];
  return [
    { title, kind: "rewrite", edits: new Map([[file, edits.sort((a, b) => a.start - b.start || a.end - b.end)]]) },
  ];
}

function appendTo(file: string, decl: Decl, text: string): Change {
  const source: Origin = { file, decl, part: "whole" };
  return { kind: "append", source, text };
}

/** Members of a pool share one statement, so they cannot have individual addresses. */
function attachEdit({ decl, start }: Placed, made: Made): TextEdit | undefined {
  const interfaces = made.interfaces.get(decl.handle);
  const only = interfaces?.length === 1 ? interfaces[0] : undefined;
  const last = statementOf(decl).args.at(-1);
  if (!only?.allocated || only.addresses.length === 0 || !last) return undefined;
  const at = start + last.start + last.length;
  return { start: at, end: at, text: ` ${only.addresses.map(({ ip }) => formatIp(ip)).join(" ")}` };
}

/** Statements with the allocated values, and the statement that they are appended to. */
function lines({ decl }: Placed, made: Made): readonly { readonly to: Decl; readonly text: string }[] {
  const nodes = made.nodes.get(decl.handle);
  const [node] = nodes?.length === 1 ? nodes : [];
  if (node) return rangeLines(decl, node, made);
  const owner = made.workloads.get(decl.handle);
  if (owner?.workload.kind !== "pod" || owner.workload.addresses.length > 0 || owner.workload.hostNetwork) return [];
  const { addresses } = owner.cluster.pods.podAt(owner.workload, 0);
  return addresses.length === 0 ? [] : [{ to: decl, text: `address ${addresses.map(formatIp).join(" ")}` }];
}

/**
 * The statement that fixes the ranges of a node. No statement fixes ranges that depend only on the plugin's settings
 * (Weave, Docker), and parts of a segment (clouds).
 */
function rangeLines(decl: Decl, node: Node, made: Made): readonly { readonly to: Decl; readonly text: string }[] {
  const { podCidrs } = node;
  const cluster = made.clusterOf.get(node);
  if (!cluster || podCidrs.length === 0 || podCidrs.some(({ allocated }) => !allocated)) return [];
  const cni = node.cni ?? cluster.cni;
  const { claims, fromSegment } = modeAddressing(cni, cluster.podCidrs, cluster.maxPods);
  const ranges = podCidrs.map(({ prefix }) => formatPrefix(prefix)).join(" ");
  if (claims) {
    // A node with borrowed addresses has no blocks to name.
    if (podCidrs.some(({ borrowed }) => borrowed)) return [];
    const own = decl.children.find(({ handle }) => handle === node.cni?.decl?.handle);
    const text = `${claims.keyword} ${ranges}`;
    return [own ? { to: own, text } : { to: decl, text: `cni ${cni.plugin} { ${text} }` }];
  }
  const fromPods = podCidrs.every(({ source }) => keywordOf(source) === "pods");
  return fromPods && fromSegment === undefined ? [{ to: decl, text: `pod-cidr ${ranges}` }] : [];
}
