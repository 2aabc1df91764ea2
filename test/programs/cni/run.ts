// Compares pods and nodes after the reference CNI plugins (bridge, ptp, host-local, portmap, macvlan, ipvlan) have run with knet's
// prediction.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { built, requiredVersion } from "../build.ts";
import { onKernels } from "../kernels.ts";
import { type Comparison, EVERYTHING, failed, type Options, type Outcome, type Suite, selected } from "../suite.ts";
import { CASES } from "./cases.ts";
import { compareCase, pluginFolder } from "./compare.ts";
import { EXCEPTIONS } from "./exceptions.ts";

const PROGRAM = "CNI plugins";
const MODULE = "github.com/containernetworking/plugins";
const PLUGINS = [
  "main/bridge",
  "main/ptp",
  "main/macvlan",
  "main/ipvlan",
  "ipam/host-local",
  "ipam/static",
  "meta/portmap",
];

export const cni: Suite = { name: "cni", exceptions: EXCEPTIONS, run };

async function run({ version: wanted, seeds, file, kernel, only }: Options): Promise<readonly Outcome[]> {
  const version = requiredVersion(import.meta.dirname, MODULE);
  if ((wanted !== undefined && wanted !== version) || seeds !== undefined || file !== undefined) return [];
  const none: Outcome = { program: PROGRAM, version, comparisons: [], skipped: [] };
  const paths = new Map<string, string>();
  for (const plugin of PLUGINS) {
    const name = plugin.split("/").at(-1) ?? plugin;
    const command = `${MODULE}/plugins/${plugin}`;
    const made = await built({ name: `cni-${name}`, version, folder: import.meta.dirname, command });
    if ("missing" in made) return [{ ...none, skipped: [{ name: EVERYTHING, why: made.missing }] }];
    paths.set(name, made.path);
  }
  const folder = mkdtempSync(join(tmpdir(), "knet-cni-"));
  try {
    const plugins = pluginFolder(join(folder, "bin"), paths);
    const cases = CASES.filter((one) => kernel === undefined || one.kernel === kernel);
    const compared = await onKernels(selected(cases, only), {
      program: PROGRAM,
      compare: (one) => compareCase(one, plugins),
      inside: ({ name }) => ["cni", name, plugins],
    });
    return [{ ...none, ...compared }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function insideCni([name = "", plugins = ""]: readonly string[]): Promise<Comparison> {
  const found = CASES.find((one) => one.name === name);
  return found ? compareCase(found, plugins) : failed(name, "no such configuration");
}
