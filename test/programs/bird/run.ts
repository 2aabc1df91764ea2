// Compares BGP with real BIRD daemons: every topology with BGP in the samples and fixtures, and random ones.
//
//   node test/programs/bird/run.ts                 everything
//   node test/programs/bird/run.ts --file F        one file
//   node test/programs/bird/run.ts --seed 4711     one random topology, printed with the configurations
//   node test/programs/bird/run.ts --random        only the random topologies
//
// Environment:
//   KNET_TEST_BGP=200       number of random topologies
//   KNET_TEST_SEED=1        seed of the first random topology
//   KNET_TEST_LABS=4        number of topologies in parallel

import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatIp, formatPrefix, isLinkLocal } from "../../../server/src/addressing/ip.ts";
import { diskService } from "../../../server/src/cli/files.ts";
import { removeStale } from "../../../server/src/cli/lab-run.ts";
import type { Speaker } from "../../../server/src/cni/bgp/model.ts";
import { clusterStates } from "../../../server/src/cni/clusters.ts";
import type { NetnsId, Network, Route } from "../../../server/src/dataplane/model.ts";
import { routesOf } from "../../../server/src/dataplane/print.ts";
import { whyNot } from "../../kernel/install.ts";
import type { ProgramResult } from "../result.ts";
import { buildSpaces, inSpace, installed } from "../spaces.ts";
import { confOf } from "./conf.ts";
import { type Daemon, startBird } from "./daemon.ts";
import { bgpText } from "./generator.ts";

/** Polls until the daemons' routes are these, and remain so for a while; a difference must outlast the retries. */
const POLL = 200;
const SAME_POLLS = 5;
const LONGEST = 12_000;
const PROTOCOL = "12";

interface Case {
  readonly name: string;
  readonly file: string;
  readonly text: string;
}

interface Outcome {
  readonly compared: number;
  readonly differences: readonly string[];
}

type Table = ReadonlyMap<string, string>;

/** Routes of the network namespace that BGP creates: destination → next hops. */
function predicted(network: Network, id: NetnsId): Table {
  const netns = network.netns(id);
  if (!netns) return new Map();
  return new Map(
    ([4, 6] as const).flatMap((family) =>
      routesOf(netns, family)
        .filter(isFromBgp)
        .map(
          (route) =>
            [
              formatPrefix(route.dst),
              route.type !== "unicast"
                ? route.type
                : hopsText(route.nexthops.map(({ via, dev }) => [via === undefined ? "" : formatIp(via), dev])),
            ] as const,
        ),
    ),
  );
}

function isFromBgp({ proto, type }: Route): boolean {
  return (proto === "bgp" || proto === "bird") && type !== "blackhole";
}

function hopsText(hops: readonly (readonly [via: string, dev: string])[]): string {
  return hops
    .map(([via, dev]) => (via === "" ? dev : `${via} ${dev}`))
    .sort()
    .join(", ");
}

interface KernelHop {
  readonly gateway?: string;
  readonly dev?: string;
}
interface KernelRoute extends KernelHop {
  readonly dst: string;
  readonly type?: string;
  readonly nexthops?: readonly KernelHop[];
}

function observed(name: string, families: readonly (4 | 6)[], globals: ReadonlyMap<string, string>): Table {
  return new Map(
    families.flatMap((family) => {
      const out = inSpace(name, ["ip", `-${family}`, "-j", "route", "show", "table", "main", "proto", PROTOCOL]);
      const routes = JSON.parse(out === "" ? "[]" : out) as readonly KernelRoute[];
      return routes
        .filter(({ type }) => type !== "blackhole")
        .map(
          ({ dst, nexthops, gateway = "", dev = "", type }) =>
            [
              dst === "default" ? (family === 4 ? "0.0.0.0/0" : "::/0") : dst.includes("/") ? dst : dst,
              type !== undefined
                ? type
                : hopsText(
                    (nexthops ?? [{ gateway, dev }]).map((hop) => [
                      globals.get(hop.gateway ?? "") ?? hop.gateway ?? "",
                      hop.dev ?? "",
                    ]),
                  ),
            ] as const,
        );
    }),
  );
}

function differ(id: NetnsId, knet: Table, kernel: Table): readonly string[] {
  const lines: string[] = [];
  for (const dst of new Set([...knet.keys(), ...kernel.keys()])) {
    if (knet.get(dst) !== kernel.get(dst))
      lines.push(`${id}: ${dst}: knet ${knet.get(dst) ?? "none"}; BIRD ${kernel.get(dst) ?? "none"}`);
  }
  return lines;
}

async function compareCase({ file, text }: Case, verbose: boolean): Promise<Outcome> {
  const service = diskService();
  service.setText(file, text);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new Error(`no analysis of ${file}`);
  const { network, topology } = analysis;
  const speakers = clusterStates(topology).speakers();
  const ids = new Set<NetnsId>([
    ...topology.routers.map(({ path }) => path),
    ...speakers.map(({ station }) => station.path),
  ]);
  const globals = globalOf(network, ids);
  const spaces = await buildSpaces(network, [...ids], isFromBgp);
  const daemons: Daemon[] = [];
  try {
    await Promise.all(
      speakers.map(async (speaker, i) => {
        const conf = confOf(speaker, speakers);
        if (verbose) console.log(`--- ${speaker.station.path}\n${conf}`);
        daemons.push(await startBird(spaces.names.get(speaker.station.path) ?? "", spaces.folder, i, conf));
      }),
    );
    const expected = new Map(speakers.map(({ station }) => [station.path, predicted(network, station.path)]));
    const differences = await settled(() =>
      speakers.flatMap((speaker) => {
        const id = speaker.station.path;
        const seen = observed(spaces.names.get(id) ?? "", familiesOf(speaker), globals);
        return differ(id, expected.get(id) ?? new Map(), seen);
      }),
    );
    if (verbose) {
      for (const [id, name] of spaces.names)
        console.log(`--- ${id}\n${inSpace(name, ["ip", "route"])}${inSpace(name, ["ip", "-6", "route"])}`);
      for (const [i, daemon] of daemons.entries())
        console.log(`--- ${i}\n${await daemon.ask("show protocols")}\n${await daemon.ask("show route all")}`);
    }
    return { compared: [...expected.values()].reduce((sum, { size }) => sum + size, 0), differences };
  } finally {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    await spaces.down();
  }
}

