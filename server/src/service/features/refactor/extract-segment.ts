/** Refactorings: extract one of several prefixes into a separate segment, and declare a missing segment. */

import { formatIp, formatPrefix, type Prefix, prefixContains } from "../../../addressing/ip.ts";
import { all } from "../../../declared/access.ts";
import type { Change } from "../../../declared/change.ts";
import { partOf } from "../../../declared/handle.ts";
import type { Origin } from "../../../declared/origin.ts";
import { argOf } from "../../../frontends/knet/handle.ts";
import type { TextEdit } from "../../../text/edit.ts";
import { t } from "../../../text/l10n.ts";
import { newlineOf } from "../../../text/lines.ts";
import type { Span } from "../../../text/span.ts";
import type { Interface, Segment, Topology } from "../../../topology/model.ts";
import { stationAt } from "../../../topology/stations.ts";
import type { Analysis } from "../../analysis.ts";
import { knetFile } from "../../knet.ts";
import { fixEdits } from "../fixes.ts";
import { blocksAround, freePrefixes, usedRanges } from "../free.ts";
import { placeAt, placedIn } from "../place.ts";
import { byHandle } from "../statements.ts";
import { symbolsOf } from "../symbols.ts";
import type { Refactoring } from "./refactoring.ts";

export function extractSegment(analysis: Analysis, file: string, selection: Span): readonly Refactoring[] {
  return [...splitPrefix(analysis, file, selection), ...declareMissing(analysis, file, selection)];
}

/* ------------------------------------------------------------------- split */

/** Offered if the cursor is on one of several prefixes of a segment. */
function splitPrefix(analysis: Analysis, file: string, selection: Span): readonly Refactoring[] {
  const checked = knetFile(analysis, file);
  if (!checked) return [];
  const made = byHandle(analysis);
  const around = placedIn(checked, selection);
  const outer = around.find(({ decl }) => made.segments.has(decl.handle));
  const segment = outer && made.segments.get(outer.decl.handle);
  if (!outer || !segment || segment.cidrs.length < 2) return [];
  for (const { decl, start } of around) {
    for (const read of all(decl, "prefixes")) {
      const from = start + argOf(decl, read).start;
      const { value } = read;
      if (value.kind !== "prefix" || selection.start < from || selection.end > from + argOf(decl, read).length)
        continue;
      const only = all(decl, "prefixes").length === 1;
      const source: Origin = { file, decl, part: only ? "whole" : partOf(read) };
      return split(analysis, segment, value.prefix, source, {
        offset: outer.end,
        newline: newlineOf(checked.tree.text),
      });
    }
  }
  return [];
}

function split(
  analysis: Analysis,
  segment: Segment,
  prefix: Prefix,
  source: Origin,
  after: { readonly offset: number; readonly newline: string },
): readonly Refactoring[] {
  const { topology } = analysis;
  const name = freeName(topology, segment.name);
  const moves = topology.attachedTo(segment.name).map((iface) => moved(topology, iface, prefix, name));
  const changes: readonly Change[] = [{ kind: "remove", source }, ...moves.flat()];
  const edits = fixEdits(analysis, { title: "", edits: changes });
  if (!edits) return [];
  const gateways = segment.gateways.filter((ip) => prefixContains(prefix, ip));
  const lines = [
    `cidr ${formatPrefix(prefix)}`,
    ...(segment.mtu === 1500 ? [] : [`mtu ${segment.mtu}`]),
    ...(gateways.length === 0 ? [] : [`gateway ${gateways.map(formatIp).join(" ")}`]),
  ];
  const written = ["", `segment ${name} {`, ...lines.map((line) => `  ${line}`), "}"];
  const added: TextEdit = { start: after.offset, end: after.offset, text: written.join(after.newline) };
  const own = [...(edits.get(source.file) ?? []), added].sort((a, b) => a.start - b.start || a.end - b.end);
  const title = t`Extract ${formatPrefix(prefix)} into a separate segment`;
  return [{ title, kind: "extract", edits: new Map([...edits, [source.file, own]]) }];
}

function freeName(topology: Topology, name: string): string {
  for (let number = 2; ; number++) if (!topology.segments.has(`${name}-${number}`)) return `${name}-${number}`;
}

/** An interface with addresses of both prefixes is split in two. The new interface is the machine's last, so no device is renamed. */
function moved(topology: Topology, iface: Interface, prefix: Prefix, name: string): readonly Change[] {
  const leaving = iface.addresses.filter(({ ip }) => prefixContains(prefix, ip));
  if (leaving.length === 0) return [];
  const { source } = iface;
  if (leaving.length === iface.addresses.length)
    return [{ kind: "replace", source: { ...source, part: 0 }, text: name }];
  const station = stationAt(topology, iface.station.path);
  if (!station || iface.allocated) return [];
  const leavers = new Set(leaving.map(({ ip }) => formatIp(ip)));
  const removed = source.decl.values.flatMap((read): readonly Change[] =>
    leavers.has(read.text.split("/")[0] ?? "") ? [{ kind: "remove", source: { ...source, part: partOf(read) } }] : [],
  );
  const text = `attach ${name} ${[...leavers].join(" ")}`;
  return [...removed, { kind: "append", source: station.source, text }];
}

/* ----------------------------------------------------------------- declare */

/** Offered if the cursor is on the name of an undeclared segment. */
function declareMissing(analysis: Analysis, file: string, selection: Span): readonly Refactoring[] {
  const checked = knetFile(analysis, file);
  if (!checked) return [];
  const placed = placedIn(checked, selection);
  const [top] = placed;
  const table = symbolsOf(analysis);
  const uses = placed.length > 0 ? table.usesIn(file, placeAt(analysis, file, selection.start)?.decls ?? []) : [];
  const use = uses.find(({ kinds }) => kinds.length === 1 && kinds[0] === "segment");
  if (!top || !use || use.path.length !== 1 || table.resolve(use).length > 0) return [];
  const [name = ""] = use.path;
  const others = [...analysis.topology.segments.values()].flatMap(({ cidrs }) => cidrs);
  const like = others.findLast(({ ip }) => typeof ip === "number");
  const [free] = freePrefixes(blocksAround(like, 4), like?.len ?? 24, usedRanges(analysis.topology));
  if (!free) return [];
  const lines = [`segment ${name} {`, `  cidr ${formatPrefix(free)}`, "}", ""];
  const text = lines.join(newlineOf(checked.tree.text));
  const edits = new Map([[file, [{ start: top.start, end: top.start, text }]]]);
  const title = t`Declare segment \`${name}\` with next free prefix ${formatPrefix(free)}`;
  return [{ title, kind: "extract", edits }];
}
