/**
 * A trace as a self-contained page: the drawing, and a table with one row per hop, its packet headers, and the matched rule.
 * One file without scripts or external resources; suitable for printing.
 */
import { currentLocale, t } from "../../text/l10n.ts";
import { type Step, stepsOf, waysOf } from "../layout.ts";
import { actionText } from "../names.ts";
import type { Header, Path, Reply, Rule, Trace } from "../schema.ts";
import { capital, drawPath, endingOf, escapeXml, pathTitle, succeeded, svgStyle, titleOf, verdictText } from "./svg.ts";
import { replyTitle } from "./text.ts";

/** The complete file; ends with a newline. */
export function renderHtml(trace: Trace): string {
  const title = escapeXml(titleOf(trace));
  return `<!doctype html>
<html lang="${escapeXml(currentLocale())}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="knet">
<title>${title}</title>
<style>${pageStyle}${svgStyle}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="verdict ${succeeded(trace) ? "good" : "bad"}">${escapeXml(verdictText(trace))}</p>
${queryList(trace)}
</header>
<main>
${
  waysOf(trace).length === 0
    ? `<p>${escapeXml(t`No path exists for this packet.`)}</p>`
    : waysOf(trace)
        .map((path, index) => section(trace, path, index))
        .join("\n")
}
</main>
</body>
</html>
`;
}

function queryList({ query, paths }: Trace): string {
  const [header] = paths[0]?.hops[0]?.packet.headers ?? [];
  const df = header?.kind === "ip" ? header.df : query.df;
  const rows: [string, string][] = [
    [t`from`, query.from],
    [t`to`, query.to],
    [t`protocol`, query.proto],
  ];
  if (query.port !== undefined) rows.push([t`port`, String(query.port)]);
  if (query.size !== undefined) rows.push([t`size`, t`${query.size} bytes`]);
  rows.push([t`don't fragment`, df ? t`yes` : t`no`]);
  return `<dl>${rows.map(([name, value]) => `<div><dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd></div>`).join("")}</dl>`;
}

function section(trace: Trace, path: Path, index: number): string {
  const steps = stepsOf(path);
  const drawing = drawPath(path);
  const heading = waysOf(trace).length > 1 ? `<h2>${escapeXml(pathTitle(trace, index))}</h2>\n` : "";
  const label = escapeXml(t`Packet path; the table below lists the same steps.`);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${drawing.width}" height="${drawing.height}" viewBox="0 0 ${drawing.width} ${drawing.height}" role="img" aria-label="${label}">\n${drawing.content}\n</svg>`;
  const request = leg(
    t`Request`,
    path,
    steps.filter((step) => step.leg === "request"),
  );
  const reply = path.reply
    ? leg(
        capital(replyTitle(path)),
        path.reply,
        steps.filter((step) => step.leg === "reply"),
      )
    : "";
  return `<section>\n${heading}<div class="drawing" tabindex="0" role="region" aria-label="${escapeXml(t`Drawing`)}">${svg}</div>\n${request}\n${reply}\n</section>`;
}

function leg(title: string, walk: Reply, steps: readonly Step[]): string {
  const ending = endingOf(walk).map(
    (text) => `<p class="${walk.verdict === "delivered" ? "muted" : "bad"}">${escapeXml(text)}</p>`,
  );
  return `<table>
<caption>${escapeXml(title)}</caption>
<thead><tr>${["#", t`Machine`, t`Device`, t`Step`, t`Packet`].map((head) => `<th scope="col">${escapeXml(head)}</th>`).join("")}</tr></thead>
<tbody>
${steps.map((step, i) => row(step, steps[i - 1], walk.reason?.message)).join("\n")}
</tbody>
</table>
${ending.join("\n")}`;
}

/** A row of the table; the reason of the verdict is below the table, so the last row does not repeat it. */
function row(step: Step, before: Step | undefined, reason: string | undefined): string {
  const { hop } = step;
  const where =
    before?.hop.owner === hop.owner ? `<span class="muted">${escapeXml(hop.owner)}</span>` : escapeXml(hop.owner);
  const device = hop.direction === null ? "" : `${escapeXml(hop.device)} <span class="muted">${hop.direction}</span>`;
  const bad = step.last && (hop.action === "drop" || hop.action === "reject");
  const what = `<span class="action${bad ? " bad" : ""}">${escapeXml(actionText(hop.action))}</span> ${hop.text === reason ? "" : escapeXml(hop.text)}${hop.rule ? ruleOf(hop.rule) : ""}`;
  return `<tr class="${hop.direction === null ? "decision" : "crossing"}"><td class="number">${step.index + 1}</td><td>${where}</td><td class="mono">${device}</td><td>${what}</td><td>${stack(step)}</td></tr>`;
}

