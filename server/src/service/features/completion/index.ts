/**
 * Completion at a position: keywords of the context, literals and values of the arguments, names in scope, and free
 * addresses. Derived from the schema and the topology; works in incomplete files, because every text has a tree.
 */
import type { Analysis } from "../../analysis.ts";
import { type KnetPlace, knetPlaceAt } from "../place.ts";
import type { Workspace } from "../suggestions/suggestion.ts";
import type { Completion } from "./item.ts";
import { keywords } from "./keywords.ts";
import { values } from "./values.ts";

const MOST = 500;

export function completionsAt(analysis: Analysis, file: string, offset: number, workspace: Workspace): Completion {
  const place = knetPlaceAt(analysis, file, offset);
  if (!place || place.path.inComment) return { items: [], incomplete: false };
  const all = atKeyword(place) ? keywords(place) : values(analysis, place, workspace);
  const typed = all[0] ? place.file.tree.text.slice(all[0].replace.start, offset) : "";
  // A few hundred items are enough; items that begin with the typed text are first.
  if (all.length <= MOST) return { items: all, incomplete: false };
  const begin = all.filter(({ label }) => label.startsWith(typed));
  const rest = all.filter(({ label }) => !label.startsWith(typed) && label.includes(typed));
  return { items: [...begin, ...rest].slice(0, MOST), incomplete: true };
}

function atKeyword({ path }: KnetPlace): boolean {
  const last = path.statements.at(-1);
  return !last || path.part === "keyword" || last.block === path.block;
}
