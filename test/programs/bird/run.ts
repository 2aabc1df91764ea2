// Compares BGP with real BIRD daemons in network namespaces: every sample and fixture with BGP, and random topologies. The routes
// in the kernel are compared (next hops, ECMP), and the AS paths of BIRD's best routes.

import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import type { Speaker } from "../../../server/src/cni/bgp/model.ts";
import { clusterStates } from "../../../server/src/cni/clusters.ts";
import type { Analysis } from "../../../server/src/service/analysis.ts";
import { buildSpaces, inSpace, installed, type Spaces } from "../spaces.ts";
import {
  analysisOf,
  type Comparison,
  EVERYTHING,
  each,
  failed,
  LABS,
  type Options,
  type Outcome,
  ROOT,
  report,
  reportSkipped,
  type Skipped,
  type Suite,
  seedsOf,
  selected,
  textOf,
} from "../suite.ts";
import { confOf } from "./conf.ts";
import { type Daemon, startBird } from "./daemon.ts";
import { EXCEPTIONS, exceptionOf, type Predicted } from "./exceptions.ts";
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
  unreachablePrefixes,
} from "./tables.ts";

const PROGRAM = "BIRD";
const RANDOM = { few: 12, all: 200 };
/** Milliseconds between two looks at the daemons. */
const POLL = 200;
/** BIRD has converged if it agrees with knet in so many looks in succession, … */
const SAME_POLLS = 5;
/** … or if a difference is the same for so many milliseconds, which is the time of several retries and of the hold timer. */
const UNCHANGED = 20_000;

/** Topologies with more speakers are skipped, or made smaller: a daemon for each would take minutes. */
const MOST_SPEAKERS = 50;
const SMALLER: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "samples/calico-route-reflector.knet": [
    ["1..150", "1..12"],
    ["w150", "w12"],
  ],
};

interface Case {
  /** The path of a file, or the seed. */
  readonly name: string;
  readonly text: string;
}

interface Expected extends Running, Predicted {
  readonly felix: ReadonlySet<string>;
}

interface Running {
  readonly speaker: Speaker;
  readonly name: string;
  readonly daemon: Daemon;
}

/* ------------------------------------------------------------- one topology */

async function compareCase({ name, text }: Case, verbose: boolean): Promise<Comparison> {
  const analysis = analysisOf(name, text);
  const { network, topology } = analysis;
  const speakers = clusterStates(topology).speakers();
  const stations = [...topology.routers, ...speakers.map(({ station }) => station)];
  const ids = [...new Set(stations.map(({ path }) => path))];
  const spaces = await buildSpaces(network, ids, isFromBgp);
  const running: Running[] = [];
  try {
    await Promise.all(
      speakers.map(async (speaker, i) => {
        const space = spaces.names.get(speaker.station.path) ?? "";
        const daemon = await startBird(space, spaces.folder, i, confOf(speaker, speakers));
        running.push({ speaker, name: space, daemon });
      }),
    );
    const comparison = await observe(analysis, running, globalAddresses(network, ids));
    if (verbose) await show(spaces, speakers, running);
    return { name, ...comparison };
  } finally {
    await Promise.all(running.map(({ daemon }) => daemon.stop()));
    await spaces.down();
  }
}

async function observe(
  { network, topology }: Analysis,
  running: readonly Running[],
  globals: ReadonlyMap<string, string>,
): Promise<Omit<Comparison, "name">> {
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
      found.push(...differ(id, paths, (await birdPaths(daemon, speaker)).paths, new Set()));
    }
    return found;
  };
  const entries = expected.reduce((sum, { hops, paths }) => sum + hops.size + paths.size, 0);
  const found = await settled(look);
  const states = await Promise.all(
    expected.map(async ({ speaker, name, daemon }) => {
      const unreachable = await unreachablePrefixes(daemon, speaker);
      const routes = new Map([...kernelHops(name, familiesOf(speaker), globals), ...unreachable]);
      return { routes, selfResolved: (await birdPaths(daemon, speaker)).selfResolved };
    }),
  );
  const reasons = found.map((one) => exceptionOf(one, expected, states));
  const used = new Map<string, number>();
  for (const reason of reasons) if (reason !== undefined) used.set(reason, (used.get(reason) ?? 0) + 1);
  return {
    entries,
    differences: found
      .filter((_, i) => reasons[i] === undefined)
      .map(({ id, dst, knet, bird }) => ({ where: `${id}: ${dst}`, program: [bird], knet: [knet] })),
    exceptions: [...used],
  };
}

/** The differences once they no longer change. */
async function settled(look: () => Promise<readonly Differing[]>): Promise<readonly Differing[]> {
  let changed = performance.now();
  let before: string | undefined;
  let same = 0;
  for (;;) {
    const found = await look();
    const key = found
      .map((one) => Object.values(one).join(" "))
      .sort()
      .join("\n");
    if (key === before) same += 1;
    else {
      same = 0;
      changed = performance.now();
    }
    before = key;
    if (same >= SAME_POLLS && (found.length === 0 || performance.now() - changed > UNCHANGED)) return found;
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

/** The cases, and the topologies that are too large. */
function fileCases(few: boolean): { readonly cases: readonly Case[]; readonly skipped: readonly Skipped[] } {
  const patterns = ["samples/*.knet", ...(few ? [] : ["samples/broken/*.knet", "test/unit/checks/fixtures/*.knet"])];
  const cases: Case[] = [];
  const skipped: Skipped[] = [];
  for (const name of patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT }).sort())) {
    const text = smaller(name, textOf(name));
    const count = clusterStates(analysisOf(name, text).topology).speakers().length;
    if (count > MOST_SPEAKERS) skipped.push({ name, why: `${count} speakers` });
    else if (count > 1) cases.push({ name, text });
  }
  return { cases, skipped };
}

function smaller(file: string, text: string): string {
  return (SMALLER[file] ?? []).reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

function casesOf(options: Options): ReturnType<typeof fileCases> {
  const { file, seeds, few, only } = options;
  const random = seedsOf(options, few ? RANDOM.few : RANDOM.all).map((seed) => ({
    name: `seed ${seed}`,
    text: bgpText(seed),
  }));
  if (file !== undefined) return { cases: [{ name: file, text: textOf(file) }], skipped: [] };
  if (seeds !== undefined) return { cases: random, skipped: [] };
  const { cases, skipped } = fileCases(few);
  return { cases: selected([...cases, ...random], only), skipped: only === undefined ? skipped : [] };
}

export const bird: Suite = { name: "bird", exceptions: EXCEPTIONS, run };

async function run(options: Options): Promise<readonly Outcome[]> {
  if ((options.kernel ?? "host") !== "host") return [];
  const none: Outcome = { program: PROGRAM, version: "", comparisons: [], skipped: [] };
  if (!installed("bird", "bird2"))
    return [{ ...none, skipped: [{ name: EVERYTHING, why: "bird is not installed (Debian: apt install bird2)" }] }];
  const version = spawnSync("/usr/sbin/bird", ["--version"], { encoding: "utf8" }).stderr.trim().replace(/^.* /, "");
  if (options.version !== undefined && options.version !== version) return [];
  const { cases, skipped } = casesOf(options);
  for (const one of skipped) reportSkipped(PROGRAM, one);
  const comparisons = await each(cases, LABS, async (one) => {
    const found = await compareCase(one, options.verbose).catch((error: Error) => failed(one.name, error));
    report(PROGRAM, found);
    return found;
  });
  return [{ ...none, version, comparisons, skipped }];
}
