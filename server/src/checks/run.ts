/** Runs all checks on an analyzed topology. */

import { modeAddressing } from "../cni/modes.ts";
import { buildNetwork, networkProblems } from "../cni/network.ts";
import type { Network } from "../dataplane/model.ts";
import type { Decl, DeclProblem } from "../declared/decl.ts";
import type { Fault } from "../declared/document.ts";
import type { FileProblem } from "../declared/file-problem.ts";
import { sourceOf } from "../declared/origin.ts";
import type { Problem } from "../declared/problem.ts";
import type { AnyCheck, CheckContext, Family, ProblemCheck, ProblemCode, ProblemData } from "../findings/check.ts";
import { type Finding, finding } from "../findings/finding.ts";
import { type Levels, NO_LEVELS, withLevels } from "../findings/levels.ts";
import { applySilences, placing, unclearSilence, unusedSilence } from "../findings/silences.ts";
import { withoutPolicies } from "../kubernetes/contribute.ts";
import { withLazy } from "../memo/lazy.ts";
import { valueAt } from "../memo/memo.ts";
import { numbering } from "../memo/numbering.ts";
import type { Effect } from "../questions/effect.ts";
import { number } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { Span } from "../text/span.ts";
import { buildTopology } from "../topology/build.ts";
import type { ClusterDefaults } from "../topology/cluster.ts";
import type { Cluster, Topology } from "../topology/model.ts";
import { catalog, checksOfProblems } from "./catalog.ts";

/** Maximum number of findings per code, to keep the report of a file with thousands of errors readable. */
const MOST_PER_CODE = 1000;

export interface RunOptions {
  /** The severities that the project configures. */
  readonly levels?: Levels;
  /** Problems of the files themselves. */
  readonly extra?: readonly FileProblem[];
  /** Receives each finding when it is found, before comments and severities apply to it. */
  readonly watch?: (finding: Finding) => void;
  /** For clusters that do not state their own values; the topology was built with them. */
  readonly defaults?: ClusterDefaults | undefined;
  /** Whether all expectations and node pairs are also evaluated after each single failure. */
  readonly failures?: boolean | undefined;
}

type Given = Omit<CheckContext, "explaining" | "open" | "peopled">;

/** All findings that are neither off nor suppressed, in catalog order: causes before consequences. */
export function runChecks(context: Given, options: RunOptions = {}): readonly Finding[] {
  const ofFile = (problem: FileProblem): Finding => worded(problem, context.topology);
  const all = [...(options.extra ?? []).map(ofFile), ...allFindings(context, options)];
  if (context.cancelled()) return [];
  const silences = context.files.flatMap((file) => file.silences());
  const levels = options.levels ?? NO_LEVELS;
  const { kept, unused } = applySilences(silences, all, placing(context.files));
  const comments: FileProblem[] = silences.flatMap(
    (silence) => unclearSilence(silence, (code) => byCode.has(code)) ?? [],
  );
  // A check that is off has no findings: a comment that also suppresses it is not an error.
  for (const { silence, code } of unused)
    if (byCode.has(code) && levels.get(code) !== "off") comments.push(unusedSilence(silence, code));
  return withLevels([...kept, ...comments.map(ofFile)], levels, (code) => byCode.get(code)?.severity);
}

function peopledTopology({ files, topology }: Given, defaults: RunOptions["defaults"]): Topology {
  const isEmpty = ({ nodes, cni, workloads }: Cluster): boolean =>
    nodes.length > 0 && cni.decl !== undefined && workloads.every(({ hostNetwork }) => hostNetwork);
  return topology.clusters.some(isEmpty)
    ? buildTopology(files, modeAddressing, undefined, { peopled: true, defaults })
    : topology;
}

function openNetwork({ topology, network }: Given, peopled: Topology): Network {
  const isOpen = topology.clusters.every(({ policies }) => policies.length === 0);
  return isOpen && peopled === topology ? network : buildNetwork(peopled, withoutPolicies());
}

