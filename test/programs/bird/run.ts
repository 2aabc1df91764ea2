// Compares BGP with real BIRD daemons in network namespaces: every sample and fixture with BGP, and random topologies. The routes
// in the kernel are compared (next hops, ECMP), and the AS paths of BIRD's best routes.
//
//   node test/programs/bird/run.ts                 everything
//   node test/programs/bird/run.ts --file F        one file
//   node test/programs/bird/run.ts --seed 4711     one random topology
//   node test/programs/bird/run.ts --random        only the random topologies
//   ... --verbose                                  also prints the configurations, the sessions, and the routes
//
// Environment:
//   KNET_TEST_BGP=200       number of random topologies
//   KNET_TEST_SEED=1        seed of the first random topology
//   KNET_TEST_LABS=4        number of topologies in parallel

import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { diskService } from "../../../server/src/cli/files.ts";
import { removeStale } from "../../../server/src/cli/lab-run.ts";
import type { Speaker } from "../../../server/src/cni/bgp/model.ts";
import { clusterStates } from "../../../server/src/cni/clusters.ts";
import type { Analysis } from "../../../server/src/service/analysis.ts";
import { plural } from "../../../server/src/text/format.ts";
import { whyNot } from "../../kernel/install.ts";
import type { ProgramResult } from "../result.ts";
import { buildSpaces, inSpace, installed, type Spaces } from "../spaces.ts";
import { confOf } from "./conf.ts";
import { type Daemon, startBird } from "./daemon.ts";
import { bgpText } from "./generator.ts";
import {
  birdPaths,
  type Differing,
  differ,
  familiesOf,
  globalAddresses,
  isFromBgp,
  kernelHops,
  predictedHops,
  predictedPaths,
  prefixesOfFelix,
  type Table,
  unreachablePrefixes,
} from "./tables.ts";

/** Milliseconds between two looks at the daemons. */
const POLL = 200;
/** BIRD has converged if it agrees with knet in so many looks in succession, … */
const SAME_POLLS = 5;
/** … or if a difference lasts for so many milliseconds, which is the time of several retries and of the hold timer. */
const LONGEST = 20_000;

/** Topologies with more speakers are left out, or made smaller: a daemon for each would take minutes. */
const MOST_SPEAKERS = 50;
const SMALLER: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "samples/calico-route-reflector.knet": [
    ["1..150", "1..12"],
    ["w150", "w12"],
  ],
};

/** Why a difference is not an error, or undefined. */
function exception({ dst }: Differing, expected: readonly Expected[], found: readonly Table[]): string | undefined {
  // A node that has an unreachable route advertises it all the same. A router that prefers it does not offer its own route, which
  // would be reachable, to this node. Once the node has that one, it advertises nothing to the router: the first one to arrive stays.
  const isUndecided = expected.some(
    ({ hops, paths }, i) =>
      hops.get(dst) === "unreachable" ||
      found[i]?.get(dst) === "unreachable" ||
      (paths.has(dst) && !hops.has(dst) && found[i]?.has(dst)),
  );
  return isUndecided ? "unreachable routes: the order of the updates decides between two stable states" : undefined;
}

interface Case {
  readonly name: string;
  readonly file: string;
  readonly text: string;
}

interface Outcome {
  readonly compared: number;
  readonly differences: readonly string[];
  readonly exceptions: readonly string[];
}

interface Expected extends Running {
  readonly hops: Table;
  readonly paths: Table;
  readonly felix: ReadonlySet<string>;
}

interface Running {
  readonly speaker: Speaker;
  readonly name: string;
  readonly daemon: Daemon;
}

/* ------------------------------------------------------------- one topology */

async function compareCase(one: Case, verbose: boolean): Promise<Outcome> {
  const analysis = analysisOf(one);
  const { network, topology } = analysis;
  const speakers = clusterStates(topology).speakers();
  const stations = [...topology.routers, ...speakers.map(({ station }) => station)];
  const ids = [...new Set(stations.map(({ path }) => path))];
  const spaces = await buildSpaces(network, ids, isFromBgp);
  const running: Running[] = [];
  try {
    await Promise.all(
      speakers.map(async (speaker, i) => {
        const name = spaces.names.get(speaker.station.path) ?? "";
        const daemon = await startBird(name, spaces.folder, i, confOf(speaker, speakers));
        running.push({ speaker, name, daemon });
      }),
    );
    const outcome = await observe(analysis, running, globalAddresses(network, ids));
    if (verbose) await show(spaces, speakers, running);
    return outcome;
  } finally {
    await Promise.all(running.map(({ daemon }) => daemon.stop()));
    await spaces.down();
  }
}

function analysisOf({ file, text }: Case): Analysis {
  const service = diskService();
  service.setText(file, text);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new Error(`no analysis of ${file}`);
  return analysis;
}

