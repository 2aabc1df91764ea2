/** The fix for "did you mean": replaces the argument with the similar name. */
import type { Source } from "../../language/tree.ts";
import { t } from "../../text/l10n.ts";
import type { Fix, ProblemData } from "../check.ts";
import { replaceFix } from "../finding.ts";

export function suggestionFix({ suggestion }: ProblemData, source: Source): readonly Fix[] {
  return suggestion === undefined ? [] : [replaceFix(t`Change to \`${suggestion}\``, source, String(suggestion))];
}
