/** Spans in the JSON of one file. A plan has thousands of resources in one list, so the items of each list are found once. */

import type { Path } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";
import { jsonSpan } from "../kubernetes/json-span.ts";

export type SpanFinder = (path: Path) => Span | undefined;

export function spanFinder(text: string): SpanFinder {
  const lists = new Map<string, readonly Span[]>();
  return (path) => {
    let base: Span | undefined = { start: 0, end: text.length };
    let from = 0;
    for (const [at, step] of path.entries()) {
      if (typeof step !== "number" || base === undefined) continue;
      const key = JSON.stringify(path.slice(0, at));
      const items: readonly Span[] = lists.get(key) ?? itemsIn(text, spanIn(text, base, path.slice(from, at)));
      lists.set(key, items);
      base = items[step];
      from = at + 1;
    }
    return base && spanIn(text, base, path.slice(from));
  };
}

function spanIn(text: string, { start, end }: Span, path: Path): Span | undefined {
  const found = jsonSpan(text.slice(start, end), path);
  return found && { start: found.start + start, end: found.end + start };
}

function itemsIn(text: string, list: Span | undefined): readonly Span[] {
  if (!list || text[list.start] !== "[") return [];
  const items: Span[] = [];
  for (let at = list.start + 1; ; ) {
    const item = spanIn(text, { start: at, end: list.end }, []);
    // At the end of the list, the item is empty.
    if (!item || item.end <= item.start) return items;
    items.push(item);
    const comma = text.indexOf(",", item.end);
    if (comma < 0 || comma >= list.end || text.slice(item.end, comma).trim() !== "") return items;
    at = comma + 1;
  }
}