/** Link-local addresses → the global address of the same device: BIRD uses the link-local one of a next hop on the link. */
function globalOf(network: Network, ids: Iterable<NetnsId>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const id of ids) {
    for (const { addresses } of network.netns(id)?.devices.values() ?? []) {
      const global = addresses.find(({ ip }) => typeof ip === "bigint" && !isLinkLocal(ip));
      for (const { ip } of addresses) if (global && isLinkLocal(ip)) found.set(formatIp(ip), formatIp(global.ip));
    }
  }
  return found;
}

function familiesOf({ addresses }: Speaker): readonly (4 | 6)[] {
  return ([4, 6] as const).filter((family) => addresses.some((ip) => (typeof ip === "number") === (family === 4)));
}

/** The differences once they no longer change: at once if there are none, otherwise after the time of several retries. */
async function settled(look: () => readonly string[]): Promise<readonly string[]> {
  const started = performance.now();
  let before: string | undefined;
  let same = 0;
  for (;;) {
    const found = look();
    const key = found.join("\n");
    same = key === before ? same + 1 : 0;
    before = key;
    const passed = performance.now() - started;
    if (same >= SAME_POLLS && (found.length === 0 || passed > LONGEST)) return found;
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

function fileCases(): readonly Case[] {
  const root = join(import.meta.dirname, "../../..");
  return ["samples/*.knet", "samples/broken/*.knet", "test/unit/checks/fixtures/*.knet"]
    .flatMap((pattern) => globSync(pattern, { cwd: root }).sort())
    .map((file) => ({ name: file, file: join(root, file), text: readFileSync(join(root, file), "utf8") }))
    .filter(({ text }) => /\bbgp as\b|cni calico|node-to-node-mesh/.test(text))
    .filter(hasSpeakers);
}

function hasSpeakers({ file, text }: Case): boolean {
  const service = diskService();
  service.setText(file, text);
  const topology = service.analysisOf(file)?.topology;
  return topology !== undefined && clusterStates(topology).speakers().length > 1;
}

function seedCase(seed: number): Case {
  return { name: `seed ${seed}`, file: `/tmp/seed-${seed}.knet`, text: bgpText(seed) };
}

function cases(): { readonly list: readonly Case[]; readonly verbose: boolean } {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      file: { type: "string" },
      random: { type: "boolean" },
      verbose: { type: "boolean" },
    },
  });
  const verbose = values.verbose === true;
  if (values.file !== undefined)
    return { list: [{ name: values.file, file: values.file, text: readFileSync(values.file, "utf8") }], verbose };
  if (values.seed !== undefined) return { list: [seedCase(Number(values.seed))], verbose };
  const first = Number(process.env["KNET_TEST_SEED"] ?? 1);
  const seeds = Array.from({ length: Number(process.env["KNET_TEST_BGP"] ?? 200) }, (_, i) => seedCase(first + i));
  return { list: values.random ? seeds : [...fileCases(), ...seeds], verbose };
}

export async function run(): Promise<ProgramResult> {
  const { list, verbose } = cases();
  const none = { program: "BIRD", version: "", compared: 0, differences: [], exceptions: [] };
  const why = await whyNot();
  if (why !== undefined) return { ...none, skipped: why };
  if (!installed("bird", "bird2")) return { ...none, skipped: "bird is not installed (Debian: apt install bird2)" };
  removeStale();
  const version = spawnSync("/usr/sbin/bird", ["--version"], { encoding: "utf8" }).stderr.trim();
  const todo = [...list];
  const differences: string[] = [];
  let compared = 0;
  const work = async (): Promise<void> => {
    for (let one = todo.shift(); one; one = todo.shift()) {
      const { name } = one;
      try {
        const outcome = await compareCase(one, verbose);
        compared += outcome.compared;
        differences.push(...outcome.differences.map((line) => `${name}: ${line}`));
        if (outcome.differences.length > 0)
          console.log([`✗ ${name}`, ...outcome.differences.slice(0, 12)].join("\n  "));
        else console.log(`✓ ${name}: ${outcome.compared}`);
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        differences.push(`${name}: ${problem}`);
        console.log(`✗ ${name}: ${problem}`);
      }
    }
  };
  const labs = Number(process.env["KNET_TEST_LABS"] ?? 4);
  await Promise.all(Array.from({ length: labs }, work));
  return { program: "BIRD", version, compared, differences, exceptions: [] };
}

if (import.meta.main) {
  const started = performance.now();
  const result = await run();
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    result.skipped ??
      `${result.version}: ${result.compared} routes compared, ${result.differences.length} differences, ${seconds} s`,
  );
  process.exit(result.differences.length > 0 ? 1 : 0);
}
