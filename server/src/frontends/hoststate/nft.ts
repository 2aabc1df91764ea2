/**
 * nftables: `nft list ruleset`, as text and as JSON. Tables of iptables-nft are read from `iptables-save`: nft prints some of
 * their matches without arguments (`xt match set`).
 */
import type { NftTable } from "../../dataplane/nft/ast.ts";
import { nftRuleset, titleOf } from "../../dataplane/nft/ruleset.ts";
import type { Output, RealNftRuleset } from "../../dataplane/real/state.ts";
import { t } from "../../text/l10n.ts";
import type { Trouble } from "./iptables.ts";
import type { Locate } from "./place.ts";
import type { Line } from "./text.ts";

export interface NftFile {
  readonly ruleset: RealNftRuleset;
  readonly troubles: readonly Trouble[];
}

/** `shown`: the outputs of the machine. */
export function nftOf(lines: readonly Line[], locate: Locate, shown: ReadonlySet<Output>): NftFile {
  const texts = lines.map(({ text }) => text);
  const { tables, open } = nftRuleset(texts);
  const spanAt = (line: number): Line["span"] => lines[line]?.span ?? { start: 0, end: 1 };
  const troubles: Trouble[] = open.map(({ table, line }) => ({
    span: spanAt(line),
    error: t`table ${table} is not closed: the output is truncated`,
  }));
  const own = tables.filter((table) => !isOfIptables(table));
  const compat: NftTable[] = [];
  for (const family of ["ip", "ip6"] as const) {
    const all = tables.filter((table) => table.family === family && isOfIptables(table));
    if (shown.has(family === "ip" ? "iptables4" : "iptables6")) continue;
    const unread = all.find(({ chains }) => chains.some(({ rules }) => rules.some(({ statements }) => !statements)));
    if (!unread) compat.push(...all);
    else {
      const command = family === "ip" ? "iptables-save" : "ip6tables-save";
      const error = t`nft does not print all matches of iptables-nft (table ${titleOf(unread)}): the derived rules are used; add the output of ${command}`;
      troubles.push({ span: spanAt(unread.line), error });
    }
  }
  const origins = lines.map(({ span }) => locate(span));
  return { ruleset: { tables: [...own, ...compat], texts, origins, compat }, troubles };
}

/** iptables-nft creates tables with these names, and base chains in uppercase (iptables/nft.c). */
export function isOfIptables({ family, name, chains }: NftTable): boolean {
  return (
    (family === "ip" || family === "ip6") &&
    ["raw", "mangle", "nat", "filter", "security"].includes(name) &&
    chains.every(({ name: chain, base }) => !base || chain === base.hook.toUpperCase())
  );
}
