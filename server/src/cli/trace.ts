/** `knet trace`: one packet and its reply, hop by hop. */
import { jsonText, visibleIn } from "../text/visible.ts";
import { renderHtml } from "../trace/render/html.ts";
import { renderMermaid } from "../trace/render/mermaid.ts";
import { renderSvg } from "../trace/render/svg.ts";
import { renderText } from "../trace/render/text.ts";
import type { Query, Trace } from "../trace/schema.ts";
import { ask } from "../trace/trace.ts";
import type { TopologyOptions } from "./defaults.ts";
import { UsageError } from "./errors.ts";
import { analysisOf } from "./input.ts";
import { locator } from "./locate.ts";
import { say, useColour, writeOut } from "./output.ts";

export interface TraceOptions extends TopologyOptions {
  readonly port: number | undefined;
  readonly proto: Query["proto"] | undefined;
  readonly size: number | undefined;
  readonly df: boolean;
  readonly family: 4 | 6 | undefined;
  readonly format: "text" | "json" | "mermaid" | "svg" | "html";
}

/** Exit code: 0 delivered and answered on every path, 1 otherwise. */
export function trace(file: string, from: string, to: string, options: TraceOptions): number {
  const analysis = analysisOf(file, options);
  const answer = ask(
    { topology: analysis.topology, network: analysis.network, locate: locator(analysis).source },
    { from, to, ...options },
  );
  if (!answer.ok) throw new UsageError(answer.error);
  const text = print(answer.trace, options.format);
  if (options.format === "json") writeOut(text);
  else say(text, true);
  return answer.trace.verdict === "delivered" && answer.trace.answered ? 0 : 1;
}

function print(result: Trace, format: TraceOptions["format"]): string {
  switch (format) {
    case "text":
      return renderText(result, { colour: useColour(), decisions: true });
    case "json":
      return `${jsonText(result)}\n`;
    case "mermaid":
      return renderMermaid(visibleIn(result));
    case "svg":
      return renderSvg(visibleIn(result));
    case "html":
      return renderHtml(visibleIn(result));
  }
}
