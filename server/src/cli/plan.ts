/** `knet plan`: how full every range is, and what other prefix lengths per node would allow. */
import { planReport } from "../questions/capacity/report.ts";
import { planCsv, planText } from "../questions/capacity/text.ts";
import { jsonText } from "../text/visible.ts";
import type { TopologyOptions } from "./defaults.ts";
import { analysisOf } from "./input.ts";
import { locator } from "./locate.ts";
import { say, writeOut } from "./output.ts";

export function plan(file: string, options: TopologyOptions & { readonly format: "text" | "json" | "csv" }): number {
  const analysis = analysisOf(file, options);
  const report = planReport(analysis.topology, locator(analysis).source);
  switch (options.format) {
    case "text":
      say(planText(report));
      break;
    case "csv":
      say([...planCsv(report)].join(""));
      break;
    case "json":
      writeOut(`${jsonText(report)}\n`);
  }
  return 0;
}
