/** iptables chains: rule by rule, by meaning. Chains that the topology does not have are not compared. */
import { bits, formatPrefix } from "../../addressing/ip.ts";
import type { IptablesTable, Netfilter, NfChain, NfMatch, NfRule, NfTable } from "../../dataplane/model.ts";
import { withoutComment } from "../../dataplane/real/netfilter.ts";
import { ruleText } from "../../dataplane/text.ts";
import type { Origin } from "../../declared/origin.ts";
import { list } from "../../text/format.ts";
import { type Comparison, paired } from "./comparison.ts";
import type { Difference } from "./difference.ts";
import { endpointsOf, isEndpointChain, isServiceChain, serviceOf } from "./services.ts";

export interface ChainDifferences {
  readonly differences: readonly Difference[];
  /** Chains of other programs that the built-in chains jump to. */
  readonly foreign: readonly string[];
}

interface Named {
  readonly table: IptablesTable;
  readonly chain: NfChain;
}

export function chainDifferences(comparison: Comparison): ChainDifferences {
  const foreign = new Set<string>();
  const differences = ([4, 6] as const).flatMap((family) => {
    const place = comparison.machine.outputs.get(family === 4 ? "iptables4" : "iptables6");
    return place ? familyDifferences(comparison, family, place, foreign) : [];
  });
  return { differences, foreign: [...foreign].sort() };
}

function familyDifferences(
  comparison: Comparison,
  family: 4 | 6,
  place: Origin,
  foreign: Set<string>,
): readonly Difference[] {
  const { netns, real } = comparison;
  const key = ({ table, chain }: Named): string => `${table} ${chain.name}`;
  const derived = new Map<string, Named>();
  for (const one of netns.netfilter.chains(family)) derived.set(key(one), one);
  const actual = new Map([...real.netfilter.chains(family)].map((one) => [key(one), one]));
  const found: Difference[] = [];
  for (const [name, one] of derived) {
    // A rule that jumps to an absent chain is also absent, and is reported.
    const other = actual.get(name) ?? (one.chain.policy === undefined ? undefined : emptyOf(one));
    if (other) found.push(...differencesOf(one, other, { comparison, family, place, derived, foreign }));
  }
  for (const [name, { chain }] of actual)
    if (chain.policy !== undefined && !derived.has(name))
      for (const { target } of chain.rules) if (target.kind === "JUMP") foreign.add(target.chain);
  return found;
}

function emptyOf({ table, chain: { name } }: Named): Named {
  return { table, chain: { name, policy: "ACCEPT", rules: [] } };
}

interface Context {
  readonly comparison: Comparison;
  readonly family: 4 | 6;
  readonly place: Origin;
  readonly derived: ReadonlyMap<string, Named>;
  readonly foreign: Set<string>;
}

function differencesOf(expected: Named, actual: Named, context: Context): readonly Difference[] {
  const { comparison, family, place } = context;
  const { report } = comparison;
  const { table, chain } = expected;
  const of = `-t ${table} -A ${chain.name}`;
  const textOf = (rule: NfRule): string => meaning(rule, family, comparison.nameOf);
  const realText = (rule: NfRule): string => meaning(rule, family, (name) => name);
  const found: Difference[] = [];
  if (chain.policy !== undefined && actual.chain.policy !== undefined && chain.policy !== actual.chain.policy)
    found.push(
      report.changed({
        aspect: "chain",
        subject: `-t ${table} -P ${chain.name}`,
        expected: `-t ${table} -P ${chain.name} ${chain.policy}`,
        actual: `-t ${table} -P ${chain.name} ${actual.chain.policy}`,
        real: chainPlace(actual, context) ?? place,
        derived: chain.rules[0]?.origin ?? comparison.netns.origin,
      }),
    );
  const service = serviceDifference(expected, actual, context);
  if (service) return [...found, service];
  const compared = (rules: readonly NfRule[]): readonly NfRule[] =>
    isEndpointChain(chain.name) ? rules.filter(({ target }) => target.kind !== "DNAT") : rules;
  const [own, others] = [compared(chain.rules), compared(actual.chain.rules)];
  const pairs = paired(own, others, { expected: textOf, actual: realText });
  const extra = pairs.extra.filter((rule) => !isForeign(rule, actual, context));
  for (const rule of pairs.missing) {
    const text = `${of} ${ruleText(rule, family)}`;
    found.push(
      report.missing({
        aspect: "chain",
        subject: text,
        expected: text,
        real: chainPlace(actual, context) ?? place,
        derived: rule.origin,
      }),
    );
  }
  for (const rule of extra) {
    const text = `${of} ${ruleText(rule, family)}`;
    found.push(
      report.extra({ aspect: "chain", subject: text, actual: text, real: rule.origin ?? place, derived: undefined }),
    );
  }
  if (pairs.missing.length === 0 && extra.length === 0) {
    const matched = pairs.both.map(([, rule]) => rule);
    const moved = firstMoved(own, matched, others);
    if (moved)
      found.push(
        report.changed({
          aspect: "order",
          subject: of,
          expected: `${of} ${ruleText(moved.expected, family)}`,
          actual: `${of} ${ruleText(moved.actual, family)}`,
          real: moved.actual.origin ?? place,
          derived: moved.expected.origin,
        }),
      );
  }
  return found;
}

