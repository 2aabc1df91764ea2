/** Numbers, plurals, and lists in sentences. */
import { currentLocale, filled, t } from "./l10n.ts";

/** 65536 → "65,536". A count of 2^64 or more is shown as a power of two: 39 digits are not readable. */
export function number(count: number | bigint): string {
  if (typeof count === "bigint" && count >= 1n << 64n) {
    const power = count.toString(2).length - 1;
    return count === 1n << BigInt(power) ? `2^${power}` : t`more than ${`2^${power}`}`;
  }
  return count.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 node", "5 nodes". Pass literal nouns: `{0} node` and `{0} nodes` are keys of the bundle. */
export function plural(count: number | bigint, one: string, many = `${one}s`): string {
  return filled(`{0} ${count === 1 || count === 1n ? one : many}`, [number(count)]);
}

/** "a", "a and b", "a, b, and 3 more". */
export function list(texts: readonly string[], most = 3): string {
  const shown = texts.slice(0, most);
  const rest = texts.length - shown.length;
  return joined(rest > 0 ? [...shown, t`${number(rest)} more`] : shown, "conjunction");
}

/** "a", "a or b", "a, b, or c". */
export function either(texts: readonly string[]): string {
  return joined(texts, "disjunction");
}

const formats = new Map<string, Intl.ListFormat>();

function joined(texts: readonly string[], type: "conjunction" | "disjunction"): string {
  if (texts.length < 2) return texts[0] ?? "";
  const key = `${currentLocale()} ${type}`;
  const format = formats.get(key) ?? new Intl.ListFormat(currentLocale(), { type });
  formats.set(key, format);
  return format.format(texts);
}
