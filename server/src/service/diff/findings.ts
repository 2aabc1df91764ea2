/**
 * Findings that a change adds and removes. A finding is the same if its code and its message are: its line is irrelevant, and so
 * are the names of renamed objects. A finding that names the same objects with other values has changed.
 */
import type { Finding } from "../../findings/finding.ts";
import { valueAt } from "../../memo/memo.ts";
import type { Pairings } from "./pairing.ts";

export interface FindingChanges {
  readonly added: readonly Finding[];
  readonly removed: readonly Finding[];
  readonly changed: readonly { readonly before: Finding; readonly after: Finding }[];
}

export function changedFindings(
  before: readonly Finding[],
  after: readonly Finding[],
  pairings: Pairings,
): FindingChanges {
  const renamed = renamer(pairings);
  const same = matched(before, after, ({ code, severity, message }, isOld) =>
    [code, severity, renamed(message, isOld)].join(" "),
  );
  const alike = matched(same.before, same.after, ({ code, message }, isOld) =>
    [code, ...namesIn(renamed(message, isOld))].join(" "),
  );
  return { added: alike.after, removed: alike.before, changed: alike.pairs };
}

/** Pairs of equal keys, and what remains. */
function matched(
  before: readonly Finding[],
  after: readonly Finding[],
  keyOf: (finding: Finding, isOld: boolean) => string,
): {
  readonly before: readonly Finding[];
  readonly after: readonly Finding[];
  readonly pairs: FindingChanges["changed"];
} {
  const waiting = new Map<string, Finding[]>();
  for (const one of before) valueAt(waiting, keyOf(one, true), (): Finding[] => []).push(one);
  const pairs: { before: Finding; after: Finding }[] = [];
  const rest = after.filter((one) => {
    const old = waiting.get(keyOf(one, false))?.shift();
    if (old) pairs.push({ before: old, after: one });
    return !old;
  });
  const left = new Set([...waiting.values()].flat());
  return { before: before.filter((one) => left.has(one)), after: rest, pairs };
}

/** The names in a message are in backticks. */
const NAMES = /`[^`]*`/g;

function namesIn(message: string): readonly string[] {
  return [...new Set(message.match(NAMES))].sort();
}

/**
 * Replaces the old names of renamed objects: parts of paths, and pods of renamed workloads (`web-0`). Pods with an owner are named
 * after it on both sides: a rollout replaces all of them.
 */
function renamer({ clusters, routers, hosts }: Pairings): (message: string, isOld: boolean) => string {
  const names = new Map<string, string>();
  const pairs: readonly {
    readonly before?: { name: string } | undefined;
    readonly after?: { name: string } | undefined;
  }[] = [...clusters, ...clusters.flatMap(({ nodes, workloads }) => [...nodes, ...workloads]), ...routers, ...hosts];
  for (const { before, after } of pairs)
    if (before && after && before.name !== after.name) names.set(before.name, after.name);
  const owned = new Map<string, string>();
  for (const { before, after } of clusters.flatMap(({ workloads }) => workloads)) {
    const name = (after ?? before)?.name ?? "";
    for (const one of [...(before?.parts ?? []), ...(after?.parts ?? [])]) if (one.owner) owned.set(one.name, name);
  }
  if (names.size + owned.size === 0) return (message) => message;
  const oldPart = (name: string): string => {
    const whole = names.get(name);
    if (whole !== undefined) return whole;
    const [, workload = "", ordinal = ""] = /^(.*)(-[^-]+)$/.exec(name) ?? [];
    const other = names.get(workload);
    return other === undefined ? name : `${other}${ordinal}`;
  };
  return (message, isOld) => {
    const part = (name: string): string => owned.get(name) ?? (isOld ? oldPart(name) : name);
    return message.replace(NAMES, (quoted) => `\`${quoted.slice(1, -1).split("/").map(part).join("/")}\``);
  };
}
