/** `knet diff`: the connections, routes, rules, and findings that a change adds and removes. */
import type { Analysis } from "../service/analysis.ts";
import { type Compared, compare, isSame } from "../service/diff/diff.ts";
import { diffMarkdown } from "../service/diff/markdown.ts";
import { diffText } from "../service/diff/text.ts";
import { t } from "../text/l10n.ts";
import { jsonText } from "../text/visible.ts";
import type { TopologyOptions } from "./defaults.ts";
import { UsageError } from "./errors.ts";
import { STDIN } from "./files.ts";
import { analysisOf } from "./input.ts";
import { locator } from "./locate.ts";
import { say, writeOut } from "./output.ts";

export interface DiffOptions extends TopologyOptions {
  readonly format: "text" | "json" | "markdown";
}

/** Exit code: 0 the same, 1 different. */
export function diff(before: string, after: string, options: DiffOptions): number {
  if (before === STDIN && after === STDIN) throw new UsageError(t`only one of the two topologies can be \`-\``);
  const result = compare(compared(before, analysisOf(before, options)), compared(after, analysisOf(after, options)));
  switch (options.format) {
    case "text":
      say(diffText(result));
      break;
    case "markdown":
      writeOut(diffMarkdown(result));
      break;
    case "json":
      writeOut(`${jsonText(result)}\n`);
      break;
  }
  return isSame(result) ? 0 : 1;
}

function compared(name: string, analysis: Analysis): Compared {
  const { finding } = locator(analysis);
  return { name, analysis, locate: finding };
}
