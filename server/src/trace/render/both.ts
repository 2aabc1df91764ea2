/** The traces of one packet over the derived and over the real state, side by side. */
import { t } from "../../text/l10n.ts";
import { visible } from "../../text/visible.ts";
import type { Hop, Path, Reply, Trace } from "../schema.ts";
import { renderText, type TextOptions } from "./text.ts";

export interface BothOptions extends TextOptions {
  /** Characters per line; undefined: not limited to a terminal, so one trace after the other. */
  readonly width: number | undefined;
}

/** Two columns if both fit, otherwise one after the other; then the first difference. */
export function renderBoth(derived: Trace, real: Trace, options: BothOptions): string {
  const left = [t`Derived state`, "", ...renderText(derived, options).trimEnd().split("\n")];
  const right = [t`Real state`, "", ...renderText(real, options).trimEnd().split("\n")];
  const gap = 3;
  const widest = (lines: readonly string[]): number => Math.max(...lines.map(widthOf));
  const fits = options.width !== undefined && widest(left) + gap + widest(right) <= options.width;
  const body = fits ? columns(left, right, widest(left) + gap) : [...left, "", ...right];
  return `${[...body, "", visible(differenceText(derived, real))].join("\n")}\n`;
}

function columns(left: readonly string[], right: readonly string[], start: number): readonly string[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => {
    const own = left[index] ?? "";
    return `${own}${" ".repeat(start - widthOf(own))}${right[index] ?? ""}`.trimEnd();
  });
}

/** Without the sequences for colors. */
function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences start with ESC
  return [...text.replace(/\u001b\[\d+m/g, "")].length;
}

/** Where the two traces part. */
function differenceText(derived: Trace, real: Trace): string {
  for (const [index, path] of derived.paths.entries()) {
    const other = real.paths[index];
    if (!other) break;
    const found = partedAt(path, other) ?? (path.reply && other.reply ? partedAt(path.reply, other.reply) : undefined);
    if (found !== undefined) return found;
  }
  const isSame =
    derived.verdict === real.verdict &&
    derived.answered === real.answered &&
    derived.paths.length === real.paths.length;
  return isSame ? t`The packet takes the same path in both states.` : t`The packet has other paths in the real state.`;
}

function partedAt(path: Reply | Path, other: Reply | Path): string | undefined {
  const length = Math.max(path.hops.length, other.hops.length);
  for (let index = 0; index < length; index += 1) {
    const [own, real] = [path.hops[index], other.hops[index]];
    if (own && real && stepKey(own) === stepKey(real)) continue;
    const owner = (real ?? own)?.owner ?? "";
    const expected = own ? stepText(own) : (path.reason?.message ?? path.verdict);
    const actual = real ? stepText(real) : (other.reason?.message ?? other.verdict);
    return t`First difference on ${owner}: ${expected} in the derived state; ${actual} in the real state.`;
  }
  if (path.verdict === other.verdict) return undefined;
  const actual = other.reason?.message ?? other.verdict;
  return t`First difference: ${path.reason?.message ?? path.verdict} in the derived state; ${actual} in the real state.`;
}

/** The names of devices can differ, so a route is compared by destination and next hop. */
function stepKey({ netns, direction, action, rule, packet }: Hop): string {
  const destinations = packet.headers.map((header) => (header.kind === "ip" ? header.dst : ""));
  const route = action === "route" && rule ? /^\S+(?: via \S+)?/.exec(rule.text)?.[0] : undefined;
  return [netns, direction, action, route, ...destinations].join(" ");
}

function stepText({ text, rule }: Hop): string {
  return rule ? `${text} (${rule.text})` : text;
}