/** All findings, regardless of the configuration: a suppressed finding is still the cause of its consequences. */
function allFindings(context: Given, { watch, defaults, failures }: RunOptions): Finding[] {
  const found = new Map<string, Finding[]>();
  const dropped = new Map<string, number>();
  const explaining = new Map<Effect, Finding[]>();
  const add = (one: Finding): void => {
    const same = valueAt(found, one.code, (): Finding[] => []);
    if (same.length === MOST_PER_CODE) {
      dropped.set(one.code, (dropped.get(one.code) ?? 0) + 1);
      return;
    }
    same.push(one);
    watch?.(one);
    for (const effect of effectsOf(one)) valueAt(explaining, effect, (): Finding[] => []).push(one);
  };
  for (const file of context.files) {
    for (const one of file.faults()) add(worded(problemOfFault(one), context.topology));
    for (const decl of file.decls) addDeclProblems(file.file, decl, context.topology, add);
    if (context.cancelled()) return [];
  }
  const full: CheckContext = withLazy(
    { ...context, failures, explaining: (effect: Effect) => explaining.get(effect) ?? [] },
    { peopled: () => peopledTopology(context, defaults), open: () => openNetwork(context, full.peopled) },
  );
  // Without further findings: computing them could use all memory.
  const tooLarge = context.topology.problems.filter(({ code }) => checksOfProblems[code].stops);
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

/** Lost packets are an effect of all errors in what the file declares. */
function effectsOf({ code, severity }: Finding): ReadonlySet<Effect> {
  const check = byCode.get(code);
  const effects = new Set(check?.explains);
  if (check && severity === "error" && DECLARING.has(check.family)) effects.add("lost-packets");
  return effects;
}

/** The families of checks that find errors in declarations alone, without the data plane. */
const DECLARING: ReadonlySet<Family> = new Set(["syntax", "addresses", "capacity"]);
/** Families whose checks send packets. */
const SENDING: ReadonlySet<Family> = new Set<Family>(["mtu", "reachability", "expectations"]);

/**
 * The checks in the order in which they run. The expensive ones run last, so a run that is canceled because of a finding ends early;
 * no finding of a later family is the cause of theirs.
 */
const searches: typeof catalog = [
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

const byCode: ReadonlyMap<string, AnyCheck> = new Map(catalog.map((check) => [check.code, check]));

/** A problem of any layer; `span`: its location in the text if it is not part of a declaration. */
type AnyProblem<C extends ProblemCode = ProblemCode> = Problem<ProblemData, C> & { readonly span?: Span };

function problemOfFault({ kind, text, span, source, repair }: Fault): FileProblem {
  return { code: "KN001", source, span, data: { kind, text, repair }, related: [] };
}

function addDeclProblems(file: string, decl: Decl, topology: Topology, add: (one: Finding) => void): void {
  if (decl.problemCount === 0) return;
  for (const problem of decl.problems) add(worded(located(problem, file, decl), topology));
  for (const child of decl.children) addDeclProblems(file, child, topology, add);
}

function located({ part, decl: inner, related, ...problem }: DeclProblem, file: string, decl: Decl): AnyProblem {
  const others = (related ?? []).map((other) => ({
    source: sourceOf(file, other, "keyword"),
    message: t`also declared here`,
  }));
  return { ...problem, source: sourceOf(file, inner ?? decl, part), related: others };
}

/** Merges problems of one kind at one location (the nodes of a pool share their statements) into one finding. */
function addProblems(problems: readonly AnyProblem[], context: CheckContext, add: (one: Finding) => void): void {
  const idOf = numbering();
  const places = new Map<string, { readonly first: AnyProblem; count: number }>();
  const explaining = new Map<Effect, AnyProblem[]>();
  for (const problem of problems) {
    for (const effect of checksOfProblems[problem.code].explains ?? [])
      valueAt(explaining, effect, (): AnyProblem[] => []).push(problem);
  }
  for (const problem of problems) {
    const { effect } = checksOfProblems[problem.code];
    if (effect && explaining.get(effect)?.some((cause) => isSameSegment(cause, problem))) continue;
    const key = `${problem.code} ${idOf(problem.source.decl.handle)} ${String(problem.source.part)}`;
    const place = places.get(key);
    if (place) place.count += 1;
    else places.set(key, { first: problem, count: 1 });
  }
  for (const { first, count } of places.values()) {
    const found = worded(first, context.topology);
    const one = isExpected(first, context) ? expected(found) : found;
    add(
      count === 1 ? one : { ...one, message: t`${one.message} (${number(count - 1)} more like this at this location)` },
    );
  }
}

/** A problem of one segment never explains a problem of a different segment. */
function isSameSegment({ data: a }: AnyProblem, { data: b }: AnyProblem): boolean {
  return !("segment" in a) || !("segment" in b) || a.segment === b.segment;
}

function isExpected<C extends ProblemCode>({ code, data }: AnyProblem<C>, context: CheckContext): boolean {
  const check: ProblemCheck<C> = checksOfProblems[code];
  return check.isExpected?.(data, context) ?? false;
}

function expected(one: Finding): Finding {
  return {
    ...one,
    severity: "info",
    message: t`${one.message} (expected: an \`expect\` statement declares this failure)`,
  };
}

/** The message of a problem of any layer. */
export function messageOf<C extends ProblemCode>({ code, data }: AnyProblem<C>): string {
  const check: ProblemCheck<C> = checksOfProblems[code];
  return check.message(data);
}

function worded<C extends ProblemCode>(problem: AnyProblem<C>, topology: Topology): Finding {
  const { code, data, source, related, span } = problem;
  const check: ProblemCheck<C> = checksOfProblems[code];
  const one = finding(check, source, messageOf(problem), {
    severity: check.severityOf?.(data) ?? check.severity,
    related,
    fixes: check.fixes?.(data, source, { topology, related, span }) ?? [],
  });
  return span === undefined ? one : { ...one, source, span };
}
