/** The topology diagram as a Mermaid flowchart. */
import type { MapItem, MapStation, TopologyMap } from "../../service/map/model.ts";
import { number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export function mapMermaid({ clusters, segments, stations }: TopologyMap): string {
  const lines = ["flowchart TB"];
  for (const [index, item] of segments.entries()) lines.push(`  s${index}[["${label(item)}"]]`);
  const draw = (station: MapStation, index: number, indent: string): void => {
    lines.push(...stationLines(station, index).map((line) => `${indent}${line}`));
  };
  for (const [index, station] of stations.entries()) if (station.cluster === undefined) draw(station, index, "  ");
  for (const [at, cluster] of clusters.entries()) {
    lines.push(`  subgraph c${at}["${label(cluster)}"]`);
    for (const [index, station] of stations.entries())
      if (station.cluster === cluster.name) draw(station, index, "    ");
    lines.push("  end");
  }
  const rows = new Map(segments.map(({ name }, index) => [name, index]));
  for (const [index, { links }] of stations.entries()) {
    for (const { segment, text } of links) {
      const row = rows.get(segment);
      if (row !== undefined) lines.push(`  s${row} ---|"${mermaidText(text)}"| m${index}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** A machine with pods is a group: the machine and a box for each pod. */
function stationLines({ item, pods, morePods }: MapStation, index: number): readonly string[] {
  const shape = item.kind === "router" ? ["{{", "}}"] : ["[", "]"];
  if (pods.length === 0) return [`m${index}${shape[0]}"${label(item)}"${shape[1]}`];
  const more = morePods > 0 ? [`  m${index}more["${mermaidText(t`and ${number(morePods)} more`)}"]`] : [];
  return [
    `subgraph m${index}["${label(item)}"]`,
    ...pods.map((pod, at) => `  m${index}p${at}("${label(pod)}")`),
    ...more,
    "end",
  ];
}

function label({ kind, name, facts }: MapItem): string {
  return [`${kind} ${name}`, ...facts].map(mermaidText).join("<br/>");
}

/** `#` starts an entity code (`#35;`); quotation marks and angle brackets would end the label or be read as HTML. */
function mermaidText(text: string): string {
  return text.replace(/[#;<>&"`|]/g, (char) => `#${char.charCodeAt(0)};`).replace(/\s+/g, " ");
}
