/** The rules of a network namespace as the Linux tools print them: iptables-save, nft, ipvsadm, ipset. */
import { formatPrefix } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import type { IpSet, IptablesTable, Netns, NfChain, NfTarget } from "./model.ts";
import type { ProgramListing, QueueProgram } from "./program.ts";
import type { ReportLocation } from "./routes-schema.ts";
import type { RulesReport } from "./rules-schema.ts";
import { ruleText, serverText } from "./text.ts";

export interface RuleLine {
  readonly text: string;
  readonly origin: Origin | undefined;
}

export interface RuleSection {
  /** The command that prints the section. */
  readonly command: string;
  readonly lines: readonly RuleLine[];
}

/** Empty sections are omitted. The listings of programs follow, each once. */
export function ruleSections(netns: Netns): readonly RuleSection[] {
  const sections = [
    iptablesSection(netns, 4),
    iptablesSection(netns, 6),
    { command: "nft list ruleset", lines: [...netns.netfilter.nft(4), ...netns.netfilter.nft(6)] },
    { command: "ipvsadm -Sn", lines: ipvsLines(netns) },
    { command: "ipset save", lines: setLines(netns) },
    ...[...listingsOf(netns)].map((listing) => ({ command: listing.command, lines: [...listing.entries()] })),
  ];
  return sections.filter(({ lines }) => lines.length > 0);
}

function listingsOf(netns: Netns): ReadonlySet<ProgramListing> {
  const programs = [
    netns.connect,
    ...[...netns.devices.values()].flatMap(({ tc }) => [tc?.ingress, tc?.egress]),
    ...queuePrograms(netns).values(),
  ];
  return new Set(programs.flatMap((program) => program?.listings ?? []));
}

/** The programs of NFQUEUE targets by queue number. */
export function queuePrograms({ netfilter }: Pick<Netns, "netfilter">): ReadonlyMap<number, QueueProgram> {
  const programs = new Map<number, QueueProgram>();
  for (const family of [4, 6] as const) {
    const chains = [
      ...[...netfilter.chains(family)].map(({ chain }) => chain),
      ...netfilter.bases(family).flatMap(({ table, chain }) => netfilter.chain(family, table, chain) ?? []),
    ];
    for (const { target } of chains.flatMap(({ rules }) => rules))
      for (const { number, program } of queuesOf(target)) programs.set(number, program);
  }
  return programs;
}

function queuesOf(target: NfTarget): readonly { readonly number: number; readonly program: QueueProgram }[] {
  if (target.kind === "NFQUEUE") return [target];
  if (target.kind !== "NFT") return [];
  const { program, statements } = target;
  return statements.flatMap((one) => (one.kind === "queue" && program ? { number: one.number, program } : []));
}

function ipvsLines({ ipvs }: Netns): readonly RuleLine[] {
  const lines: RuleLine[] = [];
  for (const virtual of ipvs?.all() ?? []) {
    const { origin } = virtual;
    lines.push({ text: serverText(virtual, undefined), origin });
    for (const server of virtual.servers) lines.push({ text: serverText(virtual, server), origin });
  }
  return lines;
}

/** The sets that rules refer to, without duplicates. */
function setLines({ netfilter }: Netns): readonly RuleLine[] {
  const sets = new Set<IpSet>();
  for (const family of [4, 6] as const) {
    for (const { chain } of netfilter.chains(family)) {
      for (const match of chain.rules.flatMap(({ matches }) => matches)) if (match.kind === "set") sets.add(match.set);
    }
  }
  const plain = (text: string): RuleLine => ({ text, origin: undefined });
  return [...sets].flatMap(({ name, type, family, members, entries }) => {
    const options = type.startsWith("hash") ? `family ${family === 4 ? "inet" : "inet6"}` : "range 0-65535";
    const texts = entries ? [...entries()] : [...members()].map(formatPrefix);
    return [plain(`create ${name} ${type} ${options}`), ...texts.map((text) => plain(`add ${name} ${text}`))];
  });
}

/** All sections, each under the command that prints it. */
export function printRules(netns: Netns): string {
  return ruleSections(netns)
    .map(({ command, lines }) => `# ${command}\n${lines.map(({ text }) => text).join("\n")}\n`)
    .join("\n");
}

export function rulesReport(netns: Netns, locate: (source: Origin) => ReportLocation | undefined): RulesReport {
  return {
    schema: "knet-rules/1",
    netns: netns.id,
    sections: ruleSections(netns).map(({ command, lines }) => ({
      command,
      lines: lines.map(({ text, origin }) => {
        const location = origin && locate(origin);
        return location ? { text, location } : { text };
      }),
    })),
  };
}

function iptablesSection(netns: Netns, family: 4 | 6): RuleSection {
  const tables = new Map<IptablesTable, NfChain[]>();
  for (const { table, chain } of netns.netfilter.chains(family)) {
    const chains = tables.get(table);
    if (chains) chains.push(chain);
    else tables.set(table, [chain]);
  }
  const plain = (text: string): RuleLine => ({ text, origin: undefined });
  const lines = [...tables].flatMap(([table, chains]) => [
    plain(`*${table}`),
    // Only built-in chains have a policy.
    ...chains.map(({ name, policy }) => plain(`:${name} ${policy ?? "-"} [0:0]`)),
    ...chains.flatMap(({ name, rules }) =>
      rules.map((rule): RuleLine => ({ text: `-A ${name} ${ruleText(rule, family)}`, origin: rule.origin })),
    ),
    plain("COMMIT"),
  ]);
  return { command: family === 4 ? "iptables-save" : "ip6tables-save", lines };
}
