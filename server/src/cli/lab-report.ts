/** What a comparison with the kernel found, for people. */
import { release } from "node:os";
import type { Skipped } from "./lab-ask.ts";
import type { LabOutcome } from "./lab-run.ts";

/** Every difference, what was skipped and why, and the count. */
export function report(
  file: string,
  namespaces: number,
  outcomes: readonly LabOutcome[],
  skipped: readonly Skipped[],
  seed: number,
): string {
  const lines = [`${file}: ${namespaces} namespaces on Linux ${release()}`];
  const expected = outcomes.filter(({ probe }) => probe.expected);
  for (const { probe, difference } of expected)
    lines.push(
      `  ${difference ? "✗" : "✓"} ${probe.label}: ${difference ? "not as predicted" : predicted(probe.trace)}`,
    );
  const random = outcomes.filter(({ probe }) => !probe.expected);
  if (random.length > 0) {
    const wrong = random.filter(({ difference }) => difference).length;
    lines.push(
      `  ${wrong > 0 ? "✗" : "✓"} ${random.length} random packets (seed ${seed}): ${wrong > 0 ? `${wrong} not` : "all"} as predicted`,
    );
  }
  for (const outcome of outcomes) lines.push(...differenceLines(outcome));
  const reasons = new Map<string, number>();
  for (const { why } of skipped) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  for (const [why, count] of reasons) lines.push(`  skipped ${count} packet${count === 1 ? "" : "s"}: ${why}`);
  const wrong = outcomes.filter(({ difference }) => difference).length;
  lines.push(`${outcomes.length} packets compared, ${wrong} disagreements, ${skipped.length} skipped`);
  return `${lines.join("\n")}\n`;
}

function predicted({ verdict, answered, paths }: LabOutcome["probe"]["trace"]): string {
  if (verdict === "delivered") return answered ? "delivered and answered" : "delivered, and the answer lost";
  const errno = paths[0]?.error?.errno;
  return `${verdict}${errno === undefined ? "" : `, ${errno}`}`;
}

/** What was predicted and what was seen, a crossing a line, from the last on which both agree. */
export function differenceLines({ probe, difference, seen }: LabOutcome): readonly string[] {
  if (!difference) return [];
  const { predicted, text } = difference;
  let same = 0;
  while (same < predicted.length && predicted[same] === seen[same]) same += 1;
  const head = ["", `  ${probe.label} (port ${probe.sport})`, `    ${text}`];
  const common = some(predicted.slice(0, same).map((one) => `      ${one}`));
  if (same === predicted.length && same === seen.length) return [...head, ...common];
  const left = some(predicted.slice(same).map((one) => `    - ${one}`));
  const right = some(seen.slice(same).map((one) => `    + ${one}`));
  return [...head, "    - predicted, + seen:", ...common, ...left, ...right];
}

/** A loop crosses the same devices for each TTL. */
function some(lines: readonly string[]): readonly string[] {
  const left = lines.length - 2 * SHOWN;
  return left <= 0 ? lines : [...lines.slice(0, SHOWN), `      … ${left} more …`, ...lines.slice(-SHOWN)];
}
const SHOWN = 12;
