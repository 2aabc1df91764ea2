/** The network namespaces of a topology on this machine, without the routes that the program under test creates. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLacks } from "../../server/src/cli/lab-run.ts";
import { host } from "../../server/src/cli/machine.ts";
import { hostState } from "../../server/src/cni/host.ts";
import { plainNetns } from "../../server/src/cni/netns.ts";
import { buildNetwork } from "../../server/src/cni/network.ts";
import type { Netns, NetnsId, Network, Route } from "../../server/src/dataplane/model.ts";
import { NO_NEEDS, planLab } from "../../server/src/lab/plan.ts";
import { labScript } from "../../server/src/lab/script.ts";
import { valueAt } from "../../server/src/memo/memo.ts";
import type { Topology } from "../../server/src/topology/model.ts";
import { stationsByPath } from "../../server/src/topology/stations.ts";
import { VERSION } from "../../server/src/version.ts";

export interface Spaces {
  /** Name in the kernel of each network namespace. */
  readonly names: ReadonlyMap<NetnsId, string>;
  /** A folder for the program's files, removed with the network namespaces. */
  readonly folder: string;
  down(): Promise<void>;
}

let built = 0;

/** `omits`: routes that are not created. Throws an error if the kernel rejects a part of the configuration. */
export async function buildSpaces(
  network: Network,
  ids: readonly NetnsId[],
  omits: (route: Route) => boolean,
): Promise<Spaces> {
  built += 1;
  const lab = `run-${process.pid}-${900_000 + built}`;
  const folder = mkdtempSync(join(tmpdir(), "knet-program-"));
  const before = withoutRoutes(network, omits);
  const plan = planLab(before, ids, lab, { ...NO_NEEDS, lacks: await findLacks(host, before, ids, lab) });
  const script = join(folder, "lab.sh");
  writeFileSync(script, labScript(plan, { source: lab, version: VERSION }));
  const made = await host.exec(["bash", script, "build"]);
  const down = async (): Promise<void> => {
    await host.exec(["bash", script, "down"]);
    rmSync(folder, { recursive: true, force: true });
  };
  if (made.code !== 0) {
    await down();
    throw new Error(made.err.trim() || "the network namespaces cannot be built");
  }
  return { names: new Map(plan.namespaces.map(({ id, name }) => [id, name])), folder, down };
}

function withoutRoutes(network: Network, omits: (route: Route) => boolean): Network {
  return {
    ...network,
    netns: (id) => {
      const netns = network.netns(id);
      if (!netns) return undefined;
      const tables = [...netns.tables].map(
        ([name, { layers }]) =>
          [
            name,
            {
              layers: layers.map((layer) => ({
                table: layer.table,
                except: (route: Route) => layer.except?.(route) === true || omits(route),
              })),
            },
          ] as const,
      );
      return { ...netns, tables: new Map(tables) };
    },
  };
}

/** The machines before a network plugin runs. */
export function bareNetwork(topology: Topology): Network {
  const stations = stationsByPath(topology);
  const bare = new Map<NetnsId, Netns | undefined>();
  return {
    netns: (id) =>
      valueAt(bare, id, () => {
        const station = stations(id);
        return station && plainNetns(hostState(station), [], {}, [], { groups: () => [] });
      }),
    resolve: () => undefined,
    segment: buildNetwork(topology).segment,
  };
}

/** Standard output of a command in a network namespace. */
export function inSpace(name: string, argv: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync("ip", ["netns", "exec", name, ...argv], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${argv.join(" ")} in ${name}: ${stderr.trim()}`);
  return stdout;
}

/** Whether a program is installed; as root on Debian, installs its package first. */
export function installed(program: string, debian: string): boolean {
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const found = (): boolean =>
    spawnSync("sh", ["-c", `command -v ${program}`], { env: { ...process.env, PATH: path } }).status === 0;
  if (found()) return true;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["update", "-qq"], { env, stdio: "ignore" });
  spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", debian], { env, stdio: "ignore" });
  return found();
}