function chainPlace({ table, chain: { name } }: Named, { comparison, family }: Context): Origin | undefined {
  return comparison.machine.chains.find((one) => one.family === family && one.table === table && one.name === name)
    ?.origin;
}

/**
 * A rule as text without its comment, with matches in one order and the names of real devices. How SNAT chooses a source port is not
 * compared: old kernels and versions of iptables do not support --random-fully.
 */
function meaning({ matches, target }: NfRule, family: 4 | 6, nameOf: (name: string) => string): string {
  const own = matches
    .filter((match) => match.kind !== "comment" && !(match.kind === "ports" && !match.dport && !match.sport))
    .map((match) => (match.kind === "in" || match.kind === "out" ? { ...match, is: nameOf(match.is) } : match));
  const [first] = own;
  const textOf = (part: Pick<NfRule, "matches" | "target">): string => ruleText({ ...part, origin: undefined }, family);
  if (target.kind === "NFQUEUE") return withoutComment(textOf({ matches, target }));
  if (first?.kind === "unread") return withoutComment(first.text);
  const sorted = own.map((match) => textOf({ matches: [match], target: { kind: "NONE" } })).sort();
  return `${sorted.join(" ")} ${textOf({ matches: [], target }).replace(" --random-fully", "")}`;
}

/** Rules of other programs in built-in chains: jumps to their chains, and rules for devices that the topology does not have. */
function isForeign(rule: NfRule, { table, chain }: Named, { comparison, derived, foreign }: Context): boolean {
  if (chain.policy === undefined) return false;
  const { target, matches } = rule;
  if (target.kind === "JUMP" && !derived.has(`${table} ${target.chain}`)) {
    foreign.add(target.chain);
    return true;
  }
  return matches.some(
    (match) =>
      (match.kind === "in" || match.kind === "out") &&
      !match.is.endsWith("+") &&
      comparison.names.derived(match.is) === undefined &&
      comparison.netns.devices.get(match.is) === undefined,
  );
}

/* ------------------------------------------------------------------- order */

/**
 * The first rule in another position. The order of rules for different destination addresses has no effect: kube-proxy writes
 * them in any order.
 */
function firstMoved(
  expected: readonly NfRule[],
  matched: readonly NfRule[],
  actual: readonly NfRule[],
): { readonly expected: NfRule; readonly actual: NfRule } | undefined {
  const position = new Map(actual.map((rule, index) => [rule, index]));
  const last = new Map<string, { readonly index: number; readonly rule: NfRule }>();
  for (const [at, rule] of expected.entries()) {
    const own = matched[at];
    const index = own && position.get(own);
    if (!own || index === undefined) continue;
    const key = destinationKey(rule);
    const before = last.get(key);
    if (before && before.index > index) return { expected: rule, actual: own };
    last.set(key, { index, rule: own });
  }
  return undefined;
}

function destinationKey({ matches }: NfRule): string {
  const dst = matches.find((match): match is Extract<NfMatch, { kind: "dst" }> => match.kind === "dst");
  return dst && !dst.not && dst.is.len === bits(dst.is.ip) ? formatPrefix(dst.is) : "";
}

/* ---------------------------------------------------------------- services */

/** A service with other endpoints is one difference, not one per rule. */
function serviceDifference(
  expected: Named,
  actual: Named,
  { comparison, family, place }: Context,
): Difference | undefined {
  if (!isServiceChain(expected.chain.name)) return undefined;
  const { netns, real, report } = comparison;
  const endpoints = ({ netfilter }: { readonly netfilter: Netfilter }, { table, chain }: Named): readonly string[] =>
    endpointsOf((name) => netfilter.chain(family, table as NfTable, name), chain);
  const [wanted, found] = [endpoints(netns, expected), endpoints(real, actual)];
  if (wanted.join() === found.join()) return undefined;
  const rule = expected.chain.rules[0] ?? actual.chain.rules[0];
  const where = actual.chain.rules[0]?.origin ?? place;
  return report.changed({
    aspect: "service",
    subject: serviceOf(expected.chain) ?? serviceOf(actual.chain) ?? expected.chain.name,
    expected: shown(wanted),
    actual: shown(found),
    real: where,
    derived: rule === actual.chain.rules[0] ? netns.origin : rule?.origin,
  });
}

function shown(endpoints: readonly string[]): string {
  return endpoints.length === 0 ? "none" : list(endpoints, 5);
}
