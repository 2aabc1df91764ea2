/** The text report of a comparison with the kernel. */

import { number, plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { visible } from "../text/visible.ts";
import type { Skipped } from "./lab-ask.ts";
import type { LabOutcome } from "./lab-run.ts";

/** Lists every disagreement, the skipped probes with reasons, and the totals. */
export function report(
  lab: { readonly file: string; readonly namespaces: number; readonly release: string },
  outcomes: readonly LabOutcome[],
  skipped: readonly Skipped[],
  seed: number,
): string {
  const lines = [t`${visible(lab.file)}: ${plural(lab.namespaces, "network namespace")} on Linux ${lab.release}`];
  const expected = outcomes.filter(({ probe }) => probe.expected);
  for (const { probe, difference } of expected)
    lines.push(
      `  ${difference ? "✗" : "✓"} ${probe.label}: ${difference ? t`not as predicted` : predicted(probe.trace)}`,
    );
  const random = outcomes.filter(({ probe }) => !probe.expected);
  if (random.length > 0) {
    const wrong = random.filter(({ difference }) => difference).length;
    lines.push(`  ${wrong > 0 ? "✗" : "✓"} ${randomText(random.length, wrong, seed)}`);
  }
  for (const outcome of outcomes) lines.push(...differenceLines(outcome));
  const reasons = new Map<string, number>();
  for (const { why } of skipped) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  for (const [why, count] of reasons) lines.push(`  ${t`skipped ${plural(count, "packet")}: ${why}`}`);
  const wrong = outcomes.filter(({ difference }) => difference).length;
  lines.push(
    t`${plural(outcomes.length, "packet")} compared, ${plural(wrong, "disagreement")}, ${number(skipped.length)} skipped`,
  );
  return `${lines.join("\n")}\n`;
}

function randomText(count: number, wrong: number, seed: number): string {
  const packets = plural(count, "random packet");
  return wrong > 0
    ? t`${packets} (seed ${seed}): ${number(wrong)} not as predicted`
    : t`${packets} (seed ${seed}): all as predicted`;
}

function predicted({ verdict, answered, paths }: LabOutcome["probe"]["trace"]): string {
  if (verdict === "misdelivered") return paths.find(({ reason }) => reason)?.reason?.message ?? verdict;
  if (verdict === "delivered") return answered ? t`delivered, reply received` : t`delivered, reply lost`;
  const errno = paths[0]?.error?.errno;
  return `${verdict}${errno === undefined ? "" : `, ${errno}`}`;
}

/** The predicted and the observed crossings, one per line, with the common part first. */
export function differenceLines({ probe, difference, seen }: LabOutcome): readonly string[] {
  if (!difference) return [];
  const { predicted, text } = difference;
  let same = 0;
  while (same < predicted.length && predicted[same] === seen[same]) same += 1;
  const head = ["", `  ${t`${probe.label} (source port ${probe.sport})`}`, `    ${text}`];
  const common = some(predicted.slice(0, same).map((one) => `      ${one}`));
  if (same === predicted.length && same === seen.length) return [...head, ...common];
  const left = some(predicted.slice(same).map((one) => `    - ${one}`));
  const right = some(seen.slice(same).map((one) => `    + ${one}`));
  return [...head, `    ${t`- predicted, + observed:`}`, ...common, ...left, ...right];
}

/** Shortens a long list in the middle: a loop crosses the same devices once per TTL. */
function some(lines: readonly string[]): readonly string[] {
  const left = lines.length - 2 * SHOWN;
  return left <= 0 ? lines : [...lines.slice(0, SHOWN), `      ${t`… ${left} more …`}`, ...lines.slice(-SHOWN)];
}
const SHOWN = 12;
