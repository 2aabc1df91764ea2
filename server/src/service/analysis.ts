/**
 * One analysis of a root file and all its imports, from text to findings. Immutable: `service.ts` creates one for each
 * state of the files. Expensive parts are computed on first use.
 */

import { type RunOptions, runChecks } from "../checks/run.ts";
import { modeAddressing } from "../cni/modes.ts";
import { buildNetwork } from "../cni/network.ts";
import type { Network } from "../dataplane/model.ts";
import { realNetwork } from "../dataplane/real/network.ts";
import type { RealState } from "../dataplane/real/state.ts";
import type { Document } from "../declared/document.ts";
import type { Origin } from "../declared/origin.ts";
import { plainDocument } from "../declared/plain.ts";
import type { Finding } from "../findings/finding.ts";
import { kubernetes } from "../kubernetes/contribute.ts";
import { withLazy } from "../memo/lazy.ts";
import { machinesOf } from "../questions/drift/machines.ts";
import type { Span } from "../text/span.ts";
import { buildTopology, type TopologyMemo } from "../topology/build.ts";
import type { Topology } from "../topology/model.ts";
import type { SourceUse } from "./closure.ts";
import type { Config } from "./config.ts";
import { type Expand, unexpanded } from "./sources.ts";

export interface AnalysisOptions extends RunOptions {
  /** The `knet.json` that applies to these files. */
  readonly config?: Config | undefined;
  /** The statements that read sources, and the expansion of these statements. */
  readonly sources?: readonly SourceUse[];
  readonly expand?: Expand;
  /** The state of real machines, which is compared with the topology. */
  readonly state?: RealState | undefined;
}

export interface Analysis {
  readonly root: string;
  /** As written. */
  readonly files: readonly Document[];
  /** With the declarations of sources. */
  readonly declared: readonly Document[];
  readonly topology: Topology;
  readonly network: Network;
  /** The network with the real state of the machines for which state is given; undefined without state. */
  readonly realNetwork: Network | undefined;
  readonly options: AnalysisOptions;
  /** Sorted by file and position. Undefined if the run was canceled. `watch`: see `RunOptions`; not called if the findings are known. */
  findings(cancelled: () => boolean, watch?: (finding: Finding) => void): readonly Finding[] | undefined;
  fileOf(file: string): Document | undefined;
  /** Span of a source in the current text of its file. */
  spanOf(source: Origin): Span | undefined;
  /** The same without quotes. */
  innerSpanOf(source: Origin): Span | undefined;
  /** Span at which a finding is shown. Findings outside statements carry their own span. */
  placeOf(finding: Finding): Span | undefined;
  /** The analysis of other texts of the same files, which computes only what differs. */
  edited(files: readonly Document[]): Analysis;
}

/** `options`: findings about the files themselves (such as an unreadable import) and the project settings. `memo`: shared with earlier runs. */
export function analyse(
  root: string,
  files: readonly Document[],
  options: AnalysisOptions = {},
  memo: TopologyMemo = new Map(),
): Analysis {
  const { config, sources = [], expand = unexpanded } = options;
  const { files: declared, state = options.state } = expand(files, sources);
  const byName = new Map(declared.map((file) => [file.file, file]));
  // Findings can also point into knet.json, which has text but no statements.
  if (config) byName.set(config.file, plainDocument(config.file, config.text));
  for (const document of state?.documents ?? []) byName.set(document.file, document);
  const spanOf = (source: Origin): Span | undefined => byName.get(source.file)?.spanOf(source);
  const prepare = (found: readonly Finding[]): void => {
    for (const file of declared) {
      file.prepare(found.flatMap(({ source }) => (source.file === file.file ? source : [])));
    }
  };
  let findings: readonly Finding[] | undefined;
  const rest: Omit<Analysis, "topology" | "network" | "realNetwork"> = {
    root,
    files,
    declared,
    options,
    findings(cancelled, watch) {
      if (findings) return findings;
      let stopped = false;
      const ask = (): boolean => {
        stopped ||= cancelled();
        return stopped;
      };
      const context = { files: declared, topology: self.topology, network: self.network, state, cancelled: ask };
      const ofFiles = [...(state?.problems ?? []), ...declared.flatMap((file) => file.problems())];
      const extra = [...(options.extra ?? []), ...ofFiles];
      const found = runChecks(context, { ...options, extra, ...(watch ? { watch } : {}) });
      if (stopped) return undefined;
      prepare(found);
      findings = sortFindings(found, self.placeOf);
      return findings;
    },
    fileOf: (file) => byName.get(file),
    spanOf,
    innerSpanOf: (source) => byName.get(source.file)?.innerSpanOf(source),
    placeOf: (finding) => finding.span ?? spanOf(finding.source),
    // A copy: the next analysis of the current text continues from its own topology.
    // Fixes are proven without failures: no finding about them has a fix.
    edited: (others) => analyse(root, others, { ...options, extra: [], failures: undefined }, new Map(memo)),
  };
  const self: Analysis = withLazy(rest, {
    topology: () => buildTopology(declared, modeAddressing, memo, { defaults: options.defaults }),
    network: () => buildNetwork(self.topology, kubernetes()),
    realNetwork: () => state && realNetwork(self.network, machinesOf(self.topology, state).known),
  });
  return self;
}

/** The same files with the state of real machines. */
export function withState({ root, files, options }: Analysis, state: RealState): Analysis {
  return analyse(root, files, { ...options, state });
}

/** The same files, evaluated also after each single failure. */
export function withFailures({ root, files, options }: Analysis): Analysis {
  return analyse(root, files, { ...options, failures: true });
}

function sortFindings(
  findings: readonly Finding[],
  placeOf: (finding: Finding) => Span | undefined,
): readonly Finding[] {
  const keyed = findings.map((finding) => ({ finding, start: placeOf(finding)?.start ?? 0 }));
  keyed.sort(
    (a, b) =>
      compareText(a.finding.source.file, b.finding.source.file) ||
      a.start - b.start ||
      compareText(a.finding.code, b.finding.code),
  );
  return keyed.map(({ finding }) => finding);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
