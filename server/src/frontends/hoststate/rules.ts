/** Policy rules: `ip rule` of both families, as JSON and as text. */
import { type Family, type Prefix, parseIp, prefixOf } from "../../addressing/ip.ts";
import type { RealRule } from "../../dataplane/real/state.ts";
import { familyOfIp, markOf, prefixOfText } from "../../dataplane/values.ts";
import { type JsonRecord, numberAt, textAt } from "../../text/json.ts";
import type { Item } from "./items.ts";
import type { Locate } from "./place.ts";
import { after, type Block } from "./text.ts";

/** Keys with a meaning in the model, and those without an effect on a lookup. */
const KNOWN: ReadonlySet<string> = new Set(
  "priority src srclen dst dstlen fwmark fwmask iif table protocol action".split(" "),
);

export function ruleOfJson({ record, span }: Item, locate: Locate, family: Family): RealRule | undefined {
  const priority = numberAt(record, "priority");
  const table = textAt(record, "table");
  if (priority === undefined) return undefined;
  const from = selectorOfJson(record, "src");
  const to = selectorOfJson(record, "dst");
  const mark = textAt(record, "fwmark");
  const mask = textAt(record, "fwmask");
  const more = Object.keys(record).filter((key) => !KNOWN.has(key));
  return ruleOf({
    family: from || to ? familyOfIp((from ?? to)?.ip ?? 0) : family,
    priority,
    from,
    to,
    fwmark: mark === undefined ? undefined : markOf(mask === undefined ? mark : `${mark}/${mask}`),
    iif: textAt(record, "iif"),
    table,
    more: more.map((key) => `${key} ${textAt(record, key) ?? ""}`.trim()).join(" "),
    origin: locate(span),
  });
}

/** Address and length are separate keys; without a length, the selector is a single address. */
function selectorOfJson(record: JsonRecord, key: "src" | "dst"): Prefix | undefined {
  const text = textAt(record, key);
  const ip = text === undefined ? undefined : parseIp(text);
  const len = numberAt(record, `${key}len`);
  if (ip === undefined || (len !== undefined && (len < 0 || len > (typeof ip === "number" ? 32 : 128))))
    return undefined;
  return prefixOf(ip, len ?? (typeof ip === "number" ? 32 : 128));
}

const HEAD = /^(\d+):\s+(not )?from (\S+)(.*)$/;

export function isRuleText({ lines: [{ text }] }: Block): boolean {
  return HEAD.test(text);
}

export function ruleOfText(block: Block, locate: Locate, family: Family): RealRule | undefined {
  const [, priority, not, source = "", rest = ""] = HEAD.exec(block.lines[0].text) ?? [];
  if (priority === undefined) return undefined;
  const words = rest.trim().split(/\s+/);
  const from = source === "all" ? undefined : prefixOfText(source);
  const destination = after(words, "to");
  const to = destination === undefined || destination === "all" ? undefined : prefixOfText(destination);
  const mark = after(words, "fwmark");
  const known = ["to", "fwmark", "iif", "lookup", "proto"];
  const more = words.filter(
    (word, index) => word !== "" && !known.includes(word) && !known.includes(words[index - 1] ?? ""),
  );
  return ruleOf({
    family: from || to ? familyOfIp((from ?? to)?.ip ?? 0) : family,
    priority: Number(priority),
    from,
    to,
    fwmark: mark === undefined ? undefined : markOf(mark),
    iif: wordOrNothing(after(words, "iif")),
    table: after(words, "lookup"),
    more: [...(not ? ["not"] : []), ...more].join(" "),
    origin: locate(block.span),
  });
}

/** "[detached]" follows the name of a device that does not exist. */
function wordOrNothing(word: string | undefined): string | undefined {
  return word?.startsWith("[") ? undefined : word;
}

interface Draft {
  readonly family: Family;
  readonly priority: number;
  readonly from: Prefix | undefined;
  readonly to: Prefix | undefined;
  readonly fwmark: { readonly value: number; readonly mask: number } | undefined;
  readonly iif: string | undefined;
  readonly table: string | undefined;
  readonly more: string;
  readonly origin: RealRule["origin"];
}

function ruleOf({ family, priority, from, to, fwmark, iif, table, more, origin }: Draft): RealRule {
  return {
    family,
    rule: {
      priority,
      ...(from ? { from } : {}),
      ...(to ? { to } : {}),
      ...(fwmark ? { fwmark } : {}),
      ...(iif === undefined ? {} : { iif }),
      table: table ?? "",
    },
    more: table === undefined && more === "" ? "without a table" : more,
    origin,
  };
}
