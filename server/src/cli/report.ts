/** Builds the report of `knet check`, which the output formats print. */

import { sourceOf } from "../declared/origin.ts";
import { argumentTexts } from "../declared/text.ts";
import type { Finding, Severity } from "../findings/finding.ts";
import { outcomeOf } from "../questions/expectations.ts";
import type { Analysis } from "../service/analysis.ts";
import { provenFixes } from "../service/features/fixes.ts";
import { type Locator, locator } from "./locate.ts";
import type { Diagnostic, Report } from "./report-schema.ts";

/** Each proof analyzes the edited files: limits for the number of proofs and for their total text. Findings beyond the limits have no fixes. */
const MOST_PROOFS = 100;
const PROVEN_TEXT = 4_000_000;

export type Fixes = Diagnostic["fixes"];

/** A finding of one topology, with the number of its fixes, which are not proven yet. Plain data: a worker thread can send it. */
export interface Entry {
  readonly file: string;
  readonly diagnostic: Diagnostic;
  readonly fixes: number;
}

/** An expectation, for reports of tests. Plain data. */
export interface Case {
  readonly file: string;
  /** "a -> b:80 reachable" */
  readonly name: string;
  /** Of the statement: the findings in it are the failures of the case. */
  readonly range: Diagnostic["range"];
  /** Whether it fails, but a comment or a severity suppresses the finding. */
  readonly suppressed: boolean;
}

/** The result of one topology. */
export interface Checked {
  readonly entries: readonly Entry[];
  /** Empty unless requested. */
  readonly cases: readonly Case[];
}

/** A finding whose fixes must be proven: its index in the entries of its topology. */
export interface Wanted {
  readonly at: number;
  readonly diagnostic: Diagnostic;
}

export interface Merged {
  /** Adds the entries of the next topology. The caller adds the fixes of the returned ones with `withFixes`. */
  add(checked: Checked): readonly Wanted[];
  report(): Report;
  /** Each expectation once, in order of `add`. */
  cases(): readonly Case[];
}

/**
 * Lists every file once, even if several topologies contain it. `length`: of the texts of all topologies. The order of `add` determines
 * the order in the report and which fixes are proven; `fixed` false: none.
 */
export function mergedReport(files: readonly string[], length: number, fixed = true): Merged {
  let proofs = fixed ? Math.min(MOST_PROOFS, Math.ceil(PROVEN_TEXT / (length + 1))) : 0;
  const byFile = new Map<string, Diagnostic[]>(files.map((file) => [file, []]));
  const seen = new Set<string>();
  const cases = new Map<string, Case>();
  return {
    add: (checked) => {
      for (const one of checked.cases) {
        const key = JSON.stringify([one.file, one.range]);
        if (!cases.has(key)) cases.set(key, one);
      }
      return checked.entries.flatMap(({ file, diagnostic, fixes }, at) => {
        const { code, range, message } = diagnostic;
        const key = JSON.stringify([file, code, range, message]);
        if (seen.has(key)) return [];
        seen.add(key);
        const before = byFile.get(file);
        if (before) before.push(diagnostic);
        else byFile.set(file, [diagnostic]);
        proofs -= fixes;
        return proofs < 0 || fixes === 0 ? [] : [{ at, diagnostic }];
      });
    },
    cases: () => [...cases.values()],
    report() {
      const all = [...byFile.values()].flat();
      const count = (severity: Severity): number => all.filter((one) => one.severity === severity).length;
      return {
        schema: "knet-check/1",
        files: [...byFile].map(([path, diagnostics]) => ({ path, diagnostics })),
        summary: { errors: count("error"), warnings: count("warning"), infos: count("info"), hints: count("hint") },
      };
    },
  };
}

export function withFixes({ diagnostic }: Wanted, fixes: Fixes): void {
  diagnostic.fixes.push(...fixes);
}

/** Findings of a topology that have a location, in order. */
function placed(analysis: Analysis, locate: Locator): { finding: Finding; range: Diagnostic["range"] }[] {
  return (analysis.findings(() => false) ?? []).flatMap((finding) => {
    const range = locate.finding(finding)?.range;
    return range ? [{ finding, range }] : [];
  });
}

/** `withCases`: also the expectations. */
export function checkedOf(analysis: Analysis, withCases: boolean): Checked {
  return { entries: entriesOf(analysis), cases: withCases ? casesOf(analysis) : [] };
}

function casesOf(analysis: Analysis): readonly Case[] {
  const locate = locator(analysis);
  const reported = new Set((analysis.findings(() => false) ?? []).map(({ source }) => source.decl.handle));
  const expectations = new Map(analysis.topology.expectations.map((one) => [one.source.decl.handle, one]));
  return analysis.files.flatMap(({ file, decls }) =>
    decls.flatMap((decl): readonly Case[] => {
      if (decl.spec?.keyword !== "expect") return [];
      const range = locate.source(sourceOf(file, decl))?.range;
      if (range === undefined) return [];
      const expectation = expectations.get(decl.handle);
      const suppressed =
        expectation !== undefined &&
        !reported.has(decl.handle) &&
        isSuppressible(analysis, file) &&
        outcomeOf(analysis, expectation).kind !== "holds";
      return [{ file, name: argumentTexts(decl).join(" "), range, suppressed }];
    }),
  );
}

/** Whether a finding of an expectation in this file can be hidden. */
function isSuppressible({ options, fileOf }: Analysis, file: string): boolean {
  return (options.levels?.size ?? 0) > 0 || (fileOf(file)?.silences().length ?? 0) > 0;
}

function entriesOf(analysis: Analysis): Entry[] {
  const locate = locator(analysis);
  return placed(analysis, locate).map(({ finding, range }) => {
    const { code, severity, message } = finding;
    const related = finding.related.flatMap(({ source, message: text }) => {
      const where = locate.source(source);
      return where ? [{ file: where.file, range: where.range, message: text }] : [];
    });
    const diagnostic = { code, severity, message, range, related, fixes: [] };
    return { file: finding.source.file, diagnostic, fixes: finding.fixes.length };
  });
}

/** The proven fixes of the entries with these indexes. */
export function fixesOf(analysis: Analysis, indexes: readonly number[]): Fixes[] {
  const locate = locator(analysis);
  const all = placed(analysis, locate);
  return indexes.map((at) => {
    const finding = all[at]?.finding;
    const proven = (finding && provenFixes(analysis, finding, () => false)) ?? [];
    return proven.map(({ title, edits }) => ({
      title,
      edits: [...edits].flatMap(([name, list]) =>
        list.flatMap(({ start, end, text }) => {
          const where = locate.span(name, { start, end });
          return where ? [{ file: name, range: where.range, text }] : [];
        }),
      ),
    }));
  });
}
