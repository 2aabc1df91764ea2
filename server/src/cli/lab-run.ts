/** Builds a lab in real network namespaces, sends probes, captures on every device, compares, takes it down again. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { formatIp } from "../addressing/ip.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { readCapture } from "../lab/capture.ts";
import { compare, type Difference } from "../lab/compare.ts";
import type { Lacks } from "../lab/features.ts";
import { type Captured, linesByFlow, tunnelPorts } from "../lab/observe.ts";
import { type LabPlan, planLab } from "../lab/plan.ts";
import { schedule } from "../lab/schedule.ts";
import { labScript } from "../lab/script.ts";
import { VERSION } from "../version.ts";
import { LabError } from "./errors.ts";
import type { LabProbe } from "./lab-ask.ts";

export interface LabRun {
  readonly network: Network;
  readonly ids: readonly NetnsId[];
  readonly probes: readonly LabProbe[];
  readonly lacks: Lacks;
  /** File of which it is made, for messages. */
  readonly source: string;
  /** Keep the captures here. */
  readonly pcap?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: (text: string) => void;
}

export interface LabOutcome {
  readonly probe: LabProbe;
  readonly difference: Difference | undefined;
  readonly seen: readonly string[];
}

/**
 * Seconds, more than the agent waits for a neighbour. TCP sends again after a second: an error that came while connect() still held the
 * socket is told then. Where there are several ways, what is sent again may take another, and is not waited for.
 */
const PATIENCE = 2.2;
const PATIENCE_AT_FORKS = 0.95;

/** A lab whose program is gone leaves its namespaces: names carry the number of the process. */
const RUNS = /^run-(\d+)-\d+$/;
const STATE = "/run/knet-lab";
let labs = 0;

function newName(): string {
  labs += 1;
  return `run-${process.pid}-${labs}`;
}

/** Trials that were made already: a kernel does not change while this runs. */
const tried = new Map<string, boolean>();

/** What this kernel cannot make of these namespaces. */
export async function findLacks(network: Network, ids: readonly NetnsId[], source: string): Promise<Lacks> {
  const plan = planLab(network, ids, newName(), new Set());
  const trials = plan.trials.filter(({ name }) => !tried.has(name));
  if (trials.length > 0) {
    await inFolder(async (folder) => {
      const script = writeScript({ ...plan, namespaces: [], trials }, folder, source);
      const { code, out, err } = await command(script, ["try"], undefined);
      if (code !== 0) throw new LabError(err.trim() || "namespaces cannot be made here");
      const lacking = new Set(out.split("\n"));
      for (const { name } of trials) tried.set(name, !lacking.has(name));
    });
  }
  return new Set(plan.trials.flatMap(({ name }) => (tried.get(name) ? [] : [name])));
}

export async function runLab(run: LabRun): Promise<readonly LabOutcome[]> {
  const { network, ids, probes, lacks, source, signal } = run;
  const say = run.progress ?? (() => {});
  return inFolder(async (folder) => {
    const plan = planLab(network, ids, newName(), lacks);
    const script = writeScript(plan, folder, source);
    const captures = run.pcap ?? folder;
    mkdirSync(captures, { recursive: true });
    try {
      say(`building ${ids.length} namespaces`);
      const built = await command(script, ["build"], signal);
      signal?.throwIfAborted();
      if (built.code !== 0) throw new LabError(built.err.trim() || "the lab cannot be built");
      say(`sending ${probes.length} packets`);
      const heard = await converse(plan, probes, captures, signal);
      say("comparing");
      return judge(run, plan, captures, heard);
    } finally {
      await command(script, ["down"], undefined);
    }
  });
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "knet-lab-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeScript(plan: LabPlan, folder: string, source: string): string {
  const file = join(folder, "lab.sh");
  writeFileSync(file, labScript(plan, { source, version: VERSION }));
  return file;
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** In a session of its own: Ctrl-C is this program's, which then takes the lab down in order. */
function command(script: string, args: readonly string[], signal: AbortSignal | undefined): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", [script, ...args], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.on("data", (data: Buffer) => (out += data.toString()));
    child.stderr.on("data", (data: Buffer) => (err += data.toString()));
    const stop = (): boolean => child.kill("SIGTERM");
    signal?.addEventListener("abort", stop, { once: true });
    child.on("error", reject);
    child.on("close", (code) => {
      signal?.removeEventListener("abort", stop);
      resolve({ code, out, err: err.replaceAll(`${script}: `, "") });
    });
  });
}

/* ---------------------------------------------------------------- the agent */

