/** Builds a lab in real network namespaces, sends probes, captures on every device, compares, and removes the lab. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIp } from "../addressing/ip.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { type Captured, readCapture } from "../lab/capture.ts";
import { compare, type Difference } from "../lab/compare.ts";
import type { Lacks } from "../lab/features.ts";
import { linesByFlow, tunnelPorts } from "../lab/observe.ts";
import { type LabPlan, planLab } from "../lab/plan.ts";
import { queueVerdicts } from "../lab/queues.ts";
import { schedule } from "../lab/schedule.ts";
import { labScript } from "../lab/script.ts";
import { plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { VERSION } from "../version.ts";
import { LabError } from "./errors.ts";
import type { LabProbe } from "./lab-ask.ts";
import { decryptEsp } from "./lab-decrypt.ts";
import { type Ended, host, type Machine } from "./machine.ts";

export interface LabRun {
  readonly machine: Machine;
  readonly network: Network;
  readonly ids: readonly NetnsId[];
  readonly probes: readonly LabProbe[];
  readonly lacks: Lacks;
  /** The file that declares the topology, for messages. */
  readonly source: string;
  /** An existing folder for the captures; they are deleted if it is absent. */
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
 * Seconds to wait for a result, longer than the agent waits for a neighbor entry. TCP retransmits after one second, and an error that
 * arrived while connect() held the socket is reported then. With several paths, a retransmission can take another path, so the probe does
 * not wait for it.
 */
const PATIENCE = 2.2;
const PATIENCE_AT_FORKS = 0.95;

/** Name of a lab: contains the process ID, so the network namespaces of a killed run can be found and removed. */
const RUNS = /^run-(\d+)-\d+$/;
const STATE = "/run/knet-lab";
let labs = 0;

function newName(): string {
  labs += 1;
  return `run-${process.pid}-${labs}`;
}

/** Results of the trials so far; the kernel of a machine does not change during a run. */
const trialsOf = new WeakMap<Machine, Map<string, boolean>>();

/** The features of these network namespaces that the machine's kernel cannot build. */
export async function findLacks(
  machine: Machine,
  network: Network,
  ids: readonly NetnsId[],
  source: string,
): Promise<Lacks> {
  const tried = trialsOf.get(machine) ?? new Map<string, boolean>();
  trialsOf.set(machine, tried);
  const plan = planLab(network, ids, newName());
  const trials = plan.trials.filter(({ name }) => !tried.has(name));
  if (trials.length > 0) {
    await inFolder(async (folder) => {
      const script = writeScript({ ...plan, namespaces: [], trials }, folder, source);
      const { code, out, err } = await command(machine, script, ["try"]);
      if (code !== 0) throw new LabError(err.trim() || t`this machine cannot create network namespaces`);
      const lacking = new Set(out.split("\n"));
      for (const { name } of trials) tried.set(name, !lacking.has(name));
    });
  }
  return new Set(plan.trials.flatMap(({ name }) => (tried.get(name) ? [] : [name])));
}

export async function runLab(run: LabRun): Promise<readonly LabOutcome[]> {
  const { machine, network, ids, probes, lacks, source, signal } = run;
  const say = run.progress ?? (() => {});
  return inFolder(async (folder) => {
    const plan = planLab(network, ids, newName(), { lacks, targets: probes.map(({ dst }) => dst) });
    const script = writeScript(plan, folder, source);
    const captures = run.pcap ?? folder;
    try {
      say(t`building ${plural(ids.length, "network namespace")}`);
      const built = await command(machine, script, ["build"], signal);
      signal?.throwIfAborted();
      if (built.code !== 0) throw new LabError(built.err.trim() || t`the lab cannot be built`);
      say(t`sending ${plural(probes.length, "packet")}`);
      const heard = await converse(run, plan, captures);
      say(t`comparing`);
      return judge(run, plan, captures, heard);
    } finally {
      // An interrupted box is gone with everything in it; a lab on this machine has to be removed.
      if (machine === host || !signal?.aborted) await command(machine, script, ["down"]);
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

/** Runs the lab's script; what it prints names no path of this run. */
async function command(
  machine: Machine,
  script: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<Ended> {
  const { code, out, err } = await machine.exec(["bash", script, ...args], "", signal);
  return { code, out, err: err.replaceAll(`${script}: `, "") };
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
  /** Source address that the listener saw, by source port of the probe. */
  received: Readonly<Record<string, string>>;
  devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
type Message = { readonly id?: number; readonly lost?: number; readonly problem?: string } & Partial<
  Result & Pick<Heard, "received" | "devices">
>;

/** Starts the agent in the lab, sends it the rounds of probes, and collects the results. */
async function converse(
  { machine, network, ids, probes, signal }: LabRun,
  plan: LabPlan,
  captures: string,
): Promise<Heard> {
  const names = new Map(plan.namespaces.map(({ id, name }) => [id, name]));
  const rounds = schedule(probes.map((probe) => ({ ...probe, dst: formatIp(probe.dst), probe })));
  const input = {
    pcap: captures,
    queues: Object.fromEntries(
      [
        ...queueVerdicts(
          network,
          ids,
          probes.flatMap(({ journeys }) => journeys),
        ),
      ].map(([id, verdicts]) => [names.get(id), verdicts]),
    ),
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
        twice: probe.twice,
        unconnected: probe.unconnected,
        ttl: probe.ttl ?? null,
        delay,
        wait: probe.trace.paths.length > 1 ? PATIENCE_AT_FORKS : PATIENCE,
      })),
    ),
  };
  const state = join(STATE, plan.lab);
  const argv = ["python3", join(state, "agent.py"), "run", join(state, "lab.json")];
  const { code, out, err } = await machine.exec(argv, `${JSON.stringify(input)}\n`, signal).catch((error: Error) => {
    if (error instanceof LabError) throw error;
    throw new LabError(t`python3 is required to listen and capture (${error.message}); on Debian: apt install python3`);
  });
  signal?.throwIfAborted();
  if (code !== 0) throw new LabError(t`the lab agent failed: ${err.trim()}`);
  const heard: Heard = { results: new Map(), problem: undefined, received: {}, devices: {} };
  for (const line of out.split("\n")) if (line !== "") take(JSON.parse(line) as Message, heard);
  if (heard.problem !== undefined) throw new LabError(heard.problem);
  return heard;
}

function take(message: Message, heard: Heard): void {
  if (message.problem !== undefined) heard.problem = message.problem;
  if (message.lost) heard.problem = t`${plural(message.lost, "packet")} missing from the captures (rate too high)`;
  if (message.received) heard.received = message.received;
  if (message.devices) heard.devices = message.devices;
  if (message.id !== undefined && message.result !== undefined)
    heard.results.set(message.id, { ...message, result: message.result });
}

function judge(run: LabRun, plan: LabPlan, captures: string, heard: Heard): readonly LabOutcome[] {
  const { network, probes } = run;
  const tunnels = tunnelPorts(network, run.ids, decryptEsp);
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

/** Removes the network namespaces of labs whose process was killed. */
export function removeStale(): void {
  if (!existsSync(STATE)) return;
  for (const lab of readdirSync(STATE)) {
    const pid = RUNS.exec(lab)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const list = join(STATE, lab, "namespaces");
    // A build that was interrupted early has no list yet.
    const names = existsSync(list) ? readFileSync(list, "utf8").split("\n") : [];
    for (const name of names) if (name !== "") spawn("ip", ["netns", "del", name], { stdio: "ignore" });
    rmSync(join(STATE, lab), { recursive: true, force: true });
  }
}
