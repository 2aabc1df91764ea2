/** Commander's messages about wrong usage, in the style of knet's other messages: one clause, names in backticks. */
import { either } from "../text/format.ts";
import { t } from "../text/l10n.ts";

type Message = readonly [pattern: RegExp, text: (...parts: string[]) => string];

/** By commander's text (commander, lib/command.js and lib/option.js); the parts are the groups of the pattern. */
const MESSAGES: readonly Message[] = [
  [/^missing required argument '(.+)'$/, (name) => t`missing argument \`${name}\``],
  [/^option '(.+)' argument missing$/, (flags) => t`option \`${flags}\` requires a value`],
  [/^unknown option '(.+)'$/, (flag) => t`unknown option \`${flag}\``],
  [
    /^unknown option '(.+)'\n\(Did you mean (.+)\?\)$/,
    (flag, near) => t`unknown option \`${flag}\`; did you mean \`${near}\`?`,
  ],
  [
    /^too many arguments(?: for '(.+)')?\. Expected (\d+) arguments? but got (\d+)\.$/,
    (command, most, count) =>
      t`too many arguments for \`${command || "knet"}\`: expected at most ${most}, not ${count}`,
  ],
  [
    /^option '(.+)' argument '(.*)' is invalid\. Allowed choices are (.+)\.$/s,
    (flags, value, choices) => t`invalid value \`${value}\` for \`${flags}\`: expected ${either(choices.split(", "))}`,
  ],
  [
    /^option '(.+)' argument '(.*)' is invalid\. (.+)$/s,
    (flags, value, reason) => t`invalid value \`${value}\` for \`${flags}\`: ${reason}`,
  ],
  [
    /^option '(.+)' cannot be used with option '(.+)'$/,
    (one, other) => t`\`${one}\` and \`${other}\` are mutually exclusive`,
  ],
];

/** "invalid value `xml` for `--format <format>`: expected text or json"; a message without a pattern is unchanged. */
export function usageText(message: string): string {
  for (const [pattern, text] of MESSAGES) {
    const found = pattern.exec(message);
    if (found) return text(...found.slice(1).map((part) => part ?? ""));
  }
  return message;
}
