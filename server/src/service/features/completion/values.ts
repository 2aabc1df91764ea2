/** Values and literals for the arguments of a statement. */

import type { ArgSpec } from "../../../declared/schema/index.ts";
import { statementOf } from "../../../frontends/knet/handle.ts";
import { innerSpan } from "../../../frontends/knet/point.ts";
import { partArg } from "../../../frontends/knet/positions.ts";
import { translated } from "../../../text/l10n.ts";
import type { Span } from "../../../text/span.ts";
import type { Analysis } from "../../analysis.ts";
import type { KnetPlace } from "../place.ts";
import { suggestionsFor } from "../suggestions/index.ts";
import type { Suggestion, Workspace } from "../suggestions/suggestion.ts";
import { expectedAt, type Literal } from "./expected.ts";
import type { CompletionItem } from "./item.ts";

export function values(analysis: Analysis, place: KnetPlace, workspace: Workspace): readonly CompletionItem[] {
  const { path, decls, offset } = place;
  const decl = decls[path.statements.length - 1];
  const start = path.starts.at(-1);
  if (!decl?.spec || start === undefined) return [];
  const statement = statementOf(decl);
  const index = typeof path.part === "number" ? path.part : typeof path.part === "object" ? path.part[0] : path.next;
  const typed = path.part === undefined || path.part === "whole" ? undefined : partArg(statement, path.part);
  // If the part is a whole list, the cursor is between its items, unless it touches the list from outside.
  const inList = typed?.kind === "list";
  if (
    inList &&
    (offset <= start + typed.start || offset >= start + typed.start + typed.length) &&
    typed.text.endsWith("]")
  )
    return [];
  const replace = typed && !inList ? innerSpan(typed, start, place.file.tree.text) : { start: offset, end: offset };
  // There are no values outside the quotes of a string.
  if (offset < replace.start || offset > replace.end) return [];
  const expected = expectedAt(decl, decl.spec, statement.args.slice(0, index));
  const items: CompletionItem[] = [];
  for (const arg of expected.values) {
    const given = { analysis, place, decl, spec: arg };
    for (const suggestion of suggestionsFor(given, typed?.kind === "list" ? undefined : typed, workspace)) {
      items.push(valueItem(suggestion, replace, commitAfter(arg, suggestion)));
    }
  }
  if (typed === undefined || typed.kind === "word" || typed.kind === "arrow") {
    const following = typed === undefined ? [] : statement.args.slice(index + 1).map(({ text }) => text);
    for (const literal of expected.literals) items.push(literalItem(literal, replace, following));
  }
  return items;
}

/** A port can follow a path, and the next argument a choice; an address or a number can itself be incomplete. */
function commitAfter({ type }: ArgSpec, { kind }: Suggestion): readonly string[] {
  if (type.kind === "endpoint" && kind === "name") return type.port ? [" ", ":"] : [" "];
  return kind === "enum" || kind === "name" ? [" "] : [];
}

function valueItem(suggestion: Suggestion, replace: Span, commit: readonly string[]): CompletionItem {
  const { label, kind, detail, documentation } = suggestion;
  return {
    label,
    kind,
    detail,
    documentation,
    insert: suggestion.insert ?? label,
    snippet: false,
    replace: { start: replace.start + (suggestion.skip ?? 0), end: replace.end - (suggestion.keep ?? 0) },
    more: false,
    commit,
  };
}

/** `following`: the tokens after the cursor. */
function literalItem(
  { text, summary, followed }: Literal,
  replace: Span,
  following: readonly string[],
): CompletionItem {
  const [first = "", ...rest] = text.split(" ");
  const isThere = rest.length > 0 && rest.every((word, index) => following[index] === word);
  return {
    label: text,
    kind: "literal",
    detail: translated(summary),
    documentation: undefined,
    insert: isThere ? first : followed ? `${text} ` : text,
    snippet: false,
    replace,
    more: followed && !isThere,
    commit: followed ? [] : [" "],
  };
}
