/** `knet routes`: addresses, routes, neighbor entries, and FDB entries of a node, pod, router, or host. */

import type { Netns } from "../dataplane/model.ts";
import { printNetns, routesReport } from "../dataplane/print.ts";
import type { Analysis } from "../service/analysis.ts";
import { switchText } from "../trace/switches.ts";
import { analysisOf, netnsAt } from "./files.ts";
import { locator } from "./output.ts";

export type RoutesFormat = "text" | "json" | "fib";

export function routes(file: string, where: string, options: { readonly format: RoutesFormat }): number {
  const analysis = analysisOf(file);
  const netns = netnsAt(analysis, where);
  process.stdout.write(shown(analysis, netns, options.format));
  return 0;
}

function shown(analysis: Analysis, netns: Netns, format: RoutesFormat): string {
  switch (format) {
    case "text":
      return printNetns(netns);
    case "json":
      return `${JSON.stringify(routesReport(netns, locator(analysis).source), undefined, 2)}\n`;
    case "fib":
      return switchText(analysis.topology, analysis.network, netns);
  }
}
