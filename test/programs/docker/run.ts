// Compares hosts and containers after dockerd has created them with knet's prediction.
import { globSync } from "node:fs";
import { unpacked } from "../debian.ts";
import {
  analysisOf,
  type Comparison,
  EVERYTHING,
  each,
  type Options,
  type Outcome,
  ROOT,
  report,
  reportSkipped,
  type Skipped,
  type Suite,
  selected,
  textOf,
} from "../suite.ts";
import { CASES, type DockerCase } from "./cases.ts";
import { compareCase, dockerVersion } from "./compare.ts";
import { EXCEPTIONS } from "./exceptions.ts";

const PROGRAM = "dockerd";
const PACKAGES = ["docker.io", "containerd", "runc", "libdevmapper1.02.1", "busybox-static"];
const FEW = ["default", "own ranges and published ports"];
/** Daemons write the rules of a whole network namespace; more in parallel are not faster. */
const AT_ONCE = 2;

export const docker: Suite = { name: "docker", exceptions: EXCEPTIONS, run };

async function run(options: Options): Promise<readonly Outcome[]> {
  if ((options.kernel ?? "host") !== "host" || options.seeds !== undefined) return [];
  const none: Outcome = { program: PROGRAM, version: "", comparisons: [], skipped: [] };
  const found = unpacked("docker", PACKAGES);
  if ("missing" in found) return [{ ...none, skipped: [{ name: EVERYTHING, why: found.missing }] }];
  const { path } = found;
  const version = dockerVersion(path);
  if ((options.version ?? version) !== version) return [];
  const comparisons: Comparison[] = [];
  const skipped: Skipped[] = [];
  await each(casesOf(options), AT_ONCE, async (one) => {
    const found = await compareCase(one, path);
    if (typeof found === "string") {
      skipped.push({ name: one.name, why: found });
      return reportSkipped(PROGRAM, { name: one.name, why: found });
    }
    comparisons.push(found);
    report(PROGRAM, found);
  });
  return [{ ...none, version, comparisons, skipped }];
}

function casesOf({ few, file, only }: Options): readonly DockerCase[] {
  if (few) return CASES.filter(({ name }) => FEW.includes(name));
  const files = file === undefined ? globSync("samples/*.knet", { cwd: ROOT }).sort() : [file];
  const fromFiles = files
    .map((name) => ({ name, text: textOf(name) }))
    .filter(({ name, text }) => analysisOf(name, text).topology.clusters.some(({ cni }) => cni.plugin === "docker"));
  return selected([...(file === undefined ? CASES : []), ...fromFiles], only);
}
