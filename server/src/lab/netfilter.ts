/** A namespace's chains as input for iptables-restore. */
import type { Netns, NfTable } from "../dataplane/model.ts";
import { ruleText } from "../dataplane/text.ts";

export interface RulesText {
  readonly family: 4 | 6;
  readonly text: string;
}

const BUILT_IN = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

export function netfilterTexts(netns: Netns): readonly RulesText[] {
  return ([4, 6] as const).flatMap((family) => {
    const text = restoreText(netns, family);
    return text === "" ? [] : [{ family, text }];
  });
}

interface TableText {
  readonly heads: string[];
  readonly rules: string[];
}

function restoreText(netns: Netns, family: 4 | 6): string {
  const tables = new Map<NfTable, TableText>();
  for (const { table, chain } of netns.netfilter.chains(family)) {
    let entry = tables.get(table);
    if (!entry) {
      entry = { heads: [], rules: [] };
      tables.set(table, entry);
    }
    const policy = BUILT_IN.includes(chain.name) ? (chain.policy ?? "ACCEPT") : "-";
    entry.heads.push(`:${chain.name} ${policy} [0:0]`);
    // Ports stay as they are where they can, so that a flow is recognised in the captures.
    for (const rule of chain.rules)
      entry.rules.push(`-A ${chain.name} ${ruleText(rule, family).replace(" --random-fully", "")}`);
  }
  return [...tables]
    .map(([table, { heads, rules }]) => [`*${table}`, ...heads, ...rules, "COMMIT"].join("\n"))
    .join("\n");
}
