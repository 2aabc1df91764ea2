/** The topology diagram as a self-contained drawing, with the layout of the drawing in the editor. */
import { layoutMap, type Place, podText } from "../../service/map/layout.ts";
import type { MapItem, TopologyMap } from "../../service/map/model.ts";
import { mapText } from "../../service/map/text.ts";
import { number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { ellipsize, estimateWidth } from "../../trace/layout.ts";
import { escapeXml } from "../../trace/render/svg.ts";

const LINE = 16;
const PADDING = 10;

export function mapSvg(map: TopologyMap, source: string): string {
  const { width, height, bars, boxes, lines } = layoutMap(map);
  const parts: string[] = [];
  for (const { x, from, to, text, textY } of lines)
    parts.push(`<path class="line" d="M${x} ${from}V${to}"/>`, textAt(x + 4, textY, text, "small"));
  for (const [index, item] of map.segments.entries()) {
    const bar = bars[index];
    if (!bar) continue;
    const text = shortened([`segment ${item.name}`, ...item.facts].join(" · "), bar.width - 2 * PADDING);
    parts.push(box(bar, item, "segment"), textAt(bar.x + PADDING, bar.y + 18, text, ""));
  }
  for (const [index, { item, pods, morePods }] of map.stations.entries()) {
    const place = boxes[index];
    if (!place) continue;
    const inside = (text: string): string => shortened(text, place.width - 2 * PADDING);
    parts.push(
      box(place, item, item.kind),
      textAt(place.x + PADDING, place.y + PADDING + 12, inside(`${item.kind} ${item.name}`), "name"),
    );
    for (const [at, fact] of item.facts.entries())
      parts.push(textAt(place.x + PADDING, place.y + PADDING + 12 + (at + 1) * LINE, inside(fact), "small"));
    for (const [at, pod] of pods.entries()) {
      const own = place.pods[at];
      if (own)
        parts.push(
          box(own, pod, "pod"),
          textAt(own.x + 6, own.y + 14, shortened(podText(pod), own.width - 12), "small"),
        );
    }
    const last = place.pods.at(-1);
    if (last && morePods > 0)
      parts.push(textAt(last.x + 6, last.y + last.height + 14, t`and ${number(morePods)} more`, "small"));
  }
  const legend = map.clusters.map(({ name, facts }) => [`cluster ${name}`, ...facts].join(" · "));
  const full = Math.max(width, ...legend.map((text) => Math.ceil(estimateWidth(text, "name")) + 48));
  for (const [at, text] of legend.entries()) parts.push(textAt(24, height + at * LINE, text, "name"));
  const bottom = height + Math.max(0, legend.length) * LINE;
  const title = escapeXml(t`Topology of ${source}`);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${full}" height="${bottom}" viewBox="0 0 ${full} ${bottom}" role="img" aria-label="${title}">`,
    `<title>${title}</title>`,
    `<desc>${escapeXml(mapText(map))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${full}" height="${bottom}"/>`,
    ...parts,
    "</svg>",
  ].join("\n")}\n`;
}

function box({ x, y, width, height }: Place, { name, facts }: MapItem, kind: string): string {
  return `<rect class="box ${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="5"><title>${escapeXml([name, ...facts].join("\n"))}</title></rect>`;
}

function textAt(x: number, y: number, text: string, classes: string): string {
  return `<text x="${x}" y="${y}"${classes === "" ? "" : ` class="${classes}"`}>${escapeXml(text)}</text>`;
}

function shortened(text: string, width: number): string {
  return ellipsize(text, width, (one) => estimateWidth(one, "device"));
}

const LIGHT =
  "--ground:#fff;--text:#1f2328;--line:#57606a;--segment:#dfe8f5;--router:#fff4d6;--host:#f0f0f0;--node:#e3f1e6;--pod:#fff";
const DARK =
  "--ground:#1e1e1e;--text:#d4d4d4;--line:#9aa4b0;--segment:#263650;--router:#4a3d14;--host:#333;--node:#213a29;--pod:#1e1e1e";
/** Follows the dark mode of the system. */
const STYLE = [
  `:root{${LIGHT}}@media screen and (prefers-color-scheme:dark){:root{${DARK}}}`,
  "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;fill:var(--text);white-space:pre}",
  ".name{font-weight:600}.small{font-size:11px}.ground{fill:var(--ground)}.line{fill:none;stroke:var(--line)}.box{stroke:var(--line)}",
  ...["segment", "router", "host", "node", "pod"].map((kind) => `.${kind}{fill:var(--${kind})}`),
].join("");
