// What the suites of the real programs have in common: their options, the comparison of two states, and the result.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { diskService } from "../../server/src/cli/open.ts";
import type { Analysis } from "../../server/src/service/analysis.ts";

export const ROOT = join(import.meta.dirname, "../..");

/** A real program, or programs that are released together. */
export interface Suite {
  /** As in `--program`. */
  readonly name: string;
  readonly exceptions: readonly Exception[];
  /** One outcome per release. */
  run(options: Options): Promise<readonly Outcome[]>;
}

export interface Options {
  /** The configurations of `npm test`, which takes a few minutes. */
  readonly few: boolean;
  /** A configuration, or a part of the names of several. */
  readonly only: string | undefined;
  /** Only the configurations that need this kernel. */
  readonly kernel: string | undefined;
  readonly version: string | undefined;
  /** Only these random topologies. */
  readonly seeds: Seeds | undefined;
  /** Only this file. */
  readonly file: string | undefined;
  /** Also prints what the programs print. */
  readonly verbose: boolean;
}

export interface Seeds {
  readonly first: number;
  readonly last: number;
}

/** The comparison of one program's release with knet; a row of the table. */
export interface Outcome {
  readonly program: string;
  readonly version: string;
  readonly comparisons: readonly Comparison[];
  readonly skipped: readonly Skipped[];
}

/** A program, or a configuration, that was not run. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}

/** Name in `Skipped`: the program was not run at all. */
export const EVERYTHING = "all configurations";

/** The comparison of one configuration. Can be converted to JSON. */
export interface Comparison {
  readonly name: string;
  /** Number of lines that knet predicts: routes, rules, devices. */
  readonly entries: number;
  readonly differences: readonly Difference[];
  /** Names of the exceptions that applied, with the number of lines. */
  readonly exceptions: readonly (readonly [name: string, lines: number])[];
}

/** What only one of the two has, as lines. */
export interface Difference {
  /** A node, a chain, or a set. */
  readonly where: string;
  readonly program: readonly string[];
  readonly knet: readonly string[];
}

/** A difference that is not an error of knet's, and why. */
export interface Exception {
  readonly name: string;
  /** One sentence, or two. */
  readonly why: string;
  /** Whether a line of the program's, or of knet's, is covered; `all` are the lines of the place. */
  covers?(line: string, where: string, all: readonly string[]): boolean;
  /** The line as it is compared, if the exception is another spelling. */
  rewrite?(line: string): string;
}

/** The lines of a place, such as a chain. */
export interface PlaceState {
  readonly lines: readonly string[];
  /** Their order has no meaning. */
  readonly unordered: boolean;
}

/** State as text, by place. */
export type State = ReadonlyMap<string, PlaceState>;

/** The differences between two states, without those that an exception covers; `used` counts the exceptions. */
export function differences(
  program: State,
  knet: State,
  exceptions: readonly Exception[],
  used: Map<string, number>,
): readonly Difference[] {
  const found: Difference[] = [];
  const kept = (state: State, where: string): readonly string[] => {
    const { lines, unordered } = state.get(where) ?? { lines: [], unordered: false };
    const count = ({ name }: Exception): unknown => used.set(name, (used.get(name) ?? 0) + 1);
    const left = lines.flatMap((line) => {
      const exception = exceptions.find((one) => one.covers?.(line, where, lines));
      if (exception) {
        count(exception);
        return [];
      }
      const respelled = exceptions.find((one) => one.rewrite && one.rewrite(line) !== line);
      if (respelled) count(respelled);
      return [respelled?.rewrite?.(line) ?? line];
    });
    return unordered ? left.toSorted() : left;
  };
  for (const where of new Set([...program.keys(), ...knet.keys()])) {
    const theirs = kept(program, where);
    const ours = kept(knet, where);
    if (theirs.join("\n") === ours.join("\n")) continue;
    const only = (a: readonly string[], b: readonly string[]): readonly string[] => {
      const left = [...b];
      return a.filter((line) => {
        const at = left.indexOf(line);
        if (at >= 0) left.splice(at, 1);
        return at < 0;
      });
    };
    const [plus, minus] = [only(theirs, ours), only(ours, theirs)];
    // The same lines in another order.
    found.push({
      where,
      ...(plus.length + minus.length > 0 ? { program: plus, knet: minus } : { program: theirs, knet: ours }),
    });
  }
  return found;
}

/** The comparison of a configuration that could not be run. */
export function failed(name: string, error: unknown): Comparison {
  const program = [error instanceof Error ? error.message : String(error)];
  return { name, entries: 0, differences: [{ where: "the run failed", program, knet: [] }], exceptions: [] };
}

export function sizeOf(state: State): number {
  return [...state.values()].reduce((sum, { lines }) => sum + lines.length, 0);
}

/** Lines without an order. */
export function bag(lines: readonly string[]): PlaceState {
  return { lines, unordered: true };
}

/* ----------------------------------------------------------- configurations */

/** Configurations selected by `only`: the one with this name, otherwise those whose names contain it. */
export function selected<T extends { readonly name: string }>(
  all: readonly T[],
  only: string | undefined,
): readonly T[] {
  if (only === undefined) return all;
  const exact = all.filter(({ name }) => name === only);
  return exact.length > 0 ? exact : all.filter(({ name }) => name.includes(only));
}

/** The seeds of the random topologies: those of the options, otherwise the first `count`. */
export function seedsOf({ seeds, file }: Options, count: number): readonly number[] {
  if (file !== undefined) return [];
  const { first, last } = seeds ?? { first: 1, last: count };
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** The text of a file; a relative path starts at the root of the repository. */
export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

export function analysisOf(file: string, text: string): Analysis {
  const service = diskService();
  const path = join(ROOT, file);
  service.setText(path, text);
  const analysis = service.analysisOf(path);
  if (!analysis) throw new Error(`${file} cannot be analyzed`);
  return analysis;
}

/* ------------------------------------------------------------------ progress */

export function report(program: string, { name, entries, differences: all, exceptions }: Comparison): void {
  const covered = exceptions.map(([exception, lines]) => `; ${exception} (${lines})`).join("");
  console.log(`${all.length > 0 ? "✗" : "✓"} ${program}: ${name}: ${entries}${covered}`);
  for (const { where, program: theirs, knet } of all.slice(0, MOST_SHOWN)) {
    console.log(`  ${where}`);
    for (const line of theirs) console.log(`    ${program}: ${line}`);
    for (const line of knet) console.log(`    knet: ${line}`);
  }
}
const MOST_SHOWN = 20;

export function reportSkipped(program: string, { name, why }: Skipped): void {
  console.log(`- ${program}: ${name}: skipped: ${why}`);
}

/** `work` for each of the list, at most `atOnce` in parallel. In the order of the list. */
export async function each<T, R>(
  list: readonly T[],
  atOnce: number,
  work: (one: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const todo = [...list.entries()];
  const next = async (): Promise<void> => {
    for (let entry = todo.shift(); entry; entry = todo.shift()) results[entry[0]] = await work(entry[1]);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  return results;
}

/** Number of configurations in parallel; most of their time they wait. */
export const LABS = Number(process.env["KNET_TEST_LABS"] ?? 4);
