/**
 * nftables: `nft list ruleset` as text. `nft -j` prints the rules of iptables-nft without the arguments of their matches, so
 * it is not read.
 */
import { nftEntries } from "../../dataplane/nft-text.ts";
import type { RealNftRule } from "../../dataplane/real/state.ts";
import { t } from "../../text/l10n.ts";
import type { Trouble } from "./iptables.ts";
import type { Locate } from "./place.ts";
import type { Line } from "./text.ts";

export interface NftRules {
  readonly rules: readonly RealNftRule[];
  readonly troubles: readonly Trouble[];
}

export function nftRulesOf(lines: readonly Line[], locate: Locate): NftRules {
  const { entries, open } = nftEntries(lines.map(({ text }) => text));
  return {
    rules: entries.flatMap(({ line, ...entry }) => {
      const span = lines[line]?.span;
      return span ? [{ ...entry, origin: locate(span) }] : [];
    }),
    troubles: open.flatMap(({ table, line }) => {
      const span = lines[line]?.span;
      return span ? [{ span, error: t`table ${table} is not closed: the output is truncated` }] : [];
    }),
  };
}
