// kube-proxy, two releases: before and after the change of the nftables layout (kubernetes PR 132456).
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openBox } from "../../../server/src/cli/box/box.ts";
import { host, type Machine } from "../../../server/src/cli/machine.ts";
import { modeAddressing } from "../../../server/src/cni/modes.ts";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import { withoutPolicies } from "../../../server/src/kubernetes/contribute.ts";
import { proxyFamilies } from "../../../server/src/kubernetes/proxy/ports.ts";
import { decodeFile } from "../../../server/src/language/decode.ts";
import { parse } from "../../../server/src/language/parser.ts";
import { buildTopology } from "../../../server/src/topology/build.ts";
import { built, type Program } from "../build.ts";
import { type Difference, differences, type Outcome, type State } from "../suite.ts";
import { EXCEPTIONS } from "./exceptions.ts";
import { runNode } from "./node.ts";
import { type ProxyMode, servicesText } from "./topologies.ts";

const RELEASES = [
  { minor: 33, version: "v1.33.0" },
  { minor: 37, version: "v1.37.2" },
];
/** Seconds without a change before the state is read; on a slow machine, the first state might be incomplete. */
const SETTLE = 1.2;
const SETTLE_LONG = 6;
const BOOT_SECONDS = 120;
const MODES: readonly ProxyMode[] = ["iptables", "nftables", "ipvs"];
const root = join(import.meta.dirname, "../../..");

interface Configuration {
  readonly name: string;
  readonly mode: ProxyMode;
  readonly text: string;
}

export interface Options {
  /** Number of random topologies per mode. */
  readonly random: number;
  readonly seed: number;
  readonly modes: readonly ProxyMode[];
  readonly only: string | undefined;
  readonly version: string | undefined;
}

export function kubeProxyPrograms(): readonly (Program & { readonly minor: number })[] {
  return RELEASES.map(({ minor, version }) => ({
    name: "kube-proxy",
    version,
    minor,
    folder: join(import.meta.dirname, `1.${minor}`),
    command: "k8s.io/kubernetes/cmd/kube-proxy",
  }));
}

export async function compareKubeProxy(options: Options): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const program of kubeProxyPrograms()) {
    const { name, version } = program;
    if (options.version !== undefined && options.version !== version) continue;
    const found = await built(program);
    outcomes.push(
      "missing" in found
        ? { program: name, version, compared: 0, differences: [], exceptions: new Map(), skipped: found.missing }
        : await compareRelease(program, found.path, options),
    );
  }
  return outcomes;
}

async function compareRelease(
  { name, version, minor }: ReturnType<typeof kubeProxyPrograms>[number],
  path: string,
  options: Options,
): Promise<Outcome> {
  const exceptions = new Map<string, number>();
  const all: Difference[] = [];
  let compared = 0;
  let skipped: string | undefined;
  for (const mode of MODES.filter((one) => options.modes.includes(one))) {
    for (const one of configurations(options, mode, minor)) {
      if (options.only !== undefined && one.name !== options.only) continue;
      const machine = mode === "ipvs" ? await boxOrReason() : host;
      if (typeof machine === "string") {
        skipped = `ipvs: ${machine}`;
        break;
      }
      const found = await compareOne(one, path, machine, exceptions);
      if (machine !== host) await machine.close();
      compared += 1;
      all.push(...found);
      console.log(`${found.length === 0 ? "✓" : "✗"} ${name} ${version}: ${one.name} (${mode})`);
    }
  }
  return {
    program: name,
    version,
    compared,
    differences: all,
    exceptions,
    ...(skipped === undefined ? {} : { skipped }),
  };
}

/** IPVS needs a kernel with ip_vs: User-Mode Linux, booted for each configuration. */
async function boxOrReason(): Promise<Machine | string> {
  try {
    const late = new Promise<string>((resolve) =>
      setTimeout(() => resolve("the kernel does not start"), BOOT_SECONDS * 1000).unref(),
    );
    return await Promise.race([openBox("uml", () => {}), late]);
  } catch (error) {
    return (error as Error).message;
  }
}

function configurations({ random, seed }: Options, mode: ProxyMode, minor: number): readonly Configuration[] {
  const samples = globSync("samples/services*.knet", { cwd: root }).sort();
  return [
    ...samples
      .map((file) => ({ name: file, mode, text: versioned(readFileSync(join(root, file), "utf8"), minor) }))
      .filter(({ text }) => text.includes(`kube-proxy ${mode}`)),
    // A box is an order of magnitude slower.
    ...Array.from({ length: mode === "ipvs" ? Math.ceil(random / 3) : random }, (_, i) => ({
      name: `seed ${seed + i}`,
      mode,
      text: servicesText(seed + i, mode, minor),
    })),
  ];
}

function versioned(text: string, minor: number): string {
  return text.replace(/^cluster \S+ \{/m, (head) => `${head}\n  version 1.${minor}`);
}

/** On every node of the cluster. */
async function compareOne(
  { name, mode, text }: Configuration,
  program: string,
  machine: Machine,
  used: Map<string, number>,
): Promise<readonly Difference[]> {
  const tree = parse(text);
  const topology = buildTopology([{ file: name, decls: decodeFile(tree) }], modeAddressing);
  const network = buildNetwork(topology, withoutPolicies());
  const found: Difference[] = [];
  for (const cluster of topology.clusters) {
    // The first node has endpoints more often than the last one.
    for (const node of [cluster.nodes[0], cluster.nodes.at(-1)]) {
      const netns = node && network.netns(node.path);
      if (!node || !netns) continue;
      const where = `${name} (${mode}, ${node.name})`;
      const families = proxyFamilies(cluster);
      const compare = async (settle: number): Promise<readonly Difference[]> => {
        const pair = await runNode({ machine, program, cluster, node, netns, settle });
        return differences(where, ofFamilies(pair.program, families, used), pair.knet, EXCEPTIONS, used);
      };
      try {
        const first = await compare(SETTLE);
        found.push(...(first.length > 0 ? await compare(SETTLE_LONG) : first));
      } catch (error) {
        found.push({ configuration: where, where: "kube-proxy", program: [(error as Error).message], knet: [] });
      }
    }
  }
  return found;
}

/** kube-proxy always writes the chains of both families. */
const OTHER_FAMILY = "the other family";

function ofFamilies(state: State, families: readonly (4 | 6)[], used: Map<string, number>): State {
  const kept = [...state].filter(([where]) => {
    const is6 = /^(ip6tables|nft ip6|ipset KUBE-6)/.test(where);
    return !(is6 || /^(iptables|nft ip |ipset)/.test(where)) || families.includes(is6 ? 6 : 4);
  });
  if (kept.length < state.size) used.set(OTHER_FAMILY, (used.get(OTHER_FAMILY) ?? 0) + state.size - kept.length);
  return new Map(kept);
}
