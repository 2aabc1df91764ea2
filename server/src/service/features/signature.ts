/** Signature help: the arguments of a statement on one line, and the active argument. */

import type { Decl } from "../../declared/decl.ts";
import { describeType } from "../../declared/reading.ts";
import { type ArgSpec, type FlagSpec, isFlag, type KeywordSpec } from "../../declared/schema/index.ts";
import { statementOf } from "../../frontends/knet/handle.ts";
import { t, translated } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import type { Analysis } from "../analysis.ts";
import { expectedAt } from "./completion/expected.ts";
import { knetPlaceAt } from "./place.ts";

export interface Signature {
  readonly label: string;
  readonly documentation: string;
  /** Spans are offsets in the label. */
  readonly parameters: readonly { readonly span: Span; readonly documentation: string }[];
  readonly active: number;
}

export function signatureAt(analysis: Analysis, file: string, offset: number): Signature | undefined {
  const place = knetPlaceAt(analysis, file, offset);
  const decl = place?.decls[place.path.statements.length - 1];
  const statement = place?.path.statements.at(-1);
  if (!place || !decl?.spec || place.path.inComment || decl.spec.args.length === 0) return undefined;
  const { path } = place;
  if (path.part === "keyword" || path.block === statement?.block) return undefined;
  const index = typeof path.part === "number" ? path.part : typeof path.part === "object" ? path.part[0] : path.next;
  const active = activeArgument(decl, decl.spec, index);
  if (!active) return undefined;
  return describe(decl.spec, decl.spec.args.indexOf(active));
}

function activeArgument(decl: Decl, spec: KeywordSpec, index: number): ArgSpec | FlagSpec | undefined {
  const { values, literals } = expectedAt(decl, spec, statementOf(decl).args.slice(0, index));
  const typed = statementOf(decl).args[index]?.text;
  const named = (text: string | undefined): ArgSpec | FlagSpec | undefined =>
    spec.args.find((arg) => text !== undefined && (isFlag(arg) ? arg.name : arg.after) === text);
  return named(typed) ?? values[0] ?? named(literals[0]?.text);
}

function describe(spec: KeywordSpec, active: number): Signature {
  let label = spec.keyword;
  const parameters = spec.args.map((arg) => {
    const text = argumentText(arg, spec);
    const start = label.length + 1;
    label += ` ${text}`;
    return { span: { start, end: start + text.length }, documentation: documentationOf(arg) };
  });
  return { label, documentation: translated(spec.summary), parameters, active };
}

/** `route destination [via via…] [blackhole]`: brackets mark optional arguments. */
function argumentText(arg: ArgSpec | FlagSpec, spec: KeywordSpec): string {
  if (isFlag(arg)) return `[${arg.name}]`;
  const many = arg.many === true ? "…" : "";
  const text =
    arg.after === undefined
      ? `${arg.name}${many}`
      : `${arg.after} <${arg.name === arg.after ? arg.type.kind : arg.name}>${many}`;
  return arg.optional === true && spec.args.length > 1 ? `[${text}]` : text;
}

function documentationOf(arg: ArgSpec | FlagSpec): string {
  if (isFlag(arg)) return translated(arg.summary);
  const otherwise = arg.default === undefined ? "" : `\n\n${t`Default: ${translated(arg.default)}`}`;
  return `${translated(arg.summary)}: ${describeType(arg.type)}${otherwise}`;
}
