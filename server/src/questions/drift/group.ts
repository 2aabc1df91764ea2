/** Differences with one cause: the same difference on many machines, or differences of one kind on one machine. */
import { valueAt } from "../../memo/memo.ts";
import type { Difference } from "./difference.ts";

export type Group = readonly [Difference, ...Difference[]];

/**
 * A route that 40 nodes lack is one group, and so are the 39 routes that one node lacks: a difference belongs to the larger
 * one.
 */
export function groupsOf(differences: readonly Difference[]): readonly Group[] {
  const bySubject = new Map<string, Difference[]>();
  const byMachine = new Map<string, Difference[]>();
  const subjectKey = ({ aspect, change, subject }: Difference): string => `${aspect} ${change} ${subject}`;
  const machineKey = ({ aspect, change, machine }: Difference): string => `${aspect} ${change} ${machine}`;
  for (const one of differences) {
    valueAt(bySubject, subjectKey(one), (): Difference[] => []).push(one);
    valueAt(byMachine, machineKey(one), (): Difference[] => []).push(one);
  }
  const groups = new Map<string, [Difference, ...Difference[]]>();
  for (const one of differences) {
    const [subject, machine] = [subjectKey(one), machineKey(one)];
    const isCommon = (bySubject.get(subject)?.length ?? 0) >= (byMachine.get(machine)?.length ?? 0);
    const key = isCommon ? `subject ${subject}` : `machine ${machine}`;
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return [...groups.values()];
}
