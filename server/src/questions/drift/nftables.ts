/** nftables tables: rules, elements, and base chains by meaning. Tables that the topology does not have are not compared. */
import type { NftLine } from "../../dataplane/model.ts";
import type { NftTable } from "../../dataplane/nft/ast.ts";
import { baseText, elementText, plainRule } from "../../dataplane/nft/print.ts";
import { nftRuleset, titleOf } from "../../dataplane/nft/ruleset.ts";
import type { Origin } from "../../declared/origin.ts";
import { type Comparison, paired } from "./comparison.ts";
import type { Difference } from "./difference.ts";

export interface NftDifferences {
  readonly differences: readonly Difference[];
  /** Tables of other programs: "table inet firewalld". */
  readonly foreign: readonly string[];
}

/** A rule, the declaration of a base chain, or an element of a set or map. */
interface Entry {
  /** "ip kube-proxy services" */
  readonly part: string;
  readonly text: string;
  readonly isRule: boolean;
  readonly origin: Origin | undefined;
}

export function nftDifferences(comparison: Comparison): NftDifferences {
  const { machine, netns, report } = comparison;
  const place = machine.outputs.get("nft");
  const { nft } = machine;
  if (!place || !nft) return { differences: [], foreign: [] };
  const lines: readonly NftLine[] = ([4, 6] as const).flatMap((family) => [...netns.netfilter.nft(family)]);
  const derived = nftRuleset(lines.map(({ text }) => text)).tables;
  const known = new Set(derived.map(titleOf));
  const foreign = nft.tables
    .filter((table) => !known.has(titleOf(table)) && !nft.compat.includes(table) && hasRules(table))
    .map((table) => `table ${titleOf(table)}`);
  const expected = derived.flatMap((table) => entriesOf(table, (line) => lines[line]?.origin));
  const actual = nft.tables
    .filter((table) => known.has(titleOf(table)))
    .flatMap((table) => entriesOf(table, (line) => nft.origins[line]));
  const key = ({ part, text }: Entry): string => `${part} ${text}`;
  const { missing, extra, both } = paired(expected, actual, { expected: key, actual: key });
  const differences = [
    ...missing.map((one) =>
      report.missing({
        aspect: "nft",
        subject: key(one),
        expected: key(one),
        real: place,
        derived: one.origin ?? netns.origin,
      }),
    ),
    ...extra.map((one) =>
      report.extra({
        aspect: "nft",
        subject: key(one),
        actual: key(one),
        real: one.origin ?? place,
        derived: undefined,
      }),
    ),
    ...orderDifferences(comparison, both, actual, place),
  ];
  return { differences, foreign };
}

function hasRules({ chains }: NftTable): boolean {
  return chains.some(({ rules, base }) => rules.length > 0 || base?.policy === "drop");
}

function entriesOf(table: NftTable, originAt: (line: number) => Origin | undefined): readonly Entry[] {
  const entry = (name: string, text: string, line: number, isRule: boolean): Entry => ({
    part: `${titleOf(table)} ${name}`,
    text,
    isRule,
    origin: originAt(line),
  });
  return [
    ...table.sets.flatMap(({ name, elements }) =>
      elements.map((element) => entry(name, elementText(element), element.line, false)),
    ),
    ...table.chains.flatMap(({ name, base, rules }) => [
      ...(base ? [entry(name, baseText(base), base.line, false)] : []),
      ...rules.flatMap((rule) => {
        const text = plainRule(rule, table.family);
        return text === undefined ? [] : [entry(name, text, rule.line, true)];
      }),
    ]),
  ];
}

/** The first rule of each chain in another position, if the chain has the same rules. */
function orderDifferences(
  { report }: Comparison,
  both: readonly (readonly [Entry, Entry])[],
  actual: readonly Entry[],
  place: Origin,
): readonly Difference[] {
  const position = new Map(actual.map((one, index) => [one, index]));
  const last = new Map<string, number>();
  const reported = new Set<string>();
  const found: Difference[] = [];
  for (const [one, other] of both) {
    if (!one.isRule || reported.has(one.part)) continue;
    const index = position.get(other) ?? 0;
    if (index < (last.get(one.part) ?? -1)) {
      reported.add(one.part);
      const text = `${one.part} ${one.text}`;
      const places = { real: other.origin ?? place, derived: one.origin };
      found.push(report.changed({ aspect: "order", subject: one.part, expected: text, actual: text, ...places }));
    } else last.set(one.part, index);
  }
  return found;
}
