/** The topology diagram as an uncompressed draw.io file (mxGraphModel), with the layout of the drawing in the editor. */
import { layoutMap, type Place, podText } from "../../service/map/layout.ts";
import type { MapItem, TopologyMap } from "../../service/map/model.ts";
import { number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { escapeXml } from "../../trace/render/svg.ts";

const STYLES = {
  segment: "rounded=1;whiteSpace=wrap;html=0;fillColor=#e8edf5;strokeColor=#5b6f93;",
  router:
    "shape=hexagon;perimeter=hexagonPerimeter2;size=0.08;whiteSpace=wrap;html=0;verticalAlign=top;fillColor=#fff4d6;strokeColor=#a57b00;",
  host: "rounded=1;arcSize=4;whiteSpace=wrap;html=0;verticalAlign=top;fillColor=#f4f4f4;strokeColor=#666666;",
  node: "rounded=1;arcSize=4;whiteSpace=wrap;html=0;verticalAlign=top;fillColor=#e3f1e6;strokeColor=#3f7f4f;",
  pod: "rounded=1;whiteSpace=wrap;html=0;fontSize=10;fillColor=#ffffff;strokeColor=#3f7f4f;",
  cluster: "text;html=0;align=left;verticalAlign=top;",
} as const;

export function mapDrawio(map: TopologyMap): string {
  const { bars, boxes, height } = layoutMap(map);
  const cells: string[] = [];
  const add = (id: string, text: string, style: string, place: Place, parent = "1"): void => {
    cells.push(
      `<mxCell id="${id}" value="${attribute(text)}" style="${style}" vertex="1" parent="${parent}"><mxGeometry x="${place.x}" y="${place.y}" width="${place.width}" height="${place.height}" as="geometry"/></mxCell>`,
    );
  };
  for (const [index, item] of map.segments.entries()) {
    const place = bars[index];
    if (place) add(`s${index}`, [item.name, ...item.facts].join(" · "), STYLES.segment, place);
  }
  for (const [index, { item, pods, morePods }] of map.stations.entries()) {
    const box = boxes[index];
    if (!box) continue;
    const more = pods.length > 0 && morePods > 0 ? [t`and ${number(morePods)} more`] : [];
    add(`m${index}`, text({ ...item, facts: [...item.facts, ...more] }), STYLES[item.kind], box);
    for (const [at, pod] of pods.entries()) {
      const place = box.pods[at];
      // Positions of children are relative to their parent.
      if (place)
        add(
          `m${index}p${at}`,
          podText(pod),
          STYLES.pod,
          { ...place, x: place.x - box.x, y: place.y - box.y },
          `m${index}`,
        );
    }
  }
  for (const [index, item] of map.clusters.entries())
    add(`c${index}`, text(item), STYLES.cluster, { x: 24, y: height + index * 110, width: 400, height: 100 });
  cells.push(...edges(map));
  return `<mxfile host="knet"><diagram id="topology" name="topology"><mxGraphModel><root><mxCell id="0"/><mxCell id="1" parent="0"/>
${cells.join("\n")}
</root></mxGraphModel></diagram></mxfile>
`;
}

function edges({ segments, stations }: TopologyMap): readonly string[] {
  const rows = new Map(segments.map(({ name }, index) => [name, index]));
  return stations.flatMap(({ links }, index) =>
    links.flatMap(({ segment, text: label }, at) => {
      const row = rows.get(segment);
      if (row === undefined) return [];
      return [
        `<mxCell id="m${index}l${at}" value="${attribute(label)}" style="endArrow=none;html=0;fontSize=10;" edge="1" parent="1" source="s${row}" target="m${index}"><mxGeometry relative="1" as="geometry"/></mxCell>`,
      ];
    }),
  );
}

function text({ kind, name, facts }: MapItem): string {
  return [`${kind} ${name}`, ...facts].join("\n");
}

/** A line break in an attribute is read as a space (XML 1.0 §3.3.3) unless it is a character reference. */
function attribute(value: string): string {
  return escapeXml(value).replaceAll("\n", "&#10;");
}
