/** Where a lab runs its programs: on this machine, or in a box with a separate kernel. */
import { spawn } from "node:child_process";
import { release } from "node:os";

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Machine {
  /** Release of its kernel, as `uname -r` prints it. */
  readonly release: string;
  /** Runs a program to its end with `input` at the start of its standard input. Rejects if the program cannot be started. */
  exec(argv: readonly string[], input?: string, signal?: AbortSignal): Promise<Ended>;
  close(): Promise<void>;
}

export const host: Machine = {
  release: release(),
  exec: (argv, input, signal) => execHere(argv, input, signal),
  close: () => Promise.resolve(),
};

/** In a separate session, so Ctrl-C reaches only this program, which then removes the lab in order. */
function execHere(argv: readonly string[], input = "", signal?: AbortSignal): Promise<Ended> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => out.push(data));
    child.stderr.on("data", (data: Buffer) => err.push(data));
    // A program that exits without reading its input closes the pipe early.
    child.stdin.on("error", () => {});
    // Standard input remains open: the lab agent exits when it closes, so it does not outlive this process.
    child.stdin.write(input);
    const stop = (): boolean => child.kill("SIGTERM");
    signal?.addEventListener("abort", stop, { once: true });
    child.on("error", reject);
    child.on("close", (code) => {
      signal?.removeEventListener("abort", stop);
      resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() });
    });
  });
}
