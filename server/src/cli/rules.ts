/** `knet rules`: the netfilter rules of a node, pod, router or host. */
import { printRules, rulesReport } from "../dataplane/rules.ts";
import { namespaceOf } from "../trace/endpoints.ts";
import { UsageError } from "./errors.ts";
import { openFiles } from "./files.ts";
import { locator } from "./output.ts";

export function rules(file: string, where: string, options: { readonly format: "text" | "json" }): number {
  const service = openFiles([file]);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new UsageError(`${file}: cannot be read`);
  const found = namespaceOf(analysis.topology, where);
  if (!found.ok) throw new UsageError(found.error);
  const netns = analysis.network.netns(found.netns);
  if (!netns) throw new UsageError(`${where}: has no network namespace (no node runs it)`);
  process.stdout.write(
    options.format === "text"
      ? printRules(netns)
      : `${JSON.stringify(rulesReport(netns, locator(analysis).source), undefined, 2)}\n`,
  );
  return 0;
}
