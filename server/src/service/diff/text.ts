/** A comparison as text for a terminal: what matters first, long lists shortened. */
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { isSame } from "./diff.ts";
import type { Diff, DiffDiagnostic, Renamed } from "./schema.ts";
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
  traceCommand,
} from "./words.ts";

/** Lines per list; the JSON form has all. */
const MOST_LINES = 40;

export function diffText(diff: Diff): string {
  const notes = diff.notes.map((note) => t`note: ${note}`);
  if (isSame(diff))
    return `${[
      notes.length === 0
        ? t`no change of connections, routes, rules, or findings`
        : t`no change in the parts that were compared`,
      ...notes,
    ].join("\n")}\n`;
  const parts = [
    [`--- ${diff.before}`, `+++ ${diff.after}`, ...notes],
    connectionLines(diff),
    endpointLines(diff.endpoints),
    findingLines(diff.diagnostics),
    routeLines(diff.routes),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

const SIGNS: Readonly<Record<ConnectionRow["kind"], string>> = { opened: "+", closed: "-", changed: "~" };

function connectionLines({ connections, before, after }: Diff): readonly string[] {
  const rows = connectionRows(connections);
  if (rows.length === 0) return [];
  const lines = rows.map(({ kind, from, to, ports, where }) => {
    const sign = SIGNS[kind];
    return `  ${sign} ${from} -> ${to}  ${ports}${where === "" ? "" : ` (${where})`}`;
  });
  const opened = rows.filter(({ kind }) => kind === "opened");
  const others = rows.filter(({ kind }) => kind !== "opened");
  const traces = [
    traceCommand(after, opened, "after"),
    traceCommand(before, others, "before"),
    traceCommand(after, others, "after"),
  ].flatMap((command) => (command === undefined ? [] : `    ${command}`));
  return [
    connectionSummary(connections),
    ...shortened(lines),
    ...(traces.length === 0 ? [] : [`  ${t`to see the packets:`}`, ...traces]),
  ];
}

function endpointLines({ added, removed, renamed }: Diff["endpoints"]): readonly string[] {
  const lines = [
    ...added.map((end) => `  + ${endText(end)}`),
    ...removed.map((end) => `  - ${endText(end)}`),
    ...renamed.map(renamedText),
  ];
  if (lines.length === 0) return [];
  return [
    t`${plural(added.length, "endpoint")} added, ${number(removed.length)} removed, ${number(renamed.length)} renamed`,
    ...shortened(lines),
  ];
}

function renamedText({ before, after }: Renamed): string {
  return `  ~ ${before} -> ${after}`;
}

function findingLines(diagnostics: Diff["diagnostics"]): readonly string[] {
  const { added, removed, changed } = diagnostics;
  const line = (sign: string, one: DiffDiagnostic): string =>
    `  ${sign} ${[placeText(one), severityText(one), one.code].filter((part) => part !== "").join(" ")}  ${one.message}`;
  const lines = [
    ...added.map((one) => line("+", one)),
    ...removed.map((one) => line("-", one)),
    ...changed.map(({ after }) => line("~", after)),
  ];
  return lines.length === 0 ? [] : [findingSummary(diagnostics), ...shortened(lines)];
}

function routeLines(routes: Diff["routes"]): readonly string[] {
  const { added, removed, renamed, classes } = routes;
  const machines = [
    ...added.map((path) => `  + ${path}`),
    ...removed.map((path) => `  - ${path}`),
    ...renamed.map(renamedText),
  ];
  if (machines.length + classes.length === 0) return [];
  return [routeSummary(routes), ...shortened(machines), ...shortenedClasses(classes)];
}

function shortenedClasses(classes: Diff["routes"]["classes"]): readonly string[] {
  const shown = classes.slice(0, MOST_LINES);
  const rest = classes.length - shown.length;
  return [
    ...shown.flatMap((one) => [
      `  ${machinesText(one)}`,
      ...one.sections.flatMap(({ command, added, removed }) => [
        `    # ${command}`,
        ...shortened([...removed.map((text) => `    - ${text}`), ...added.map((text) => `    + ${text}`)]),
      ]),
    ]),
    ...(rest > 0 ? [`  ${t`and ${number(rest)} more groups of machines (all: --format json)`}`] : []),
  ];
}

function shortened(lines: readonly string[]): readonly string[] {
  if (lines.length <= MOST_LINES) return lines;
  const rest = lines.length - MOST_LINES + 1;
  return [...lines.slice(0, MOST_LINES - 1), `    ${t`and ${number(rest)} more (all: --format json)`}`];
}
