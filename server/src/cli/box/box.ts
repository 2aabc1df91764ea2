/** A box: a complete kernel that knet boots, User-Mode Linux or QEMU, as a machine for labs. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { t } from "../../text/l10n.ts";
import { LabError } from "../errors.ts";
import type { Kernel } from "../kernels.ts";
import type { Ended, Machine } from "../machine.ts";
import { DONE, quoted, READY } from "./guest.ts";
import { qemuCommand } from "./qemu.ts";
import { umlCommand } from "./uml.ts";

export { KERNELS, type Kernel } from "../kernels.ts";
export type BoxKernel = Exclude<Kernel, "host">;

/** Lines of the console that are kept for the message when a guest does not start. */
const KEPT_LINES = 8;

/**
 * Boots a kernel. Throws LabError if it cannot be started; a box that stops later rejects what runs in it.
 * `memory`: of the guest, such as "1G".
 */
export async function openBox(kernel: BoxKernel, progress: (text: string) => void, memory = "1G"): Promise<Machine> {
  const folder = mkdtempSync(join(tmpdir(), "knet-box-"));
  try {
    const boot = kernel === "uml" ? umlCommand : qemuCommand;
    const [program = "", ...args] = boot(folder, memory, progress);
    progress(t`starting a Linux kernel (${kernel})`);
    // A separate process group: UML consists of many processes, which must exit together.
    const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    return await machineOf(child, kernel, folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Job {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function machineOf(child: ChildProcessWithoutNullStreams, kernel: BoxKernel, folder: string): Promise<Machine> {
  const jobs = new Map<string, Job>();
  const console: string[] = [];
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  let closing = false;
  let closed: Error | undefined;
  let count = 0;
  const close = (): Promise<void> => {
    closing = true;
    if (child.pid !== undefined) kill(child.pid);
    return ended;
  };
  // The guest runs in a separate session and would outlive this process.
  process.on("exit", close);
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      closed ??= error;
      for (const job of jobs.values()) job.reject(error);
      jobs.clear();
      reject(error);
    };
    child.on("error", (error) => fail(new LabError(t`the ${kernel} kernel cannot be started: ${error.message}`)));
    child.on("close", () => {
      process.off("exit", close);
      rmSync(folder, { recursive: true, force: true });
      if (!closing) fail(new LabError(t`the ${kernel} kernel stopped unexpectedly: ${console.join(" | ")}`));
    });
    child.stdin.on("error", () => {});
    createInterface({ input: child.stderr }).on("line", (line) => remember(console, line));
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = text.replaceAll("\r", "");
      const ready = line.indexOf(READY);
      const done = line.indexOf(DONE);
      if (done >= 0) {
        const job = line.slice(done + DONE.length);
        jobs.get(job)?.resolve();
        jobs.delete(job);
      } else if (ready < 0) remember(console, line);
      else resolve({ release: line.slice(ready + READY.length), exec, close });
    });
    const exec: Machine["exec"] = async (argv, input = "", signal) => {
      if (closed) throw closed;
      const job = join(folder, `job-${count++}`);
      mkdirSync(job);
      writeFileSync(join(job, "in"), input);
      writeFileSync(join(job, "run"), `exec ${argv.map(quoted).join(" ")}\n`);
      await new Promise<void>((done, failed) => {
        signal?.addEventListener("abort", () => done(), { once: true });
        jobs.set(job, { resolve: done, reject: failed });
        child.stdin.write(`${job}\n`);
      });
      // An interrupted lab is not waited for: the box is closed next, and everything in it is gone.
      if (signal?.aborted) return { code: null, out: "", err: "" };
      return resultOf(job);
    };
  });
}

function resultOf(job: string): Ended {
  const read = (name: string): string => readFileSync(join(job, name), "utf8");
  const ended = { code: Number(read("code")), out: read("out"), err: read("err") };
  rmSync(job, { recursive: true, force: true });
  return ended;
}

function remember(console: string[], line: string): void {
  if (line.trim() === "") return;
  if (console.length >= KEPT_LINES) console.shift();
  console.push(line.trim());
}

function kill(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The process has exited.
  }
}
