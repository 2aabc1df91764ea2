/** How grave a project takes each check: from the editor's settings or from `knet.json`. */
import type { Finding, Severity } from "./check.ts";

export type Level = "off" | Severity;
export const LEVELS: readonly Level[] = ["off", "hint", "info", "warning", "error"];
export type Levels = ReadonlyMap<string, Level>;
export const NO_LEVELS: Levels = new Map();

export function isLevel(value: unknown): value is Level {
  return LEVELS.some((level) => level === value);
}

/**
 * A check that is off says nothing. One that is on has the level given to it; but what it found to be less grave than
 * usual (a note that a file expects it) never becomes graver.
 */
export function withLevels(
  findings: readonly Finding[],
  levels: Levels,
  usual: (code: string) => Severity | undefined,
): readonly Finding[] {
  if (levels.size === 0) return findings;
  return findings.flatMap((finding) => {
    const level = levels.get(finding.code);
    if (level === undefined) return [finding];
    if (level === "off") return [];
    const lessened = LEVELS.indexOf(finding.severity) < LEVELS.indexOf(usual(finding.code) ?? "hint");
    const severity = lessened && LEVELS.indexOf(level) > LEVELS.indexOf(finding.severity) ? finding.severity : level;
    return [{ ...finding, severity }];
  });
}
