/**
 * The part of Vitest that the tests need, without its runner, which needs Node: tests register themselves when their file is
 * imported, and run one after the other. `expect` is Vitest's own.
 */
export { expect } from "vitest";

type Body = (...args: readonly never[]) => unknown;
type Run = (...args: readonly unknown[]) => unknown;
/** Vitest accepts options, such as a time limit, before the body. */
type Rest = readonly [Body] | readonly [options: object, run: Body];

function bodyOf(rest: Rest): Run {
  return (rest.length === 1 ? rest[0] : rest[1]) as Run;
}

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
    tests.push({ name: [...groups, name].join(" › "), run: bodyOf(rest) });
  },
  {
    each:
      (rows: readonly unknown[]) =>
      (name: string, ...rest: Rest): void => {
        const run = bodyOf(rest);
        for (const [index, row] of rows.entries()) {
          const args = Array.isArray(row) ? (row as readonly unknown[]) : [row];
          tests.push({ name: [...groups, `${name} (${index + 1})`].join(" › "), run: () => run(...args) });
        }
      },
  },
);
export const test = it;

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
