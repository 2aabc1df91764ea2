/** The output of `nft list ruleset` as comparable entries: rules of chains, and elements of sets and maps. */

export type NftKind = "chain" | "set" | "map";

export interface NftEntry {
  /** "ip kube-proxy". */
  readonly table: string;
  /** The chain, set, or map. */
  readonly part: string;
  readonly kind: NftKind;
  /** Without counters and comments; numbers and operators in one notation. */
  readonly text: string;
  /** Index of the line. */
  readonly line: number;
}

export interface NftEntries {
  readonly entries: readonly NftEntry[];
  /** Tables without an end: the output is truncated. */
  readonly open: readonly { readonly table: string; readonly line: number }[];
}

const TABLE = /^table (?<family>ip6?|inet|arp|bridge|netdev) (?<name>\S+) \{/;
const PART = /^\s*(?<kind>chain|set|map) (?<name>\S+) \{/;

export function isNftTable(text: string): boolean {
  return TABLE.test(text);
}

export function nftEntries(lines: readonly string[]): NftEntries {
  const entries: NftEntry[] = [];
  const open: { table: string; line: number }[] = [];
  let table: { readonly table: string; readonly line: number } | undefined;
  let part: { readonly kind: NftKind; readonly part: string } | undefined;
  let inElements = false;
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    const start = TABLE.exec(line)?.groups;
    const opened = PART.exec(line)?.groups;
    if (start) {
      if (table) open.push(table);
      table = { table: `${start["family"]} ${start["name"]}`, line: index };
      part = undefined;
    } else if (table && opened) {
      part = { kind: opened["kind"] as NftKind, part: opened["name"] ?? "" };
      inElements = false;
    } else if (text === "}" && part) part = undefined;
    else if (text === "}") table = undefined;
    else if (table && part?.kind === "chain") {
      const plain = plainRule(text);
      if (plain !== "") entries.push({ ...part, table: table.table, text: plain, line: index });
    } else if (table && part) {
      inElements ||= text.startsWith("elements");
      if (inElements)
        for (const one of elementsIn(text)) entries.push({ ...part, table: table.table, text: one, line: index });
      if (text.endsWith("}")) inElements = false;
    }
  }
  return { entries, open: table ? [...open, table] : open };
}

/** Names of priorities for the families ip, ip6, and inet (nftables src/rule.c). */
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};
/** Older versions of nft spell out the operators on marks. */
const OPERATORS: Readonly<Record<string, string>> = { and: "&", or: "|", xor: "^" };

/** Handles, counters, and comments have no effect; `fully-random` only on the choice of source ports. */
function plainRule(text: string): string {
  return (
    text
      .replace(/ ?# handle \d+$/, "")
      .replace(/ ?counter(?: packets \d+ bytes \d+)?/g, "")
      .replace(/ ?comment "(?:[^"\\]|\\.)*"/g, "")
      .replace(/priority (\w+)(?: ([+-]) (\d+))?;/, priorityText)
      .replace(/\b(?:and|or|xor)\b(?= 0x)/g, (word) => OPERATORS[word] ?? word)
      .replace(/\b0x[0-9a-f]+\b/gi, (hex) => String(Number(hex)))
      .replace(/ fully-random\b/g, "")
      // The version without `addr . port` means the same (nftables 1.0.6).
      .replace(/\bdnat (ip6?) addr \. port to\b/g, "dnat $1 to")
      .replace(/\{ ([^,{}]+) \}$|\{ ([^,{}]+) \}(?= )/g, "$1$2")
      .trim()
  );
}

function priorityText(whole: string, name: string, sign: string | undefined, more: string | undefined): string {
  const base = PRIORITIES[name];
  return base === undefined ? whole : `priority ${base + Number(`${sign ?? ""}${more ?? 0}`)};`;
}

function elementsIn(text: string): readonly string[] {
  return text
    .replace(/^elements = \{/, "")
    .replace(/\}$/, "")
    .split(",")
    .map((one) => plainRule(one.trim()))
    .filter((one) => one !== "");
}
