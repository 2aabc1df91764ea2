/** The drawing as text, for screen readers, terminals, and commit messages. */

import { number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { podText } from "./layout.ts";
import type { MapStation, TopologyMap } from "./model.ts";

export function mapText({ clusters, segments, stations }: TopologyMap): string {
  const loose = stations.filter(({ links }) => links.length === 0);
  const blocks = [
    ...clusters.map(({ name, facts }) => [`cluster ${name}: ${facts.join("; ")}`]),
    ...segments.map(({ name, facts }) => [
      `segment ${name}: ${facts.join("; ")}`,
      ...stations.flatMap((station) => stationLines(station, name)),
    ]),
    ...(loose.length === 0
      ? []
      : [[t`not attached to a segment:`, ...loose.map(({ item }) => `  ${item.kind} ${item.name}`)]]),
  ];
  return blocks.map((lines) => `${lines.join("\n")}\n`).join("\n");
}

/** Lists a machine with its pods under its first segment; under further segments, only its interfaces. */
function stationLines({ item, links, pods, morePods }: MapStation, segment: string): readonly string[] {
  const here = links.filter((link) => link.segment === segment);
  if (here.length === 0) return [];
  const isHome = links[0]?.segment === segment;
  const facts = isHome && item.facts.length > 0 ? `; ${item.facts.join("; ")}` : "";
  return [
    `  ${item.kind} ${item.path ?? item.name}${item.name.includes("…") ? ` (${item.name})` : ""}: ${here.map(({ text }) => text).join(", ")}${facts}`,
    ...(isHome ? pods.map((pod) => `    pod ${podText(pod)}`) : []),
    ...(isHome && morePods > 0 && pods.length > 0 ? [`    ${t`and ${number(morePods)} more`}`] : []),
  ];
}
