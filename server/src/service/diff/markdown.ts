/** A comparison in Markdown, for a comment on a pull request: a summary, tables, and long lists in collapsed sections. */
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { visible } from "../../text/visible.ts";
import { isSame } from "./diff.ts";
import type { Diff, DiffDiagnostic, DiffMachines } from "./schema.ts";
import {
  type ConnectionRow,
  connectionRows,
  connectionSummary,
  endText,
  findingSummary,
  machinesText,
  placeText,
  routeSummary,
  severityText,
} from "./words.ts";

/** GitHub accepts comments of up to 65,536 characters. */
const MOST_CHARACTERS = 60_000;
/** Rows outside and inside of a collapsed section. */
const MOST_SHOWN = 15;
const MOST_ROWS = 150;
const MOST_LINES = 60;

export function diffMarkdown(diff: Diff): string {
  const title = `### ${t`Network changes`}: ${code(diff.before)} → ${code(diff.after)}`;
  const notes = diff.notes.map((note) => `> ${plain(note)}`);
  if (isSame(diff))
    return `${[title, t`No change of connections, routes, rules, or findings.`, ...notes].join("\n\n")}\n`;
  const summary = [
    connectionSummary(diff.connections),
    findingSummary(diff.diagnostics),
    routeSummary(diff.routes),
  ].map((line) => `- ${line}`);
  return bounded([
    title,
    summary.join("\n"),
    ...notes,
    ...connectionTables(diff.connections),
    ...endpointTable(diff.endpoints),
    ...findingTables(diff.diagnostics),
    ...machineLists(diff.routes),
  ]);
}

/** Whole parts only: half a table or an open section would hide the rest of the comment. */
function bounded(parts: readonly string[]): string {
  const shown: string[] = [];
  let length = 0;
  for (const part of parts) {
    if (length + part.length > MOST_CHARACTERS)
      return `${[...shown, t`The comparison is too long for a comment; \`knet diff\` shows all of it.`].join("\n\n")}\n`;
    shown.push(part);
    length += part.length + 2;
  }
  return `${shown.join("\n\n")}\n`;
}

/* ------------------------------------------------------------------ tables */

function connectionTables(connections: Diff["connections"]): readonly string[] {
  const head = ["", t`from`, t`to`, t`ports`, t`pairs of pods`];
  const rows = connectionRows(connections).map((row) => [
    kindText(row.kind),
    plain(row.from),
    plain(row.to),
    plain(row.ports),
    plain(row.where),
  ]);
  return tables(t`Connections`, head, rows);
}

function kindText(kind: ConnectionRow["kind"]): string {
  switch (kind) {
    case "opened":
      return `🔴 ${t`opened`}`;
    case "closed":
      return `🟢 ${t`closed`}`;
    case "changed":
      return `🟡 ${t`changed`}`;
  }
}

function endpointTable({ added, removed, renamed }: Diff["endpoints"]): readonly string[] {
  const rows = [
    ...added.map((end) => [t`added`, plain(endText(end))]),
    ...removed.map((end) => [t`removed`, plain(endText(end))]),
    ...renamed.map(({ before, after }) => [t`renamed`, plain(`${before} → ${after}`)]),
  ];
  return tables(t`Endpoints`, ["", t`endpoint`], rows);
}

function findingTables({ added, removed, changed }: Diff["diagnostics"]): readonly string[] {
  const row = (kind: string, one: DiffDiagnostic): readonly string[] => [
    kind,
    severityText(one),
    one.code,
    placeText(one) === "" ? "" : code(placeText(one)),
    plain(one.message),
  ];
  const rows = [
    ...added.map((one) => row(t`added`, one)),
    ...changed.map(({ after }) => row(t`changed`, after)),
    ...removed.map((one) => row(t`resolved`, one)),
  ];
  return tables(t`Findings`, ["", t`severity`, t`code`, t`location`, t`message`], rows);
}

/** The first rows as a table, the others in a collapsed section. */
function tables(title: string, head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const [shown, hidden] = [rows.slice(0, MOST_SHOWN), rows.slice(MOST_SHOWN, MOST_ROWS)];
  const rest = rows.length - shown.length;
  const cut = rows.length - MOST_ROWS;
  const more = cut > 0 ? `\n\n${t`and ${number(cut)} more`}` : "";
  return [
    `#### ${title}`,
    table(head, shown),
    ...(rest > 0 ? [details(plural(rest, "more row"), `${table(head, hidden)}${more}`)] : []),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function details(summary: string, content: string): string {
  return `<details><summary>${html(summary)}</summary>\n\n${content}\n\n</details>`;
}

/* ---------------------------------------------------------------- machines */

function machineLists({ added, removed, renamed, classes }: Diff["routes"]): readonly string[] {
  const machines = [
    ...added.map((path) => `+ ${path}`),
    ...removed.map((path) => `- ${path}`),
    ...renamed.map(({ before, after }) => `! ${before} → ${after}`),
  ];
  if (machines.length + classes.length === 0) return [];
  const shown = classes.slice(0, MOST_SHOWN);
  const rest = classes.length - shown.length;
  return [
    `#### ${t`Routes and rules`}`,
    ...(machines.length === 0 ? [] : [fenced(machines)]),
    ...shown.map(machineList),
    ...(rest > 0 ? [t`and ${number(rest)} more groups of machines`] : []),
  ];
}

function machineList(one: DiffMachines): string {
  const lines = one.sections.flatMap(({ command, added, removed }) => [
    `# ${command}`,
    ...removed.map((text) => `- ${text}`),
    ...added.map((text) => `+ ${text}`),
  ]);
  return details(machinesText(one), fenced(lines));
}

function fenced(lines: readonly string[]): string {
  const rest = lines.length - MOST_LINES;
  const shown = rest > 0 ? [...lines.slice(0, MOST_LINES), t`and ${number(rest)} more`] : lines;
  return ["```diff", ...shown.map((line) => visible(line).replaceAll("```", "'''")), "```"].join("\n");
}

/* -------------------------------------------------------------------- text */

function code(text: string): string {
  return `\`${visible(text).replaceAll("`", "'")}\``;
}

/** Text from files: only code in backticks is markup. */
function plain(text: string): string {
  return visible(text)
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : escaped(part)))
    .join("");
}

/** An empty comment separates @ from a name, so GitHub sends no notification. */
function escaped(text: string): string {
  return html(text.replace(/[\\*_[\]#~`]/g, "\\$&")).replaceAll("@", "@<!-- -->");
}

function html(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
