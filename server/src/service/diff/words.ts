/** The parts of a comparison as phrases, for its text and Markdown forms. */
import { list, number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Diff, DiffConnection, DiffDiagnostic, DiffEnd, DiffMachines, Scope } from "./schema.ts";

type Connections = Diff["connections"];
export type AnyConnection = Connections["added"][number] | Connections["changed"][number];

export interface ConnectionRow {
  readonly kind: "opened" | "closed" | "changed";
  readonly from: string;
  readonly to: string;
  readonly ports: string;
  /** The pairs of pods, and the basis of the result; can be empty. */
  readonly where: string;
  readonly entry: AnyConnection;
  /** The ports that were opened or closed. */
  readonly differs: DiffConnection["allowed"];
}

/** Opened connections first: they are a risk. */
export function connectionRows({ added, removed, changed }: Connections): readonly ConnectionRow[] {
  const row = (
    kind: ConnectionRow["kind"],
    entry: AnyConnection,
    differs: DiffConnection["allowed"],
    ports = allowedText(differs),
  ): ConnectionRow => ({
    kind,
    entry,
    differs,
    from: endsText(entry.from, entry),
    to: endsText(entry.to, entry),
    ports,
    where: whereText(entry),
  });
  return [
    ...added.map((entry) => row("opened", entry, entry.allowed)),
    ...removed.map((entry) => row("closed", entry, entry.allowed)),
    ...changed.map((entry) =>
      row(
        "changed",
        entry,
        [...entry.opened, ...entry.closed],
        t`${allowedText(entry.before)} -> ${allowedText(entry.after)}`,
      ),
    ),
  ];
}

/** "12 connections opened, 1 closed, 2 changed". A connection is a sender and a receiver. */
export function connectionSummary({ added, removed, changed }: Connections): string {
  const count = (entries: readonly AnyConnection[]): number => entries.reduce((sum, entry) => sum + pairsIn(entry), 0);
  const [opened, closed, other] = [count(added), count(removed), count(changed)];
  return t`${plural(opened, "connection")} opened, ${number(closed)} closed, ${number(other)} changed`;
}

/** A single pod has no connection with itself. */
function pairsIn({ from, to }: AnyConnection): number {
  const pods = new Set(from.flatMap((end) => ("path" in end && end.kind === "Pod" ? end.path : [])));
  const selves = to.filter((end) => "path" in end && pods.has(end.path));
  return from.length * to.length - selves.length;
}

export function findingSummary({ added, removed, changed }: Diff["diagnostics"]): string {
  return t`${plural(added.length, "finding")} added, ${number(removed.length)} resolved, ${number(changed.length)} changed`;
}

export function routeSummary({ classes, added, removed }: Diff["routes"]): string {
  const count = classes.reduce((sum, { machines }) => sum + machines.length, 0);
  const machines = plural(count, "machine");
  return t`routes or rules changed on ${machines}, ${number(added.length)} added, ${number(removed.length)} removed`;
}

const MOST_ENDS = 5;

function endsText(ends: readonly DiffEnd[], { outside }: AnyConnection): string {
  if (outside === "all" && ends.every((end) => "range" in end)) return t`all external addresses`;
  return list(ends.map(endText), MOST_ENDS);
}

export function endText(end: DiffEnd): string {
  if ("host" in end) return t`host ${end.host} (${end.range})`;
  if ("range" in end) return end.range;
  if (end.nodes && end.pods) return t`${end.path} on ${list(end.nodes)} (and pods ${list(end.pods)})`;
  if (end.nodes) return t`${end.path} on ${list(end.nodes)}`;
  if (end.pods) return t`${end.path} (pods ${list(end.pods)})`;
  return end.path;
}

