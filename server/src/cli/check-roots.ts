/** Analyzes the topologies of `knet check`: in this thread, or in worker threads if there is much text. */
import { realpathSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import type { Analysis } from "../service/analysis.ts";
import type { Service } from "../service/service.ts";
import type { ClusterDefaults } from "../topology/cluster.ts";
import { type Checked, checkedOf, type Fixes, fixesOf, type Merged, type Wanted, withFixes } from "./report.ts";
import { WORKER_COMMAND } from "./worker-command.ts";

/** Requests to a worker thread, which answers them in order. */
export type Request =
  | { readonly kind: "entries"; readonly roots: readonly string[] }
  | { readonly kind: "fixes"; readonly root: string; readonly indexes: readonly number[] };
export type Response<R extends Request> = R extends { readonly kind: "entries" }
  ? readonly Checked[]
  : readonly Fixes[];

/** What every worker thread gets at its start. */
export interface Shared {
  /** The files of the command line, with their names there. */
  readonly files: readonly string[];
  readonly defaults: ClusterDefaults | undefined;
  /** Whether the report lists expectations. */
  readonly withCases: boolean;
  /** Whether single failures are evaluated. */
  readonly failures?: boolean;
}

const NOTHING: Checked = { entries: [], cases: [] };

/** Characters to analyze for which a second thread is faster: its start takes about as long as the analysis of this text. */
const TEXT_PER_WORKER = 200_000;
/** A topology without text also takes time. */
const LEAST_TEXT = 500;
const MOST_WORKERS = 16;

/** What `checkHere` adds to each topology. */
export interface Extras {
  /** Whether the report lists the expectations as test cases. */
  readonly withCases: boolean;
  /** Adds to an analysis what the files do not contain. */
  readonly view?: (analysis: Analysis) => Analysis;
}

/** One topology after the other; only one is in memory. */
export function checkHere(
  service: Service,
  roots: readonly string[],
  merged: Merged,
  { withCases, view }: Extras,
): void {
  for (const root of roots) {
    const analysis = service.analysisOf(root);
    if (!analysis) continue;
    addAnalysis(view ? view(analysis) : analysis, merged, withCases);
    service.release(root);
  }
}

/** Adds the findings of a topology with their fixes. */
export function addAnalysis(analysis: Analysis, merged: Merged, withCases: boolean): void {
  const wanted = merged.add(checkedOf(analysis, withCases));
  const fixes = fixesOf(
    analysis,
    wanted.map(({ at }) => at),
  );
  for (const [index, one] of wanted.entries()) withFixes(one, fixes[index] ?? []);
}

/** The number of worker threads for topologies with these lengths; less than 2: none. */
export function workersFor(lengths: readonly number[]): number {
  const text = lengths.reduce((sum, length) => sum + Math.max(length, LEAST_TEXT), 0);
  return Math.min(MOST_WORKERS, lengths.length, availableParallelism(), Math.floor(text / TEXT_PER_WORKER));
}

/** The same result as `checkHere`, from worker threads that read the files again. Rejects if a thread fails. */
export async function checkInWorkers(
  count: number,
  roots: readonly string[],
  merged: Merged,
  workerData: Shared,
): Promise<void> {
  const { Worker } = await import("node:worker_threads");
  const program = realpathSync(process.argv[1] ?? "");
  const workers = Array.from({ length: count }, () => new Worker(program, { argv: [WORKER_COMMAND], workerData }));
  try {
    const found: Checked[] = [];
    const size = Math.max(1, Math.min(32, Math.floor(roots.length / (8 * count))));
    const starts = Array.from({ length: Math.ceil(roots.length / size) }, (_, index) => index * size);
    await shared(workers, starts, async (worker, start) => {
      const answer = await ask(worker, { kind: "entries", roots: roots.slice(start, start + size) });
      answer.forEach((checked, index) => {
        found[start + index] = checked;
      });
    });
    const wanted: { readonly root: string; readonly entries: readonly Wanted[] }[] = [];
    roots.forEach((root, index) => {
      const entries = merged.add(found[index] ?? NOTHING);
      if (entries.length > 0) wanted.push({ root, entries });
    });
    await shared(workers, wanted, async (worker, { root, entries }) => {
      const fixes = await ask(worker, { kind: "fixes", root, indexes: entries.map(({ at }) => at) });
      for (const [index, one] of entries.entries()) withFixes(one, fixes[index] ?? []);
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Each worker does the next task when it has finished one. */
async function shared<T>(
  workers: readonly Worker[],
  tasks: readonly T[],
  work: (worker: Worker, task: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const drain = async (worker: Worker): Promise<void> => {
    for (let task = tasks[next++]; task !== undefined; task = tasks[next++]) await work(worker, task);
  };
  await Promise.all(workers.map(drain));
}

function ask<R extends Request>(worker: Worker, request: R): Promise<Response<R>> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      worker.off("message", answered).off("error", failed).off("exit", ended);
      finish();
    };
    const answered = (response: Response<R>): void => settle(() => resolve(response));
    const failed = (error: unknown): void => settle(() => reject(error));
    const ended = (): void => failed(new Error("a worker thread ended early"));
    worker.on("message", answered).on("error", failed).on("exit", ended);
    worker.postMessage(request);
  });
}
