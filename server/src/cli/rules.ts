/** `knet rules`: the netfilter rules of a node, pod, router, or host. */
import { printRules, rulesReport } from "../dataplane/rules.ts";
import { analysisOf, netnsAt } from "./files.ts";
import { locator } from "./output.ts";

export function rules(file: string, where: string, options: { readonly format: "text" | "json" }): number {
  const analysis = analysisOf(file);
  const netns = netnsAt(analysis, where);
  process.stdout.write(
    options.format === "text"
      ? printRules(netns)
      : `${JSON.stringify(rulesReport(netns, locator(analysis).source), undefined, 2)}\n`,
  );
  return 0;
}
