/** Helpers of the tests in this folder: declarations as text, problems marked below their span. */

import { formatIp, formatPrefix } from "../../../server/src/addressing/ip.ts";
import type { Decl, DeclProblem } from "../../../server/src/declared/decl.ts";
import type { Value } from "../../../server/src/declared/values.ts";
import { decodeFile } from "../../../server/src/frontends/knet/decode.ts";
import { statementOf } from "../../../server/src/frontends/knet/handle.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { positionsOf } from "../../../server/src/frontends/knet/positions.ts";
import type { Statement } from "../../../server/src/frontends/knet/tree.ts";
import { requirementText } from "../../../server/src/topology/selector.ts";

export interface Found {
  readonly statement: Statement;
  readonly problem: DeclProblem;
}

export function problemsIn(decls: readonly Decl[]): Found[] {
  const found: Found[] = [];
  for (const decl of decls) {
    for (const problem of decl.problems) found.push({ statement: statementOf(problem.decl ?? decl), problem });
    found.push(...problemsIn(decl.children));
  }
  return found;
}

/** Objects as the list of their values. */
function shown(value: unknown): string {
  return typeof value === "object" && value !== null ? Object.values(value).map(shown).join(" ") : String(value);
}

/** The text with each problem below the line that contains it: `^^^ KN006 expected: …`. */
export function annotated(text: string): string {
  const tree = parse(text);
  const positions = positionsOf(tree);
  const notes = new Map<number, string[]>();
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  for (const { statement, problem } of problemsIn(decodeFile(tree))) {
    const span = positions.spanOf(statement, problem.part);
    if (span === undefined) throw new Error(`no place for ${problem.code}`);
    const line = lineStarts.filter((start) => start <= span.start).length - 1;
    const column = span.start - lineStarts[line]!;
    const values = Object.entries<unknown>(problem.data).map(([name, value]) => `${name}: ${shown(value)}`);
    const marks = "^".repeat(Math.max(1, span.end - span.start));
    const note = `${" ".repeat(column)}${marks} ${problem.code} ${values.join("; ")}`;
    notes.set(line, [...(notes.get(line) ?? []), note]);
  }
  const lines = text.replace(/\n$/, "").split("\n");
  return `\n${lines.flatMap((line, index) => [line, ...(notes.get(index) ?? [])]).join("\n")}\n`;
}

/** Statements with the values of their arguments: `attach segment=lan addresses=10.0.0.1/24,fd00::1`. */
export function printDecls(decls: readonly Decl[], indent = ""): string {
  return decls
    .map((decl) => {
      const { spec, values, children } = decl;
      const statement = statementOf(decl);
      const names = [...new Set(values.map(({ name }) => name))];
      const args = names.map((name) => {
        const read = values.filter((one) => one.name === name).map(({ value }) => printValue(value));
        return values.some((one) => one.name === name && one.value.kind === "flag")
          ? name
          : `${name}=${read.join(",")}`;
      });
      const head = `${indent}${spec?.keyword ?? `?${statement.keyword.text}`} ${args.join(" ")}`.trimEnd();
      return [head, printDecls(children, `${indent}  `)].filter((text) => text !== "").join("\n");
    })
    .join("\n");
}

export function printValue(value: Value): string {
  switch (value.kind) {
    case "name":
    case "word":
    case "string":
      return value.text;
    case "ref":
      return value.address === undefined ? value.path.join("/") : `address ${formatIp(value.address)}`;
    case "address":
      return formatIp(value.ip);
    case "prefix":
      return formatPrefix(value.prefix);
    case "default-route":
      return "default";
    case "interface-address":
      return value.len === undefined ? formatIp(value.ip) : `${formatIp(value.ip)}/${value.len}`;
    case "length":
      return `/${value.len}`;
    case "number":
    case "boolean":
      return String(value.value);
    case "ports":
      return `${value.first}-${value.last}/${value.proto ?? "any"}`;
    case "index-range":
      return `${value.first}..${value.last} width ${value.width}`;
    case "port-name":
      return `${value.name}/${value.proto ?? "any"}`;
    case "requirement":
      return value.requirement === undefined ? "*" : requirementText(value.requirement);
    case "icmp-type":
      return `${value.type}/${value.code ?? "any"}`;
    case "mark":
      return `${value.value}/${value.mask}`;
    case "label":
      return `${value.key}=${value.value}`;
    case "flag":
      return "there";
    case "endpoint": {
      const host = value.address === undefined ? value.path : `address ${formatIp(value.address)}`;
      return value.port === undefined ? host : `${host} port ${value.port}/${value.proto ?? "any"}`;
    }
  }
}
