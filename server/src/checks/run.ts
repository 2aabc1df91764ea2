/** Runs all checks on an analyzed topology. */

import { modeAddressing } from "../cni/modes.ts";
import { buildNetwork, networkProblems } from "../cni/network.ts";
import type { Network } from "../dataplane/model.ts";
import type { Decl } from "../declared/decl.ts";
import { identities } from "../declared/navigate.ts";
import { withoutPolicies } from "../kubernetes/contribute.ts";
import { number } from "../text/format.ts";
import { t, translated } from "../text/l10n.ts";
import { buildTopology } from "../topology/build.ts";
import type { Cluster, Topology } from "../topology/model.ts";
import type { TopologyProblem } from "../topology/problems.ts";
import { tooManyNodes } from "./capacity/too-many-nodes.ts";
import { catalog } from "./catalog.ts";
import type { Check, CheckContext, Code, Family, Finding } from "./check.ts";
import { isAcknowledged } from "./expectations/acknowledged.ts";
import { finding } from "./finding.ts";
import { type Levels, NO_LEVELS, withLevels } from "./levels.ts";
import { applySilences, placing } from "./silence.ts";
import { syntaxFinding } from "./syntax/parse.ts";
import { unclearSilence } from "./syntax/silence-unclear.ts";
import { unusedSilence } from "./syntax/silence-unused.ts";

/** Maximum number of findings per code, to keep the report of a file with thousands of errors readable. */
const MOST_PER_CODE = 1000;

export interface RunOptions {
  /** The severities that the project configures. */
  readonly levels?: Levels;
  /** Findings of the service about the files themselves. */
  readonly extra?: readonly Finding[];
  /** Receives each finding when it is found, before comments and severities apply to it. */
  readonly watch?: (finding: Finding) => void;
}

type Given = Omit<CheckContext, "found" | "reported" | "open" | "peopled">;

/** All findings that are neither off nor suppressed, in catalog order: causes before consequences. */
export function runChecks(context: Given, options: RunOptions = {}): readonly Finding[] {
  const all = [...(options.extra ?? []), ...allFindings(context, options.watch)];
  if (context.cancelled()) return [];
  const silences = context.files.flatMap((file) => file.silences());
  const levels = options.levels ?? NO_LEVELS;
  const { kept, unused } = applySilences(silences, all, placing(context.files));
  const comments = silences.flatMap((silence) => unclearSilence(silence, (code) => byCode.has(code)) ?? []);
  // A check that is off has no findings: a comment that also suppresses it is not an error.
  for (const { silence, code } of unused)
    if (byCode.has(code) && levels.get(code) !== "off") comments.push(unusedSilence(silence, code));
  return withLevels([...kept, ...comments], levels, (code) => byCode.get(code)?.severity);
}

function peopledTopology({ files, topology }: Given): Topology {
  const isEmpty = ({ nodes, cni, workloads }: Cluster): boolean =>
    nodes.length > 0 && cni.decl !== undefined && workloads.every(({ hostNetwork }) => hostNetwork);
  return topology.clusters.some(isEmpty) ? buildTopology(files, modeAddressing, undefined, true) : topology;
}

function openNetwork({ topology, network }: Given, peopled: Topology): Network {
  const isOpen = topology.clusters.every(({ policies }) => policies.length === 0);
  return isOpen && peopled === topology ? network : buildNetwork(peopled, withoutPolicies());
}

/** All findings, regardless of the configuration: a suppressed finding is still the cause of its consequences. */
function allFindings(context: Given, watch: RunOptions["watch"]): Finding[] {
  const found = new Map<string, Finding[]>();
  const dropped = new Map<string, number>();
  const reported: Finding[] = [];
  const add = (one: Finding): void => {
    if ((found.get(one.code)?.length ?? 0) < MOST_PER_CODE) {
      reported.push(one);
      watch?.(one);
    }
    const same = found.get(one.code);
    if (!same) found.set(one.code, [one]);
    else if (same.length < MOST_PER_CODE) same.push(one);
    else dropped.set(one.code, (dropped.get(one.code) ?? 0) + 1);
  };
  for (const file of context.files) {
    for (const one of file.faults()) add(syntaxFinding(one));
    for (const decl of file.decls) addDeclProblems(file.file, decl, context.topology, add);
    if (context.cancelled()) return [];
  }
  let peopled: Topology | undefined;
  let open: Network | undefined;
  const full: CheckContext = {
    ...context,
    get peopled() {
      peopled ??= peopledTopology(context);
      return peopled;
    },
    get open() {
      open ??= openNetwork(context, full.peopled);
      return open;
    },
    found: (code) => found.get(code) ?? [],
    reported,
  };
  // A topology of this size has no further findings: computing them could use all memory.
  const tooLarge = context.topology.problems.filter(({ code }) => code === tooManyNodes.code);
  if (tooLarge.length > 0) {
    addProblems(tooLarge, full, add);
    return inOrder(found, dropped);
  }
  addProblems([...context.topology.problems, ...networkProblems(context.topology)], full, add);
  for (const check of searches) {
    if (context.cancelled()) return [];
    for (const one of check.run?.(full) ?? []) add(one);
  }
  return inOrder(found, dropped);
}

