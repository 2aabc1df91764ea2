/**
 * A trace as a self-contained drawing: network namespaces as boxes, devices as bars, the packet path as a line with numbered
 * stops, the reply as a dashed line below, and a numbered list of the steps. The drawing has its own background, so it is
 * legible on any page, and follows the dark mode of the system. It contains no scripts, links, or fonts.
 */

import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import {
  type DeviceBar,
  ellipsize,
  estimateWidth,
  type Lane,
  layoutPath,
  type Step,
  type Stop,
  stepsOf,
  waysOf,
  wayTitle,
} from "../layout.ts";
import type { Hop, Path, Reply, Trace } from "../schema.ts";
import {
  errorText,
  headerText,
  isReceived,
  markText,
  replyTitle,
  targetText,
  titleWithProbability,
  verdictWord,
  withPort,
} from "./text.ts";

const margin = 20;
const minWidth = 760;
const lineHeight = 17;

/** The complete file; ends with a newline. */
export function renderSvg(trace: Trace): string {
  const parts: string[] = [];
  const drawings = waysOf(trace).map((path) => drawPath(path));
  const width = Math.max(minWidth, ...drawings.map((drawing) => drawing.width + 2 * margin));
  const inner = width - 2 * margin;
  let y = margin + 14;
  const line = (text: string, classes: string, indent = 0): void => {
    for (const part of wrap(text, inner - indent)) {
      parts.push(textAt(margin + indent, y, part, classes));
      y += lineHeight;
    }
  };
  parts.push(textAt(margin, y, shortened(titleOf(trace), inner / 1.25), "kt-text kt-title"));
  y += 22;
  line(verdictText(trace), succeeded(trace) ? "kt-good kt-strong" : "kt-bad kt-strong");
  if (waysOf(trace).length === 0) line(t`No path exists for this packet.`, "kt-muted");
  for (const [index, path] of waysOf(trace).entries()) {
    const drawing = drawings[index];
    if (!drawing) continue;
    y += 6;
    if (waysOf(trace).length > 1) line(pathTitle(trace, index), "kt-text kt-strong");
    parts.push(`<g transform="translate(${margin} ${y - 8})">${drawing.content}</g>`);
    y += drawing.height + 12;
    const steps = stepsOf(path);
    for (const leg of ["request", "reply"] as const) {
      const walk = leg === "request" ? path : path.reply;
      if (!walk) continue;
      line(leg === "request" ? t`Request` : capital(replyTitle(path)), "kt-text kt-strong");
      for (const step of steps) if (step.leg === leg) line(stepText(step), "kt-text kt-mono", 0);
      for (const text of endingOf(walk)) line(text, walk.verdict === "delivered" ? "kt-muted" : "kt-bad");
      y += 6;
    }
  }
  const height = Math.ceil(y + margin - lineHeight);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="kt-title kt-desc">`,
    `<title id="kt-title">${escapeXml(titleOf(trace))}</title>`,
    `<desc id="kt-desc">${escapeXml(descriptionOf(trace))}</desc>`,
    `<style>${svgStyle}</style>`,
    `<rect class="kt-ground" width="${width}" height="${height}"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

export interface PathDrawing {
  readonly width: number;
  readonly height: number;
  /** Elements that use the classes of `svgStyle`. */
  readonly content: string;
}

/** Boxes, bars, lines, and stops of one path, with the origin at (0, 0). */
export function drawPath(path: Path): PathDrawing {
  const layout = layoutPath(path);
  const steps = stepsOf(path);
  const out: string[] = [];
  for (const box of layout.boxes) {
    out.push(
      "<g>",
      `<title>${escapeXml(box.owner)}</title>`,
      `<rect class="kt-box" x="${n(box.x)}" y="${n(box.y)}" width="${n(box.width)}" height="${n(box.height)}" rx="6"/>`,
      textAt(box.kindLabel.x, box.kindLabel.y, box.kindLabel.text, "kt-muted kt-small kt-middle"),
      textAt(box.nameLabel.x, box.nameLabel.y, box.nameLabel.text, "kt-text kt-strong kt-middle"),
      ...box.devices.map((device) => bar(device, box.owner)),
      "</g>",
    );
  }
  for (const lane of layout.lanes) out.push(...laneLines(lane));
  for (const stop of layout.stops) out.push(stopMark(stop, steps[stop.step]));
  return { width: layout.width, height: layout.height, content: out.join("\n") };
}

function bar(device: DeviceBar, owner: string): string {
  return [
    `<g><title>${escapeXml(t`${device.label.full} of ${owner}`)}</title>`,
    `<rect class="kt-bar" x="${n(device.x)}" y="${n(device.y)}" width="${n(device.width)}" height="${n(device.height)}" rx="3"/>`,
    textAt(device.label.x, device.label.y, device.label.text, "kt-text kt-mono kt-small kt-middle"),
    "</g>",
  ].join("");
}

function laneLines(lane: Lane): string[] {
  const points = lane.line.map(({ x, y }) => `${n(x)},${n(y)}`).join(" ");
  return [
    `<polyline class="kt-line kt-line-${lane.leg}" points="${points}"/>`,
    ...lane.arrows.map(({ x, y, towards }) => {
      const back = towards === "right" ? x - 9 : x + 9;
      return `<path class="kt-arrow-${lane.leg}" d="M${n(x)} ${n(y)}L${n(back)} ${n(y - 5.5)}L${n(back)} ${n(y + 5.5)}Z"/>`;
    }),
  ];
}

function stopMark(stop: Stop, step: Step | undefined): string {
  const ended = stop.end === undefined ? "" : stop.end === "delivered" ? " kt-stop-good" : " kt-stop-bad";
  const sign = stop.end === undefined ? "" : endSign(stop, stop.end === "delivered");
  return [
    "<g>",
    step ? `<title>${escapeXml(`${stop.step + 1}. ${step.hop.text}`)}</title>` : "",
    `<circle class="kt-stop kt-stop-${stop.leg}${ended}" cx="${n(stop.x)}" cy="${n(stop.y)}" r="${n(stop.radius)}"/>`,
    textAt(stop.x, stop.y + 3.5, String(stop.step + 1), "kt-text kt-tiny kt-middle"),
    sign,
    "</g>",
  ].join("");
}

/** A check mark or a cross below the last stop, so the verdict does not depend on color alone. */
function endSign(stop: Stop, good: boolean): string {
  const y = stop.y + stop.radius + 8;
  const d = good ? `M${n(stop.x - 4.5)} ${n(y)}l3 3l6 -6` : `M${n(stop.x - 3.5)} ${n(y - 3.5)}l7 7m0 -7l-7 7`;
  return `<path class="kt-sign ${good ? "kt-sign-good" : "kt-sign-bad"}" d="${d}"/>`;
}

/* -------------------------------------------------------------------- texts, shared with html.ts */

export function titleOf(trace: Trace): string {
  const { query } = trace;
  return `${query.from} → ${targetText(query)} (${query.proto})`;
}

export function succeeded(trace: Trace): boolean {
  return trace.verdict === "delivered" && trace.answered;
}

export function verdictText(trace: Trace): string {
  return markText(trace);
}

export function pathTitle(trace: Trace, index: number): string {
  return capital(titleWithProbability(wayTitle(trace, index) ?? t`path`, waysOf(trace)[index]?.probability ?? 1));
}

/** The result of a leg, in sentences. */
export function endingOf(walk: Reply): string[] {
  const received = walk.receiver ? [receivedText(walk.receiver, walk.mtu)] : [];
  if (walk.verdict === "delivered") return received.map((text) => t`Delivered. ${text}`);
  const at = walk.reason?.location;
  const place = at ? ` (${at.file}:${at.range.start.line + 1})` : "";
  const verdict = capital(verdictWord(walk.verdict));
  const reason = walk.reason ? `${verdict}: ${walk.reason.message}${place}` : verdict;
  return isReceived(walk) ? [reason, ...received] : [reason, `${capital(errorText(walk))}.`];
}

function receivedText({ src, sport, process }: NonNullable<Reply["receiver"]>, mtu: number): string {
  const source = withPort(src, sport);
  return process === undefined
    ? t`The receiver sees source ${source}. Path MTU: ${mtu} bytes.`
    : t`${process} sees source ${source}. Path MTU: ${mtu} bytes.`;
}

function stackText(hop: Hop): string {
  return hop.packet.headers
    .map(headerText)
    .filter((text) => text !== "")
    .join(" | ");
}

function stepText(step: Step): string {
  const { hop } = step;
  const number = String(step.index + 1).padStart(2);
  if (hop.direction === null) {
    const rule = hop.rule ? ` [${hop.rule.text}]` : "";
    return `${number}  ${hop.owner}: ${hop.text}${rule}`;
  }
  return `${number}  ${hop.owner}, ${hop.device} ${hop.direction}: ${t`${stackText(hop)}, ${hop.packet.length} bytes`}`;
}

function descriptionOf(trace: Trace): string {
  const way = waysOf(trace).map((path) => {
    const owners = path.hops.map((hop) => hop.owner).filter((owner, i, all) => owner !== all[i - 1]);
    return [t`Via ${list(owners, owners.length)}.`, ...endingOf(path)].join(" ");
  });
  return [`${capital(verdictText(trace).slice(2))}.`, ...way].join(" ");
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/* -------------------------------------------------------------------- texts in a drawing */

function textAt(x: number, y: number, text: string, classes: string): string {
  return `<text class="${classes}" x="${n(x)}" y="${n(y)}" xml:space="preserve">${escapeXml(text)}</text>`;
}

function shortened(text: string, width: number): string {
  return ellipsize(text, width, (part) => estimateWidth(part, "name"));
}

/** Lines of at most `width`; longer tokens are shortened in the middle. */
function wrap(text: string, width: number): string[] {
  const measure = (part: string): number => estimateWidth(part, "name");
  const lines: string[] = [];
  const indent = /^ *\d*\s*/.exec(text)?.[0].length ?? 0;
  let current = "";
  for (const word of text.split(/(?<=\S)(?= )/)) {
    if (current !== "" && measure(current + word) > width) {
      lines.push(current);
      current = " ".repeat(indent) + word.trimStart();
    } else {
      current += word;
    }
  }
  lines.push(current);
  return lines.map((line) => ellipsize(line, width, measure));
}

/** At most two decimals. */
function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Escapes text for XML and HTML. Characters that XML 1.0 does not allow are replaced with U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

const light = {
  ground: "#ffffff",
  text: "#1f2328",
  muted: "#59636e",
  box: "#f6f8fa",
  border: "#afb8c1",
  bar: "#e6eaef",
  request: "#0969da",
  reply: "#8250df",
  good: "#1a7f37",
  bad: "#cf222e",
};
const dark: typeof light = {
  ground: "#0d1117",
  text: "#e6edf3",
  muted: "#9198a1",
  box: "#161b22",
  border: "#4a525c",
  bar: "#242b34",
  request: "#4493f8",
  reply: "#ab7df8",
  good: "#3fb950",
  bad: "#f85149",
};

/** Colors by class, without CSS variables, for SVG viewers other than browsers. */
function colors(c: typeof light): string {
  return [
    `.kt-ground{fill:${c.ground}}`,
    `.kt-text{fill:${c.text}}`,
    `.kt-muted{fill:${c.muted}}`,
    `.kt-good{fill:${c.good}}`,
    `.kt-bad{fill:${c.bad}}`,
    `.kt-box{fill:${c.box};stroke:${c.border}}`,
    `.kt-bar{fill:${c.bar};stroke:${c.border}}`,
    `.kt-line-request{stroke:${c.request}}`,
    `.kt-line-reply{stroke:${c.reply}}`,
    `.kt-arrow-request{fill:${c.request}}`,
    `.kt-arrow-reply{fill:${c.reply}}`,
    `.kt-stop{fill:${c.ground}}`,
    `.kt-stop-request{stroke:${c.request}}`,
    `.kt-stop-reply{stroke:${c.reply}}`,
    `.kt-stop-good,.kt-sign-good{stroke:${c.good}}`,
    `.kt-stop-bad,.kt-sign-bad{stroke:${c.bad}}`,
  ].join("");
}

/** Style sheet for the classes of `drawPath`. */
export const svgStyle = [
  "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;white-space:pre}",
  ".kt-title{font-size:17px;font-weight:600}",
  ".kt-strong{font-weight:600}",
  ".kt-small{font-size:11px}",
  ".kt-tiny{font-size:10px}",
  ".kt-mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:11.5px}",
  ".kt-small.kt-mono{font-size:11px}",
  ".kt-middle{text-anchor:middle}",
  ".kt-line{fill:none;stroke-width:2;stroke-linejoin:round}",
  ".kt-line-reply{stroke-dasharray:6 4}",
  ".kt-stop{stroke-width:2}",
  ".kt-stop-good,.kt-stop-bad{stroke-width:2.5}",
  ".kt-sign{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}",
  colors(light),
  `@media screen and (prefers-color-scheme:dark){${colors(dark)}}`,
].join("");
