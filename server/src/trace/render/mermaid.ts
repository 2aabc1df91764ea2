/** A trace as a Mermaid sequence diagram: one participant per network namespace, one arrow per link. */
import { t } from "../../text/l10n.ts";
import { waysOf, wayTitle } from "../layout.ts";
import type { Hop, Reply, Trace } from "../schema.ts";
import { errorText, isReceived, titleWithProbability, verdictWord } from "./text.ts";

/** Ends with a newline. */
export function renderMermaid(trace: Trace): string {
  const lines = ["sequenceDiagram"];
  const ids = new Map<string, string>();
  const idOf = (hop: Hop): string => {
    let id = ids.get(hop.netns);
    if (id === undefined) {
      id = `n${ids.size + 1}`;
      ids.set(hop.netns, id);
    }
    return id;
  };
  for (const path of waysOf(trace))
    for (const walk of [path, path.reply]) for (const hop of walk?.hops ?? []) idOf(hop);
  const owners = new Map<string, string>();
  for (const path of waysOf(trace))
    for (const walk of [path, path.reply]) for (const hop of walk?.hops ?? []) owners.set(hop.netns, hop.owner);
  for (const [netns, id] of ids) lines.push(`  participant ${id} as ${mermaidText(owners.get(netns) ?? netns)}`);
  waysOf(trace).forEach((path, i) => {
    const title = wayTitle(trace, i);
    if (title) lines.push(`  Note over n1: ${mermaidText(titleWithProbability(title, path.probability))}`);
    lines.push(...arrows(path, idOf, "->>"));
    if (path.reply) lines.push(...arrows(path.reply, idOf, "-->>"));
  });
  return `${lines.join("\n")}\n`;
}

function arrows(walk: Reply, idOf: (hop: Hop) => string, arrow: string): string[] {
  const lines: string[] = [];
  let sent: Hop | undefined;
  for (const hop of walk.hops) {
    if (hop.direction === "in" && sent && sent.netns !== hop.netns) {
      lines.push(
        `  ${idOf(sent)}${arrow}${idOf(hop)}: ${mermaidText(t`${sent.device} to ${hop.device}, TTL ${hop.packet.ttl}, ${hop.packet.length} bytes`)}`,
      );
    } else if (hop.direction === null && hop.action !== "send" && hop.action !== "filter") {
      lines.push(`  Note over ${idOf(hop)}: ${mermaidText(hop.text)}`);
    }
    if (hop.direction === "out") sent = hop;
  }
  const last = walk.hops.at(-1);
  if (last && walk.verdict !== "delivered")
    lines.push(
      `  Note over ${idOf(last)}: ${mermaidText(isReceived(walk) ? (walk.reason?.message ?? verdictWord(walk.verdict)) : errorText(walk))}`,
    );
  return lines;
}

/** `#` and `;` are Mermaid syntax; they are escaped as entity codes (`#35;`). */
function mermaidText(text: string): string {
  return text.replace(/[#;<>&"%]/g, (c) => `#${c.charCodeAt(0)};`).replace(/\s+/g, " ");
}
