/**
 * Fixes: converts tree edits to text edits and verifies them. A fix is offered only after the edited files were analyzed:
 * the finding is gone, no code is reported more often than before, and the packets that the finding reports arrive.
 */

import { buildNetwork } from "../../cni/network.ts";
import type { Finding } from "../../findings/finding.ts";
import type { Fix } from "../../fixes/fix.ts";
import { withoutPolicies } from "../../kubernetes/contribute.ts";
import { isAnsweredIn } from "../../questions/replay.ts";
import type { TextEdit } from "../../text/edit.ts";
import type { Analysis } from "../analysis.ts";

export interface ProvenFix {
  readonly title: string;
  readonly edits: ReadonlyMap<string, readonly TextEdit[]>;
}

/** The fixes that resolve a finding. Undefined if the run was canceled. */
export function provenFixes(analysis: Analysis, finding: Finding, cancelled: () => boolean): ProvenFix[] | undefined {
  const proven: ProvenFix[] = [];
  for (const fix of finding.fixes) {
    const edits = fixEdits(analysis, fix);
    if (!edits) continue;
    const before = analysis.findings(cancelled);
    const edited = before && editedAnalysis(analysis, edits);
    const after = edited && findingsUnlessRefuted(edited, finding, before, cancelled);
    if (!edited || !after) return undefined;
    if (after !== "refuted" && mends(finding, before, after) && arrive(edited, finding))
      proven.push({ title: fix.title, edits });
  }
  return proven;
}

/** The findings after the edits, unless one of them shows that the fix fails: that is usually found without sending packets. */
function findingsUnlessRefuted(
  edited: Analysis,
  finding: Finding,
  before: readonly Finding[],
  cancelled: () => boolean,
): readonly Finding[] | "refuted" | undefined {
  const { levels } = edited.options;
  // A comment can suppress a finding, and a severity from the settings replaces its own.
  const isFinal = ({ code }: Finding): boolean => !levels?.has(code);
  const admit = admission(finding, before);
  let isRefuted = false;
  const watch = (one: Finding): void => {
    if (!isRefuted && isFinal(one)) isRefuted = !admit(one);
  };
  const hasComments = edited.files.some((file) => file.silences().length > 0);
  const after = edited.findings(() => isRefuted || cancelled(), hasComments ? undefined : watch);
  return isRefuted ? "refuted" : after;
}

function mends(finding: Finding, before: readonly Finding[], after: readonly Finding[]): boolean {
  const admit = admission(finding, before);
  return before.some((one) => isSame(one, finding)) && after.every((one) => admit(one));
}

/** A function that receives the findings of the edited text, one after the other: false if the fix must not leave or add this one. */
function admission(finding: Finding, before: readonly Finding[]): (next: Finding) => boolean {
  // An identical finding can exist at a second place and remain there.
  let same = before.filter((one) => isSame(one, finding)).length;
  const counts = new Map<string, number>();
  for (const { code } of before) counts.set(code, (counts.get(code) ?? 0) + 1);
  return (next) => {
    const { code, severity } = next;
    if (isSame(next, finding)) same -= 1;
    if (same <= 0) return false;
    const isOwn = code === finding.code;
    // A fix for an error or a warning can add an info or a hint, but not the reverse.
    if (!isOwn && isGrave(finding.severity) && !isGrave(severity)) return true;
    const left = (counts.get(code) ?? 0) - 1;
    counts.set(code, left);
    return isOwn ? left > 0 : left >= 0;
  };
}

function isSame(one: Finding, { code, message }: Finding): boolean {
  return one.code === code && one.message === message;
}

/** Sends the failing packets of the finding again, like the checks: without policies. */
function arrive({ topology, network }: Analysis, { queries = [] }: Finding): boolean {
  if (queries.length === 0) return true;
  const hasPolicies = topology.clusters.some(({ policies }) => policies.length > 0);
  const world = { topology, network: hasPolicies ? buildNetwork(topology, withoutPolicies()) : network };
  return queries.every((query) => isAnsweredIn(world, query));
}

function isGrave(severity: Finding["severity"]): boolean {
  return severity === "error" || severity === "warning";
}

/** A new analysis of the project after edits. */
export function editedAnalysis(analysis: Analysis, edits: ReadonlyMap<string, readonly TextEdit[]>): Analysis {
  const files = analysis.files.map((file) => {
    const own = edits.get(file.file);
    return own ? file.edited(own) : file;
  });
  return analysis.edited(files);
}

/** Undefined if a source is not in the current text or if two edits overlap. */
export function fixEdits(analysis: Analysis, fix: Fix): ReadonlyMap<string, readonly TextEdit[]> | undefined {
  const edits = new Map<string, TextEdit[]>();
  for (const one of fix.edits) {
    const file = "file" in one ? one.file : one.source.file;
    const edit = analysis.fileOf(file)?.render(one);
    if (!edit) return undefined;
    edits.set(file, [...(edits.get(file) ?? []), edit]);
  }
  for (const [file, list] of edits) {
    list.sort((a, b) => a.start - b.start || a.end - b.end);
    if (list.some((edit, index) => index > 0 && edit.start < (list[index - 1]?.end ?? 0))) return undefined;
    edits.set(file, joined(list));
  }
  return edits;
}

/** Merges adjacent edits: clients disagree about the order of an insertion and a replacement at the same offset. */
function joined(sorted: readonly TextEdit[]): TextEdit[] {
  const result: TextEdit[] = [];
  for (const edit of sorted) {
    const last = result.at(-1);
    if (last?.end !== edit.start) result.push(edit);
    else result[result.length - 1] = { start: last.start, end: edit.end, text: last.text + edit.text };
  }
  return result;
}
