import { describe, expect, test } from "vitest";
import { waysOf } from "../../../server/src/trace/layout.ts";
import { renderHtml } from "../../../server/src/trace/render/html.ts";
import { renderMermaid } from "../../../server/src/trace/render/mermaid.ts";
import { renderSvg } from "../../../server/src/trace/render/svg.ts";
import { renderText } from "../../../server/src/trace/render/text.ts";
import type { Trace } from "../../../server/src/trace/schema.ts";
import { traces } from "../webview/fixtures.ts";

/** Names in files are untrusted input. */
const HOSTILE = `<img src=x onerror="alert(1)">'&\u0000;%% end`;

const cases: readonly (readonly [string, Trace])[] = [
  ...Object.entries(traces),
  ["hostile", poisoned(traces["delivered"])],
];

describe.each(cases)("%s", (_, trace) => {
  test("SVG is well formed and contains only a drawing", () => {
    const svg = renderSvg(trace);
    expect(imbalance(svg)).toEqual([]);
    expect(svg).not.toMatch(/<(script|foreignObject|image|a)\b|<[^>]*( on\w+|href)=/i);
  });

  test("the page is well formed, without external resources or scripts", () => {
    const html = renderHtml(trace);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(imbalance(html.replace("<!doctype html>", "").replace(/<meta[^>]*>/g, ""))).toEqual([]);
    expect(html).not.toMatch(/<(script|img|iframe|link|object|embed|form)\b|<[^>]* on\w+=/i);
  });

  test("Mermaid: one participant per network namespace, one statement per line", () => {
    const [head, ...lines] = renderMermaid(trace).trimEnd().split("\n");
    expect(head).toBe("sequenceDiagram");
    for (const line of lines)
      expect(line).toMatch(/^ {2}(participant n\d+ as |Note over n\d+|n\d+-?->>n\d+: |n\d+-?-x)/);
    for (const line of lines) expect(line.replace(/#\w+;|-?->>|-?-x/g, "")).not.toMatch(/[;<>%]/);
  });

  test("text has one line per hop and no control characters", () => {
    const text = renderText(trace, { colour: false, decisions: true });
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    const hops = waysOf(trace).flatMap((path) => [...path.hops, ...(path.reply?.hops ?? [])]);
    expect(text.split("\n").length).toBeGreaterThanOrEqual(hops.length);
  });
});

test("the text of a delivered packet", () => {
  const trace = traces["delivered"];
  expect(trace && renderText(trace, { colour: false, decisions: true })).toMatchSnapshot();
});

function poisoned(trace: Trace | undefined): Trace {
  const replaced: unknown = JSON.parse(JSON.stringify(trace), (key, value: unknown) =>
    typeof value === "string" && /^(netns|text|why|message|from|to|device|table)$/.test(key)
      ? `${value}${HOSTILE}`
      : key === "owner"
        ? `${String(value)} ${HOSTILE}`
        : value,
  );
  return replaced as Trace;
}

/** Unbalanced tags, which an XML parser rejects. */
function imbalance(markup: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  const body = markup.replace(/<style>[^<]*<\/style>/g, "").replace(/<\?xml[^>]*\?>/, "");
  for (const [, end, name = "", , empty] of body.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
  )) {
    if (end) {
      if (open.pop() !== name) wrong.push(name);
    } else if (!empty) open.push(name);
  }
  const rest = body.replace(/<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g, "");
  if (/[<]/.test(rest)) wrong.push(rest.slice(rest.indexOf("<"), rest.indexOf("<") + 40));
  return [...wrong, ...open];
}
