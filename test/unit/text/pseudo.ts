/**
 * A bundle that marks what it translates: `⟦7:no route to ⟨10.0.0.0/8⟩⟧` is text 7 with one value. Tests see from it which part
 * of an output is a translatable text, which part is a value, and which part is neither.
 */
import { fileURLToPath } from "node:url";
import { type Extracted, extract } from "../../../scripts/l10n.ts";
import { installBundle } from "../../../server/src/text/l10n.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
export const SOURCES = ["client/src", "client/webview", "server/src"];
let read: Extracted | undefined;

/** The texts of the sources, read once. */
export function extracted(): Extracted {
  read ??= extract(root, SOURCES);
  return read;
}

/** Runs `work` with the marking bundle installed. */
export function withMarks<T>(work: (keys: readonly string[]) => T): T {
  const keys: string[] = [];
  const ids = new Map<string, number>();
  const bundle = new Proxy<Record<string, string>>(
    {},
    {
      get(_, key) {
        if (typeof key !== "string") return undefined;
        const id = ids.get(key) ?? keys.push(key) - 1;
        ids.set(key, id);
        return `⟦${id}:${key.replace(/\{(\d+)\}/g, "⟨{$1}⟩")}⟧`;
      },
    },
  );
  installBundle(bundle, "en");
  try {
    return work(keys);
  } finally {
    installBundle(undefined);
  }
}

/** The text without its marks, as a reader of English sees it. */
export function plain(marked: string): string {
  return marked.replace(/⟦\d+:|[⟧⟨⟩]/g, "");
}

/** The parts of a marked text that are in no translatable text: words here cannot be translated. */
export function unmarked(marked: string): string {
  let depth = 0;
  let left = "";
  for (const char of marked) {
    if (char === "⟦") depth += 1;
    else if (char === "⟧") depth -= 1;
    else if (depth === 0) left += char;
  }
  return left;
}

/**
 * The number of characters that are fixed text: neither values nor, where `counts` is false, texts of other places (a failure
 * reason embedded in a message).
 */
export function fixedLength(marked: string, counts: (id: number) => boolean): number {
  let length = 0;
  /** Innermost last: whether characters at this level are fixed text that counts. */
  const levels: boolean[] = [];
  for (let i = 0; i < marked.length; i++) {
    const char = marked[i];
    if (char === "⟦") {
      const end = marked.indexOf(":", i);
      levels.push(counts(Number(marked.slice(i + 1, end))));
      i = end;
    } else if (char === "⟨") levels.push(false);
    else if (char === "⟧" || char === "⟩") levels.pop();
    else if (levels.at(-1) === true) length += 1;
  }
  return length;
}
