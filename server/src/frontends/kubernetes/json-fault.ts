/** The first error of a JSON text, with its position: JSON.parse reports none on some engines, and quotes the text, which can be secret. */

import { t } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import { skipSpace } from "./json-span.ts";
import { PRIVATE_MAPS } from "./private.ts";

export interface JsonFault {
  readonly at: number;
  readonly error: string;
  /** The text ends within a value. */
  readonly truncated: boolean;
}

export interface JsonCheck {
  readonly fault: JsonFault | undefined;
  /** Keys that a map states again, with the span of the earlier key. */
  readonly duplicates: readonly { readonly key: string; readonly span: Span; readonly first: Span }[];
}

const SCALAR = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(?=[\s,\]}]|$)/y;

/** Checks the value between two offsets, and that nothing follows it. */
export function jsonCheck(text: string, start: number, end: number): JsonCheck {
  const duplicates: JsonCheck["duplicates"][number][] = [];
  const done = (fault?: JsonFault): JsonCheck => ({ fault, duplicates });
  const fault = (at: number, error: string): JsonCheck => done({ at: Math.min(at, end), error, truncated: at >= end });
  /** The keys so far, for each enclosing map; undefined for a list. */
  const open: (Keys | undefined)[] = [];
  let last = "";
  let at = skipSpace(text, start);
  for (;;) {
    // A value starts here.
    const character = at < end ? text[at] : undefined;
    if (character === "{" || character === "[") {
      open.push(character === "{" ? { isPrivate: PRIVATE_MAPS.has(last), spans: new Map() } : undefined);
      at = skipSpace(text, at + 1);
      if (text[at] === (character === "{" ? "}" : "]")) {
        open.pop();
        at += 1;
      } else if (character === "[") continue;
      else {
        const key = keyAt(text, at, end, open.at(-1), duplicates);
        if ("error" in key) return fault(key.at, key.error);
        ({ at, key: last } = key);
        continue;
      }
    } else {
      const length = character === '"' ? stringLength(text, at, end) : matched(SCALAR, text, at);
      if (length === 0) return fault(character === '"' ? stringFault(text, at, end) : at, t`expected a value`);
      at += length;
    }
    // A value ends here.
    for (;;) {
      at = skipSpace(text, at);
      if (open.length === 0) return at < end ? fault(at, t`expected the end of the text`) : done();
      const keys = open.at(-1);
      if (at < end && text[at] === ",") {
        at = skipSpace(text, at + 1);
        if (keys === undefined) break;
        const key = keyAt(text, at, end, keys, duplicates);
        if ("error" in key) return fault(key.at, key.error);
        ({ at, key: last } = key);
        break;
      }
      if (at >= end || text[at] !== (keys ? "}" : "]"))
        return fault(at, keys ? t`expected a comma or \`}\`` : t`expected a comma or \`]\``);
      open.pop();
      at += 1;
    }
  }
}

/** Sticky expressions match at an offset. */
function matched(expression: RegExp, text: string, at: number): number {
  expression.lastIndex = at;
  return expression.exec(text)?.[0].length ?? 0;
}

const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** The length of the string at an offset; 0 if it is not valid. */
function stringLength(text: string, start: number, end: number): number {
  if (text[start] !== '"') return 0;
  for (let at = start + 1; at < end; ) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1 - start;
    const length = code === 0x5c ? matched(ESCAPE, text, at) : code < 0x20 ? 0 : 1;
    if (length === 0) return 0;
    at += length;
  }
  return 0;
}

/** The start of an invalid string; the end of the text for a string that does not end. */
function stringFault(text: string, at: number, end: number): number {
  return /["\n]/.test(text.slice(at + 1, end)) ? at : end;
}

interface Keys {
  /** Whether keys that are stated again are not reported. */
  readonly isPrivate: boolean;
  readonly spans: Map<string, Span>;
}

interface KeyFault {
  readonly at: number;
  readonly error: string;
}

/** A key, and the offset of the value after it. */
function keyAt(
  text: string,
  at: number,
  end: number,
  known: Keys | undefined,
  duplicates: JsonCheck["duplicates"][number][],
): { readonly at: number; readonly key: string } | KeyFault {
  const length = at < end ? stringLength(text, at, end) : 0;
  if (length === 0)
    return { at: text[at] === '"' ? stringFault(text, at, end) : at, error: t`expected a key in double quotes` };
  const key = text.slice(at + 1, at + length - 1);
  const span = { start: at, end: at + length };
  const first = known?.spans.get(key);
  if (first && known?.isPrivate === false) duplicates.push({ key, span, first });
  known?.spans.set(key, span);
  const colon = skipSpace(text, at + length);
  if (colon >= end || text[colon] !== ":") return { at: colon, error: t`expected a colon` };
  return { at: skipSpace(text, colon + 1), key };
}