export function allowedText(allowed: DiffConnection["allowed"]): string {
  const isAll = (["tcp", "udp", "sctp"] as const).every((proto) =>
    allowed.some((one) => one.proto === proto && one.ports === "1-65535"),
  );
  if (isAll && allowed.some(({ proto }) => proto === "icmp")) return t`all traffic`;
  if (allowed.length === 0) return t`nothing`;
  return allowed
    .map(({ proto, ports }) => {
      if (proto === "icmp") return "icmp";
      return ports === "1-65535" ? t`all ${proto} ports` : `${ports}/${proto}`;
    })
    .join(", ");
}

function whereText({ scope = [], basis }: AnyConnection): string {
  const places = scope.filter((one) => one !== "ipv4" && one !== "ipv6").map(scopeText);
  const families = scope.filter((one) => one === "ipv4" || one === "ipv6").map(scopeText);
  return [
    ...(places.length === 0 ? [] : [list(places)]),
    ...families,
    ...(basis === undefined ? [] : [t`network policies only`]),
  ].join(", ");
}

function scopeText(scope: Scope): string {
  switch (scope) {
    case "same-node":
      return t`on the same node`;
    case "same-segment":
      return t`between nodes on the same segment`;
    case "different-segments":
      return t`between nodes on different segments`;
    case "formerly-same-segment":
      return t`between nodes that no longer share a segment`;
    case "newly-same-segment":
      return t`between nodes that now share a segment`;
    case "unplaced":
      return t`pods without a node or address`;
    case "ipv4":
      return "IPv4";
    case "ipv6":
      return "IPv6";
  }
}

export function machinesText({ kind, machines }: DiffMachines): string {
  const [only] = machines;
  if (machines.length === 1 && only !== undefined) {
    switch (kind) {
      case "node":
        return t`node ${only}`;
      case "router":
        return t`router ${only}`;
      case "host":
        return t`host ${only}`;
    }
  }
  switch (kind) {
    case "node":
      return t`${plural(machines.length, "node")} (${list(machines)})`;
    case "router":
      return t`${plural(machines.length, "router")} (${list(machines)})`;
    case "host":
      return t`${plural(machines.length, "host")} (${list(machines)})`;
  }
}

/** "prod.knet:12:3" */
export function placeText({ location }: DiffDiagnostic): string {
  if (!location) return "";
  const { line, character } = location.range.start;
  return `${location.file}:${line + 1}:${character + 1}`;
}

export function severityText({ severity }: DiffDiagnostic): string {
  switch (severity) {
    case "error":
      return t`error`;
    case "warning":
      return t`warning`;
    case "info":
      return t`info`;
    case "hint":
      return t`hint`;
  }
}

/** A packet to one of the ports of a receiver. */
export interface PacketQuery {
  readonly from: string;
  readonly to: string;
  readonly proto: DiffConnection["allowed"][number]["proto"];
  readonly port?: number;
}

/** A packet between two pods that the change affects; undefined: they do not exist on this side, or policies alone decide. */
export function packetOf(
  { example }: AnyConnection,
  ports: DiffConnection["allowed"],
  side: "before" | "after",
): PacketQuery | undefined {
  const [paths, first] = [example?.[side], ports[0]];
  if (!paths || !first) return undefined;
  const port = Number(first.ports.split("-")[0]);
  return { ...paths, proto: first.proto, ...(first.proto === "icmp" ? {} : { port }) };
}

/** `knet trace` for the first connection of the list with a packet. */
export function traceCommand(
  file: string,
  rows: readonly Pick<ConnectionRow, "entry" | "differs">[],
  side: "before" | "after",
): string | undefined {
  const [packet] = rows.flatMap(({ entry, differs }) => packetOf(entry, differs, side) ?? []);
  if (!packet || file === "-") return undefined;
  const { from, to, proto, port } = packet;
  const options = `${port === undefined ? "" : `--port ${port} `}--proto ${proto}`;
  return `knet trace ${[file, from, to].map(quoted).join(" ")} ${options}`;
}

/** An argument for a shell. */
function quoted(text: string): string {
  return /^[\w./:~@^-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