function ruleOf(rule: Rule): string {
  const at = rule.location
    ? ` <span class="muted">${escapeXml(`${rule.location.file}:${rule.location.range.start.line + 1}`)}</span>`
    : "";
  const why = rule.why === undefined ? "" : `<div class="muted">${escapeXml(rule.why)}</div>`;
  return `<div class="rule"><span class="muted">${escapeXml(rule.table)}:</span> <code>${escapeXml(rule.text)}</code>${at}${why}</div>`;
}

function stack(step: Step): string {
  const { headers, length } = step.hop.packet;
  return `<ol class="stack">${headers.map((header) => `<li>${escapeXml(headerLine(header))}</li>`).join("")}</ol><span class="muted">${escapeXml(t`${length} bytes`)}</span>`;
}

function headerLine(header: Header): string {
  switch (header.kind) {
    case "ip":
      return `IP ${header.src} → ${header.dst}, ttl ${header.ttl}, ${header.proto}${header.df ? ", DF" : ""}`;
    case "tcp":
      return `TCP ${header.sport} → ${header.dport}${header.flags === undefined ? "" : ` ${header.flags}`}`;
    case "udp":
      return `UDP ${header.sport} → ${header.dport}`;
    case "sctp":
      return `SCTP ${header.sport} → ${header.dport}`;
    case "icmp":
      return `ICMP ${header.type}/${header.code}${header.mtu === undefined ? "" : `, MTU ${header.mtu}`}`;
    case "vxlan":
      return `VXLAN ${header.vni}`;
    case "geneve":
      return `Geneve ${header.vni}`;
    case "wireguard":
      return t`WireGuard, encrypted`;
    case "esp":
      return t`ESP, encrypted`;
    case "ethernet":
      return `Ethernet ${header.src} → ${header.dst}`;
  }
}

const pageStyle = `
:root{color-scheme:light dark;--text:#1f2328;--muted:#59636e;--ground:#fff;--line:#d1d9e0;--shade:#f6f8fa;--good:#1a7f37;--bad:#cf222e}
@media screen and (prefers-color-scheme:dark){:root{--text:#e6edf3;--muted:#9198a1;--ground:#0d1117;--line:#3d444d;--shade:#161b22;--good:#3fb950;--bad:#f85149}}
body{margin:0 auto;padding:24px;max-width:1200px;font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;color:var(--text);background:var(--ground)}
h1{font-size:22px;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:17px;margin:28px 0 8px}
.verdict{font-weight:600;font-size:16px;margin:0 0 10px}
.good{color:var(--good)}.bad{color:var(--bad)}.muted{color:var(--muted)}
dl{display:flex;flex-wrap:wrap;gap:4px 24px;margin:0}
dl div{display:flex;gap:6px}dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}
.drawing{overflow-x:auto;margin:16px 0;border:1px solid var(--line);border-radius:6px}
.drawing svg{display:block}
table{border-collapse:collapse;width:100%;margin:16px 0 6px}
caption{text-align:left;font-weight:600;font-size:16px;padding:4px 0}
th,td{text-align:left;vertical-align:top;padding:5px 8px;border-bottom:1px solid var(--line)}
th{color:var(--muted);font-weight:600}
td{overflow-wrap:anywhere}
tr.decision td{background:var(--shade)}
.number{text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:normal}
.mono,code,.stack{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12px}
.mono{white-space:nowrap}
.action{font-weight:600}
.rule{margin-top:3px}
.stack{list-style:none;margin:0;padding:0}
.stack li:nth-child(n+2){padding-left:8px;border-left:2px solid var(--line)}
p{margin:4px 0}
@media print{body{max-width:none;padding:0;font-size:10pt}tr{break-inside:avoid}thead{display:table-header-group}.drawing{border:0;overflow:visible;break-inside:avoid}.drawing svg{max-width:100%;height:auto}}
@page{margin:15mm}
`;
