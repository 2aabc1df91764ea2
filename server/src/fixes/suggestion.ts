/** The fix for "did you mean": replaces the argument with the similar name. */
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import { type Fix, replaceFix } from "./fix.ts";

export function suggestionFix({ suggestion }: { readonly suggestion?: string }, source: Origin): readonly Fix[] {
  return suggestion === undefined ? [] : [replaceFix(t`Change to \`${suggestion}\``, source, suggestion)];
}
