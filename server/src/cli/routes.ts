/** `knet routes`: addresses, routes, neighbours and forwarding entries of a node, pod, router or host. */

import type { Netns } from "../dataplane/model.ts";
import { printNetns, routesReport } from "../dataplane/print.ts";
import type { Analysis } from "../service/analysis.ts";
import { namespaceOf } from "../trace/endpoints.ts";
import { switchText } from "../trace/switches.ts";
import { UsageError } from "./errors.ts";
import { openFiles } from "./files.ts";
import { locator } from "./output.ts";

export type RoutesFormat = "text" | "json" | "fib";

export function routes(file: string, where: string, options: { readonly format: RoutesFormat }): number {
  const service = openFiles([file]);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new UsageError(`${file}: cannot be read`);
  const found = namespaceOf(analysis.topology, where);
  if (!found.ok) throw new UsageError(found.error);
  const netns = analysis.network.netns(found.netns);
  if (!netns) throw new UsageError(`${where}: has no network namespace (no node runs it)`);
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
