// Configurations that run on different kernels: this machine's, or a box, in which the same comparison is a process.
import { join } from "node:path";
import { type BoxKernel, KERNELS, type Kernel, openBox } from "../../server/src/cli/box/box.ts";
import { type Comparison, each, failed, LABS, report, reportSkipped, type Skipped } from "./suite.ts";

export interface KernelCase {
  readonly name: string;
  readonly kernel: Kernel;
}

export interface Work<T extends KernelCase> {
  readonly program: string;
  /** Runs a configuration on this machine. */
  compare(one: T): Promise<Comparison>;
  /** The arguments of inside.ts, which runs it in a box. */
  inside(one: T): readonly string[];
}

export interface Compared {
  readonly comparisons: readonly Comparison[];
  readonly skipped: readonly Skipped[];
}

/** Of a configuration in a box; boxes are slow, QEMU without KVM most of all. */
const LIMIT_SECONDS = 1200;
const BOOT_SECONDS = 300;

/** Each kernel boots once, for all of its configurations. */
export async function onKernels<T extends KernelCase>(cases: readonly T[], work: Work<T>): Promise<Compared> {
  const comparisons: Comparison[] = [];
  const skipped: Skipped[] = [];
  for (const kernel of KERNELS) {
    const own = cases.filter((one) => one.kernel === kernel);
    if (own.length === 0) continue;
    if (kernel === "host") {
      comparisons.push(...(await each(own, LABS, async (one) => reported(work.program, await work.compare(one)))));
      continue;
    }
    const found = await inBox(kernel, own, work);
    if (typeof found !== "string") comparisons.push(...found);
    else for (const { name } of own) skipped.push({ name, why: found });
  }
  for (const one of skipped) reportSkipped(work.program, one);
  return { comparisons, skipped };
}

/** The reason if the kernel cannot be started. */
async function inBox<T extends KernelCase>(
  kernel: BoxKernel,
  cases: readonly T[],
  work: Work<T>,
): Promise<readonly Comparison[] | string> {
  const box = await startBox(kernel);
  if (typeof box === "string") return box;
  try {
    const comparisons: Comparison[] = [];
    for (const one of cases) {
      const argv = [process.execPath, join(import.meta.dirname, "inside.ts"), ...work.inside(one)];
      const limit = AbortSignal.timeout(LIMIT_SECONDS * 1000);
      const { out, err } = await box.exec(argv, "", limit).catch((error: Error) => ({ out: "", err: error.message }));
      const lines = out.trim().split("\n");
      const last = lines.at(-1) ?? "";
      for (const line of lines.slice(0, -1)) console.log(line);
      const why = limit.aborted ? `no result after ${LIMIT_SECONDS} seconds` : err.trim() || last;
      const comparison = last.startsWith("{") ? (JSON.parse(last) as Comparison) : failed(one.name, why);
      comparisons.push(reported(work.program, comparison));
    }
    return comparisons;
  } finally {
    await box.close();
  }
}

/** The box, or why it does not start. */
export async function startBox(kernel: BoxKernel): Promise<Awaited<ReturnType<typeof openBox>> | string> {
  const late = new Promise<string>((resolve) =>
    setTimeout(() => resolve(`the ${kernel} kernel does not start`), BOOT_SECONDS * 1000).unref(),
  );
  const opened = openBox(kernel, (text) => console.log(`  ${text}`), "2G").catch((error: Error) => error.message);
  return Promise.race([opened, late]);
}

function reported(program: string, comparison: Comparison): Comparison {
  report(program, comparison);
  return comparison;
}
