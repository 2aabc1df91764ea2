/** A matrix as text, and as comma-separated values. */

import { t } from "../../text/l10n.ts";
import { portsText } from "../policy/ports.ts";
import { type MatrixEnds, type Pair, toConnection } from "./matrix.ts";
import type { MatrixEnd } from "./schema.ts";

export function nameOf(end: MatrixEnd): string {
  return "range" in end ? end.range : end.path;
}

/** One row per port range: from,to,protocol,ports. */
export function* csvOf(pairs: Iterable<Pair>): Iterable<string> {
  yield "from,from_kind,to,to_kind,proto,ports\n";
  for (const pair of pairs) {
    const { from, to, allowed } = toConnection(pair);
    for (const { proto, ports } of allowed)
      yield `${nameOf(from)},${kindOf(from)},${nameOf(to)},${kindOf(to)},${proto},${ports}\n`;
  }
}

function kindOf(end: MatrixEnd): string {
  return "range" in end ? "Range" : end.kind;
}

/**
 * Senders with the same receivers are one group, and so are the receivers with the same ports. Ranges are abbreviated
 * if they cover all external addresses.
 */
export function* textOf(pairs: Iterable<Pair>, ends: MatrixEnds): Iterable<string> {
  const outside = ends.outside.map(nameOf);
  const bySender = new Map<string, Map<string, string[]>>();
  for (const { from, to, ports } of pairs) {
    const sender = nameOf(from);
    let row = bySender.get(sender);
    if (row === undefined) {
      row = new Map();
      bySender.set(sender, row);
    }
    const text = portsText(ports);
    const there = row.get(text);
    if (there === undefined) row.set(text, [nameOf(to)]);
    else there.push(nameOf(to));
  }
  const rows = new Map<string, { readonly senders: string[]; readonly row: ReadonlyMap<string, readonly string[]> }>();
  for (const [sender, row] of bySender) {
    // A receiver of a group can be one of its senders: two senders that reach each other have different lists and are
    // listed separately.
    const key = [...row].map(([ports, receivers]) => `${ports}: ${receivers.join(" ")}`).join("\n");
    const same = rows.get(key);
    if (same === undefined) rows.set(key, { senders: [sender], row });
    else same.senders.push(sender);
  }
  let isFirst = true;
  for (const { senders, row } of rows.values()) {
    if (!isFirst) yield "\n";
    isFirst = false;
    yield `${wrapped(shortened(senders, outside), "")}\n`;
    const width = Math.max(...[...row.keys()].map((ports) => ports.length));
    for (const [ports, receivers] of row) {
      yield `  ${ports.padEnd(Math.min(width, 40))} -> ${wrapped(shortened(receivers, outside), " ".repeat(Math.min(width, 40) + 6))}\n`;
    }
  }
  const silent = ends.from.map(nameOf).filter((name) => !bySender.has(name));
  if (silent.length > 0) yield `${isFirst ? "" : "\n"}${wrapped(silent, "")}\n  ${t`cannot reach anything`}\n`;
}

function shortened(names: readonly string[], outside: readonly string[]): readonly string[] {
  const there = new Set(names);
  if (outside.length === 0 || !outside.every((name) => there.has(name))) return names;
  const rest = names.filter((name) => !outside.includes(name));
  return [...rest, t`all external addresses`];
}

const WIDTH = 100;

function wrapped(names: readonly string[], indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const [index, name] of names.entries()) {
    const word = index + 1 < names.length ? `${name}, ` : name;
    if (line !== "" && indent.length + line.length + word.length > WIDTH) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += word;
  }
  return [...lines, line].join(`\n${indent}`);
}
