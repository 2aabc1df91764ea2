/** The topology diagram for Graphviz. */
import type { MapItem, MapStation, TopologyMap } from "../../service/map/model.ts";
import { number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export function mapDot({ clusters, segments, stations }: TopologyMap): string {
  const lines = [
    "graph topology {",
    "  rankdir=TB;",
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
    '  edge [fontname="sans-serif"];',
  ];
  for (const [index, item] of segments.entries())
    lines.push(`  s${index} [shape=box, style="filled", fillcolor="#e8edf5", label=${label(item)}];`);
  for (const [index, station] of stations.entries())
    if (station.cluster === undefined) lines.push(`  ${machine(station, index)}`);
  for (const [at, cluster] of clusters.entries()) {
    lines.push(`  subgraph cluster_${at} {`, `    label=${label(cluster)};`);
    for (const [index, station] of stations.entries()) {
      if (station.cluster !== cluster.name) continue;
      lines.push(`    ${machine(station, index)}`);
      for (const [place, pod] of station.pods.entries())
        lines.push(
          `    m${index}p${place} [shape=ellipse, label=${label(pod)}];`,
          `    m${index} -- m${index}p${place} [style=dotted];`,
        );
      if (station.pods.length > 0 && station.morePods > 0)
        lines.push(
          `    m${index}more [shape=plaintext, label=${quoted(t`and ${number(station.morePods)} more`)}];`,
          `    m${index} -- m${index}more [style=dotted];`,
        );
    }
    lines.push("  }");
  }
  const rows = new Map(segments.map(({ name }, index) => [name, index]));
  for (const [index, { links }] of stations.entries()) {
    for (const { segment, text } of links) {
      const row = rows.get(segment);
      if (row !== undefined) lines.push(`  s${row} -- m${index} [label=${quoted(text)}];`);
    }
  }
  return `${[...lines, "}"].join("\n")}\n`;
}

function machine({ item }: MapStation, index: number): string {
  return `m${index} [label=${label(item)}${item.kind === "router" ? ", shape=hexagon" : ""}];`;
}

function label({ kind, name, facts }: MapItem): string {
  return quoted([`${kind} ${name}`, ...facts].join("\n"));
}

/** In a quoted string, only the quotation mark and the backslash are special (graphviz.org, The DOT Language). */
function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
