/**
 * The part of Vitest that the tests need, without its runner, which needs Node: tests register themselves when their file is
 * imported, and run one after the other. `expect` is Vitest's own.
 */
export { expect } from "vitest";

type Run = (...args: readonly unknown[]) => unknown;
/** The function of a test, before or after its options: time limits are those of the whole suite. */
type Rest = readonly unknown[];

interface Test {
  readonly name: string;
  readonly run: () => unknown;
}

/** What the worker reports: a test that has finished, or the end. */
export type Message =
  | { readonly kind: "test"; readonly file: string; readonly name: string; readonly error: string | undefined }
  | { readonly kind: "end" };

const tests: Test[] = [];
const groups: string[] = [];

export function describe(name: string, body: () => void): void {
  groups.push(name);
  try {
    body();
  } finally {
    groups.pop();
  }
}

export const it = Object.assign(
  (name: string, ...rest: Rest): void => {
    tests.push({ name: [...groups, name].join(" › "), run: functionIn(name, rest) });
  },
  {
    each:
      (rows: readonly unknown[]) =>
      (name: string, ...rest: Rest): void => {
        const run = functionIn(name, rest);
        for (const [index, row] of rows.entries()) {
          const args = Array.isArray(row) ? (row as readonly unknown[]) : [row];
          tests.push({ name: [...groups, `${name} (${index + 1})`].join(" › "), run: () => run(...args) });
        }
      },
  },
);
export const test = it;

function functionIn(name: string, rest: Rest): Run {
  const run = rest.find((one) => typeof one === "function");
  if (run === undefined) throw new Error(`test without a function: ${name}`);
  return run as Run;
}

/** Imports the files, one after the other, and runs the tests of each. */
export async function runAll(files: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  const send = Reflect.get(globalThis, "postMessage") as (message: Message) => void;
  for (const [file, load] of Object.entries(files)) {
    tests.length = 0;
    await attempt(send, file, { name: "can be loaded", run: load });
    for (const one of [...tests]) await attempt(send, file, one);
  }
  send({ kind: "end" });
}

async function attempt(send: (message: Message) => void, file: string, { name, run }: Test): Promise<void> {
  let error: string | undefined;
  try {
    await run();
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  send({ kind: "test", file, name, error });
}