/** Families whose checks send packets. */
const SENDING: ReadonlySet<Family> = new Set<Family>(["mtu", "reachability", "expectations"]);

/**
 * The checks in the order in which they run. The expensive ones run last, so a run that is canceled because of a finding ends early;
 * no finding of a later family is the cause of theirs.
 */
const searches: readonly Check[] = [
  ...catalog.filter(({ family }) => !SENDING.has(family)),
  ...catalog.filter(({ family }) => SENDING.has(family)),
];

function inOrder(found: ReadonlyMap<string, readonly Finding[]>, dropped: ReadonlyMap<string, number>): Finding[] {
  const all: Finding[] = [];
  const rest = new Set(found.keys());
  for (const { code } of catalog) rest.delete(code);
  for (const code of [...catalog.map((check) => check.code), ...rest]) {
    const findings = found.get(code) ?? [];
    all.push(...findings);
    const last = findings.at(-1);
    const more = dropped.get(code);
    if (last && more) {
      all.push({
        ...last,
        severity: "info",
        message:
          more === 1
            ? t`1 more diagnostic of this kind is not shown`
            : t`${number(more)} more diagnostics of this kind are not shown`,
        related: [],
        fixes: [],
      });
    }
  }
  return all;
}

/* ---------------------------------------------------------------- problems */

const byCode: ReadonlyMap<string, Check> = new Map(catalog.map((check) => [check.code, check]));

function addDeclProblems(file: string, decl: Decl, topology: Topology, add: (one: Finding) => void): void {
  if (decl.problemCount === 0) return;
  for (const { code, data, part, decl: inner, related } of decl.problems) {
    const place = { file, decl: inner ?? decl, part };
    const others = (related ?? []).map((other) => ({
      source: { file, decl: other, part: "keyword" as const },
      message: t`also declared here`,
    }));
    add(worded({ code, data, source: place, related: others }, topology));
  }
  for (const child of decl.children) addDeclProblems(file, child, topology, add);
}

/** Merges problems of one kind at one location (the nodes of a pool share their statements) into one finding. */
function addProblems(problems: readonly TopologyProblem[], context: CheckContext, add: (one: Finding) => void): void {
  const idOf = identities();
  const places = new Map<string, { readonly first: TopologyProblem; count: number }>();
  const codes = new Map<string, TopologyProblem[]>();
  for (const problem of problems) {
    const same = codes.get(problem.code);
    if (same) same.push(problem);
    else codes.set(problem.code, [problem]);
  }
  for (const problem of problems) {
    const isOfIt = (other: TopologyProblem): boolean => isSameSegment(problem, other);
    if (byCode.get(problem.code)?.impliedBy?.some((code) => codes.get(code)?.some(isOfIt))) continue;
    const key = `${problem.code} ${idOf(problem.source.decl.handle)} ${String(problem.source.part)}`;
    const place = places.get(key);
    if (place) place.count += 1;
    else places.set(key, { first: problem, count: 1 });
  }
  for (const { first, count } of places.values()) {
    const one = isAcknowledged(first, context)
      ? expected(worded(first, context.topology))
      : worded(first, context.topology);
    add(
      count === 1 ? one : { ...one, message: t`${one.message} (${number(count - 1)} more like this at this location)` },
    );
  }
}

/** A problem of one segment never implies a problem of a different segment. */
function isSameSegment({ data: a }: TopologyProblem, { data: b }: TopologyProblem): boolean {
  return a.segment === undefined || b.segment === undefined || a.segment === b.segment;
}

function expected(one: Finding): Finding {
  return {
    ...one,
    severity: "info",
    message: t`${one.message} (expected: an \`expect\` statement declares this failure)`,
  };
}

function worded(problem: TopologyProblem, topology: Topology): Finding {
  const check = byCode.get(problem.code);
  if (!check) {
    // A lower layer uses a code that is missing from the catalog; a test prevents this.
    const data = Object.entries(problem.data).map(([name, value]) => `${name} ${value}`);
    const message = `problem ${problem.code}: ${data.join(", ")}`;
    return {
      code: problem.code as Code,
      severity: "error",
      message,
      source: problem.source,
      related: problem.related,
      fixes: [],
    };
  }
  return finding(check, problem.source, check.message?.(problem.data) ?? translated(check.summary), {
    severity: check.severityOf?.(problem.data) ?? check.severity,
    related: problem.related,
    fixes: check.fixes?.(problem.data, problem.source, { topology, related: problem.related }) ?? [],
  });
}
