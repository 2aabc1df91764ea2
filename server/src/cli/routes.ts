/** `knet routes`: addresses, routes, neighbours and forwarding entries of a node, pod, router or host. */
import { printNetns, routesReport } from "../dataplane/print.ts";
import { namespaceOf } from "../trace/endpoints.ts";
import { UsageError } from "./errors.ts";
import { openFiles } from "./files.ts";
import { locator } from "./output.ts";

export function routes(file: string, where: string, options: { readonly format: "text" | "json" }): number {
  const service = openFiles([file]);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new UsageError(`${file}: cannot be read`);
  const found = namespaceOf(analysis.topology, where);
  if (!found.ok) throw new UsageError(found.error);
  const netns = analysis.network.netns(found.netns);
  if (!netns) throw new UsageError(`${where}: has no network namespace (no node runs it)`);
  process.stdout.write(
    options.format === "text"
      ? printNetns(netns)
      : `${JSON.stringify(routesReport(netns, locator(analysis).source), undefined, 2)}\n`,
  );
  return 0;
}
