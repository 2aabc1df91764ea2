/** `knet rules`: the netfilter rules of a node, pod, router, or host. */
import { printRules, rulesReport } from "../dataplane/rules.ts";
import { jsonText } from "../text/visible.ts";
import type { TopologyOptions } from "./defaults.ts";
import { analysisOf } from "./input.ts";
import { locator } from "./locate.ts";
import { netnsAt, type StateOptions } from "./open.ts";
import { say, writeOut } from "./output.ts";

export interface RulesOptions extends TopologyOptions, StateOptions {
  readonly format: "text" | "json";
}

export function rules(file: string, where: string, options: RulesOptions): number {
  const analysis = analysisOf(file, options);
  const netns = netnsAt(analysis, where, options);
  if (options.format === "text") say(printRules(netns));
  else writeOut(`${jsonText(rulesReport(netns, locator(analysis).source))}\n`);
  return 0;
}
