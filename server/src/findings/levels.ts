/** The severity of each check in a project, from the editor settings or from `knet.json`. */
import type { Finding, Severity } from "./finding.ts";

export type Level = "off" | Severity;
export const LEVELS: readonly Level[] = ["off", "hint", "info", "warning", "error"];
export type Levels = ReadonlyMap<string, Level>;
export const NO_LEVELS: Levels = new Map();

export function isLevel(value: unknown): value is Level {
  return LEVELS.some((level) => level === value);
}

/**
 * Removes the findings of checks that are off, and applies the configured severity to the others. A finding whose
 * severity the check itself lowered (a failure that the file expects) is never raised.
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
    const lowered = LEVELS.indexOf(finding.severity) < LEVELS.indexOf(usual(finding.code) ?? "hint");
    const severity = lowered && LEVELS.indexOf(level) > LEVELS.indexOf(finding.severity) ? finding.severity : level;
    return [{ ...finding, severity }];
  });
}