interface Result {
  readonly result: "answered" | "error" | "timeout";
  readonly errno?: string;
  readonly icmp?: readonly [number, number];
  readonly offender?: string;
}
interface Heard {
  readonly results: Map<number, Result>;
  problem: string | undefined;
  /** Source that a listener saw, by the sender's port. */
  received: Readonly<Record<string, string>>;
  devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
type Message = { readonly id?: number; readonly lost?: number; readonly problem?: string } & Partial<
  Result & Pick<Heard, "received" | "devices">
>;

/** Starts the agent in the lab, gives it its rounds, and collects what it says. */
async function converse(
  plan: LabPlan,
  probes: readonly LabProbe[],
  captures: string,
  signal: AbortSignal | undefined,
): Promise<Heard> {
  const names = new Map(plan.namespaces.map(({ id, name }) => [id, name]));
  const rounds = schedule(probes.map((probe) => ({ ...probe, dst: formatIp(probe.dst), probe })));
  const input = {
    pcap: captures,
    rounds: rounds.map((round) =>
      round.map(({ item: { probe }, delay }) => ({
        id: probe.sport,
        netns: names.get(probe.from),
        src: probe.src === undefined ? null : formatIp(probe.src),
        dst: formatIp(probe.dst),
        proto: probe.proto,
        sport: probe.sport,
        dport: probe.dport,
        size: probe.size ?? null,
        df: probe.df,
        delay,
        wait: probe.trace.paths.length > 1 ? PATIENCE_AT_FORKS : PATIENCE,
      })),
    ),
  };
  const state = join(STATE, plan.lab);
  const child = spawn("python3", [join(state, "agent.py"), "run", join(state, "lab.json")], {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const stop = (): boolean => child.kill("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  try {
    child.stdin.on("error", () => {});
    child.stdin.write(`${JSON.stringify(input)}\n`);
    const heard: Heard = { results: new Map(), problem: undefined, received: {}, devices: {} };
    let err = "";
    child.stderr.on("data", (data: Buffer) => (err += data.toString()));
    createInterface({ input: child.stdout }).on("line", (text) => take(JSON.parse(text) as Message, heard));
    const code = await ended(child);
    signal?.throwIfAborted();
    if (code !== 0) throw new LabError(`the lab's agent failed: ${err.trim()}`);
    if (heard.problem !== undefined) throw new LabError(heard.problem);
    return heard;
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

function take(message: Message, heard: Heard): void {
  if (message.problem !== undefined) heard.problem = message.problem;
  if (message.lost) heard.problem = `${message.lost} packets were lost to the captures: too many at once`;
  if (message.received) heard.received = message.received;
  if (message.devices) heard.devices = message.devices;
  if (message.id !== undefined && message.result !== undefined)
    heard.results.set(message.id, { ...message, result: message.result });
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on("error", (error) =>
      reject(
        new LabError(`python3 is needed to listen and to capture (${error.message}); Debian: apt install python3`),
      ),
    );
    child.on("close", resolve);
  });
}

function judge(run: LabRun, plan: LabPlan, captures: string, heard: Heard): readonly LabOutcome[] {
  const { network, probes } = run;
  const tunnels = tunnelPorts(network, run.ids);
  const captured: Captured[] = plan.namespaces.map(({ id, name }) => ({
    netns: id,
    devices: new Map(Object.entries(heard.devices[name] ?? {}).map(([index, device]) => [Number(index), device])),
    crossings: readCapture(readFileSync(join(captures, `${name}.pcap`)), tunnels),
  }));
  const lines = linesByFlow(network, captured, new Set(probes.map(({ sport }) => sport)));
  return probes.map((probe) => {
    const seen = lines.get(probe.sport) ?? [];
    const result = heard.results.get(probe.sport);
    const icmp =
      result?.icmp && result.offender !== undefined
        ? { type: result.icmp[0], code: result.icmp[1], from: result.offender }
        : undefined;
    const difference = compare(probe.trace, {
      lines: seen,
      result: result?.result ?? "timeout",
      errno: result?.errno,
      icmp,
      receiver: heard.received[probe.sport],
    });
    return { probe, difference, seen };
  });
}

/** Removes what labs left whose program was killed. */
export function removeStale(): void {
  if (!existsSync(STATE)) return;
  for (const lab of readdirSync(STATE)) {
    const pid = RUNS.exec(lab)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const names = readFileSync(join(STATE, lab, "namespaces"), "utf8").split("\n");
    for (const name of names) if (name !== "") spawn("ip", ["netns", "del", name], { stdio: "ignore" });
    rmSync(join(STATE, lab), { recursive: true, force: true });
  }
}
