/** The rules of a network namespace as input for the restore programs. */
import type { Netns, NfMatch, NfRule, NfTable } from "../dataplane/model.ts";
import { ruleSections } from "../dataplane/rules.ts";
import { ruleText } from "../dataplane/text.ts";

/** The program that reads the text: iptables-restore, ip6tables-restore, `nft -f -`, `ipset restore`, `ipvsadm -R`. */
export type RulesProgram = "iptables" | "ip6tables" | "nft" | "ipset" | "ipvsadm";

export interface RulesText {
  readonly program: RulesProgram;
  readonly text: string;
}

const BUILT_IN = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/** In load order: rules refer to sets. */
export function netfilterTexts(netns: Netns): readonly RulesText[] {
  const printed = (command: string): string =>
    (ruleSections(netns).find((section) => section.command === command)?.lines ?? [])
      .map(({ text }) => text)
      .join("\n");
  const texts: readonly RulesText[] = [
    { program: "ipset", text: printed("ipset save") },
    { program: "iptables", text: restoreText(netns, 4) },
    { program: "ip6tables", text: restoreText(netns, 6) },
    { program: "nft", text: printed("nft list ruleset").replaceAll(" fully-random", "") },
    { program: "ipvsadm", text: printed("ipvsadm -Sn") },
  ];
  return texts.filter(({ text }) => text !== "");
}

/** Quotes device names as iptables-restore reads them (iptables/xshared.c, add_param_to_argv); iptables-save does not. */
function quotedDevices(rule: NfRule): NfRule {
  return rule.matches.some(needsQuotes) ? { ...rule, matches: rule.matches.map(quoted) } : rule;
}

function needsQuotes(match: NfMatch): boolean {
  return (match.kind === "in" || match.kind === "out") && /["\\]/.test(match.is);
}

function quoted(match: NfMatch): NfMatch {
  if (match.kind !== "in" && match.kind !== "out") return match;
  return { ...match, is: `"${match.is.replaceAll(/["\\]/g, "\\$&")}"` };
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
    // Without --random-fully, source ports usually do not change, so a flow can be recognized in the captures.
    for (const rule of chain.rules)
      entry.rules.push(`-A ${chain.name} ${ruleText(quotedDevices(rule), family).replace(" --random-fully", "")}`);
  }
  return [...tables]
    .map(([table, { heads, rules }]) => [`*${table}`, ...heads, ...rules, "COMMIT"].join("\n"))
    .join("\n");
}
