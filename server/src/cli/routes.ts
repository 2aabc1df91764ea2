/** `knet routes`: addresses, routes, neighbor entries, and FDB entries of a node, pod, router, or host. */

import type { Netns } from "../dataplane/model.ts";
import { printNetns, routesReport } from "../dataplane/print.ts";
import type { Analysis } from "../service/analysis.ts";
import { jsonText } from "../text/visible.ts";
import { switchText } from "../trace/switches.ts";
import type { TopologyOptions } from "./defaults.ts";
import { analysisOf } from "./input.ts";
import { locator } from "./locate.ts";
import { netnsAt, type StateOptions } from "./open.ts";
import { say, writeOut } from "./output.ts";
import { complainUncollected } from "./state.ts";

export type RoutesFormat = "text" | "json" | "fib";

export interface RoutesOptions extends TopologyOptions, StateOptions {
  readonly format: RoutesFormat;
}

export function routes(file: string, where: string, options: RoutesOptions): number {
  const analysis = analysisOf(file, options);
  const netns = netnsAt(analysis, where, options);
  if (options.real) complainUncollected(analysis, netns.id);
  const text = print(analysis, netns, options);
  if (options.format === "json") writeOut(text);
  else say(text);
  return 0;
}

function print(analysis: Analysis, netns: Netns, { format, real }: RoutesOptions): string {
  switch (format) {
    case "text":
      return printNetns(netns);
    case "json":
      return `${jsonText(routesReport(netns, locator(analysis).source))}\n`;
    case "fib":
      return switchText(analysis.topology, (real && analysis.realNetwork) || analysis.network, netns);
  }
}
