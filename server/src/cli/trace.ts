/** `knet trace`: one packet and its reply, hop by hop. */
import type { Network } from "../dataplane/model.ts";
import { t } from "../text/l10n.ts";
import { jsonText, visibleIn } from "../text/visible.ts";
import { renderBoth } from "../trace/render/both.ts";
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
import { complainUncollected } from "./state.ts";

export interface TraceOptions extends TopologyOptions {
  readonly port: number | undefined;
  readonly proto: Query["proto"] | undefined;
  readonly size: number | undefined;
  readonly df: boolean;
  readonly family: 4 | 6 | undefined;
  readonly format: "text" | "json" | "mermaid" | "svg" | "html";
  /** The folder with the state of real machines. */
  readonly state: string | undefined;
  /** The state to trace over; undefined: both if there is real state and the format can show both. */
  readonly on: "derived" | "real" | "both" | undefined;
}

/** Exit code: 0 delivered and answered on every path of every traced state, 1 otherwise. */
export function trace(file: string, from: string, to: string, options: TraceOptions): number {
  const { format } = options;
  const analysis = analysisOf(file, options);
  const { topology, network, realNetwork } = analysis;
  const on = options.on ?? (realNetwork === undefined ? "derived" : isPicture(format) ? "real" : "both");
  if (on !== "derived" && realNetwork === undefined) throw new UsageError(t`--on ${on} requires --state`);
  if (on === "both" && isPicture(format))
    throw new UsageError(t`--format ${format} shows one state; use --on derived or --on real`);
  if (on !== "derived") complainUncollected(analysis);
  const traceOver = (over: Network): Trace => {
    const answer = ask({ topology, network: over, locate: locator(analysis).source }, { from, to, ...options });
    if (!answer.ok) throw new UsageError(answer.error);
    return answer.trace;
  };
  const derived = on === "real" ? undefined : traceOver(network);
  const real = on === "derived" || realNetwork === undefined ? undefined : traceOver(realNetwork);
  const text =
    derived && real ? printBoth(derived, real, format) : print(real ?? derived ?? traceOver(network), format);
  if (format === "json") writeOut(text);
  else say(text, true);
  return [derived, real].every((one) => one === undefined || (one.verdict === "delivered" && one.answered)) ? 0 : 1;
}

function isPicture(format: TraceOptions["format"]): boolean {
  return format !== "text" && format !== "json";
}

/** In JSON, the real state is an additional key. */
function printBoth(derived: Trace, real: Trace, format: TraceOptions["format"]): string {
  if (format === "json") {
    const { schema: _, query: __, ...outcome } = real;
    return `${jsonText({ ...derived, real: outcome } satisfies Trace)}\n`;
  }
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  return renderBoth(derived, real, { colour: useColour(), decisions: true, width });
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