async function observe(
  { network, topology }: Analysis,
  running: readonly Running[],
  globals: ReadonlyMap<string, string>,
): Promise<Outcome> {
  const expected: readonly Expected[] = running.map((one) => ({
    ...one,
    hops: predictedHops(network, one.speaker),
    paths: predictedPaths(topology, one.speaker),
    felix: prefixesOfFelix(network, one.speaker.station.path),
  }));
  const look = async (): Promise<readonly Differing[]> => {
    const found: Differing[] = [];
    for (const { speaker, name, daemon, hops, paths, felix } of expected) {
      const id = speaker.station.path;
      found.push(...differ(id, hops, kernelHops(name, familiesOf(speaker), globals), felix));
      found.push(...differ(id, paths, await birdPaths(daemon, speaker), new Set()));
    }
    return found;
  };
  const compared = expected.reduce((sum, { hops, paths }) => sum + hops.size + paths.size, 0);
  const found = await settled(look);
  const kernels = await Promise.all(
    expected.map(async ({ speaker, name, daemon }) => {
      const unreachable = await unreachablePrefixes(daemon, speaker);
      return new Map([...kernelHops(name, familiesOf(speaker), globals), ...unreachable]);
    }),
  );
  const reasons = found.map((one) => exception(one, expected, kernels));
  return {
    compared,
    differences: found.filter((_, i) => reasons[i] === undefined).map(({ line }) => line),
    exceptions: [...new Set(reasons.filter((reason) => reason !== undefined))],
  };
}

/** The differences once they no longer change. */
async function settled(look: () => Promise<readonly Differing[]>): Promise<readonly Differing[]> {
  const started = performance.now();
  let before: string | undefined;
  let same = 0;
  for (;;) {
    const found = await look();
    const key = found
      .map(({ line }) => line)
      .sort()
      .join("\n");
    same = key === before ? same + 1 : 0;
    before = key;
    if (same >= SAME_POLLS && (found.length === 0 || performance.now() - started > LONGEST)) return found;
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

async function show(spaces: Spaces, speakers: readonly Speaker[], running: readonly Running[]): Promise<void> {
  for (const [id, name] of spaces.names)
    console.log(`--- ${id}\n${inSpace(name, ["ip", "route"])}${inSpace(name, ["ip", "-6", "route"])}`);
  for (const { speaker, daemon } of running) {
    console.log(`--- ${speaker.station.path}\n${confOf(speaker, speakers)}`);
    console.log(`${await daemon.ask("show protocols")}\n${await daemon.ask("show route all")}`);
  }
}

/* ------------------------------------------------------------ the topologies */

function fileCases(): readonly Case[] {
  const root = join(import.meta.dirname, "../../..");
  return ["samples/*.knet", "samples/broken/*.knet", "test/unit/checks/fixtures/*.knet"]
    .flatMap((pattern) => globSync(pattern, { cwd: root }).sort())
    .map((file) => ({
      name: file,
      file: join(root, file),
      text: smaller(file, readFileSync(join(root, file), "utf8")),
    }))
    .filter((one) => {
      const count = clusterStates(analysisOf(one).topology).speakers().length;
      if (count > MOST_SPEAKERS) console.log(`- ${one.name}: skipped: ${count} speakers`);
      return count > 1 && count <= MOST_SPEAKERS;
    });
}

function smaller(file: string, text: string): string {
  return (SMALLER[file] ?? []).reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

function seedCase(seed: number): Case {
  return { name: `seed ${seed}`, file: join("/tmp", `knet-bgp-${seed}.knet`), text: bgpText(seed) };
}

interface Options {
  readonly file?: string | undefined;
  readonly seed?: string | undefined;
  readonly random?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

function cases({ file, seed, random }: Options): readonly Case[] {
  if (file !== undefined) return [{ name: file, file, text: readFileSync(file, "utf8") }];
  if (seed !== undefined) return [seedCase(Number(seed))];
  const first = Number(process.env["KNET_TEST_SEED"] ?? 1);
  const seeds = Array.from({ length: Number(process.env["KNET_TEST_BGP"] ?? 200) }, (_, i) => seedCase(first + i));
  return random === true ? seeds : [...fileCases(), ...seeds];
}

export async function run(options: Options = {}): Promise<ProgramResult> {
  const none = { program: "BIRD", version: "", compared: 0, differences: [], exceptions: [] };
  const why = await whyNot();
  if (why !== undefined) return { ...none, skipped: why };
  if (!installed("bird", "bird2")) return { ...none, skipped: "bird is not installed (Debian: apt install bird2)" };
  removeStale();
  const todo = [...cases(options)];
  const differences: string[] = [];
  const exceptions: string[] = [];
  let compared = 0;
  const work = async (): Promise<void> => {
    for (let one = todo.shift(); one; one = todo.shift()) {
      const { name } = one;
      const outcome = await compareCase(one, options.verbose === true).catch(
        (error: Error): Outcome => ({ compared: 0, differences: [error.message], exceptions: [] }),
      );
      compared += outcome.compared;
      exceptions.push(...outcome.exceptions.map((reason) => `${name}: ${reason}`));
      if (outcome.differences.length === 0)
        console.log(`✓ ${[`${name}: ${outcome.compared}`, ...outcome.exceptions].join("; ")}`);
      else {
        differences.push(...outcome.differences.map((line) => `${name}: ${line}`));
        console.log([`✗ ${name}`, ...outcome.differences.slice(0, 12)].join("\n  "));
      }
    }
  };
  await Promise.all(Array.from({ length: Number(process.env["KNET_TEST_LABS"] ?? 4) }, work));
  const version = spawnSync("/usr/sbin/bird", ["--version"], { encoding: "utf8" }).stderr.trim().replace(/^.* /, "");
  return { program: "BIRD", version, compared, differences, exceptions };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      file: { type: "string" },
      random: { type: "boolean" },
      verbose: { type: "boolean" },
    },
  });
  const started = performance.now();
  const { program, version, compared, differences, exceptions, skipped } = await run(values);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    skipped ??
      `${program} ${version}: ${compared} routes and AS paths compared, ${plural(differences.length, "difference")}, ${plural(exceptions.length, "exception")}, ${seconds} s`,
  );
  process.exit(differences.length > 0 ? 1 : 0);
}
