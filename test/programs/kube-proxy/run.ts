// kube-proxy, two releases: before and after the change of the nftables layout (kubernetes PR 132456).
import { globSync } from "node:fs";
import { join } from "node:path";
import { host, type Machine } from "../../../server/src/cli/machine.ts";
import { modeAddressing } from "../../../server/src/cni/modes.ts";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import { decodeFile } from "../../../server/src/frontends/knet/decode.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { withoutPolicies } from "../../../server/src/kubernetes/contribute.ts";
import { proxyFamilies } from "../../../server/src/kubernetes/proxy/ports.ts";
import { buildTopology } from "../../../server/src/topology/build.ts";
import type { Topology } from "../../../server/src/topology/model.ts";
import { type Built, built, type Program, requiredVersion } from "../build.ts";
import { startBox } from "../kernels.ts";
import {
  type Comparison,
  type Difference,
  differences,
  EVERYTHING,
  each,
  LABS,
  type Options,
  type Outcome,
  ROOT,
  report,
  reportSkipped,
  type Skipped,
  type State,
  type Suite,
  seedsOf,
  selected,
  sizeOf,
  textOf,
} from "../suite.ts";
import { EXCEPTIONS } from "./exceptions.ts";
import { type Pair, runNode } from "./node.ts";
import { type ProxyMode, servicesText } from "./topologies.ts";

const PROGRAM = "kube-proxy";
const MINORS = [33, 37];
/** Random topologies per mode. */
const RANDOM = { few: 1, all: 12 };
/** Seconds without a change before the state is read; on a slow machine, the first state might be incomplete. */
const SETTLE = 1.2;
const SETTLE_LONG = 6;
/** Boxes in parallel, per release: each uses a whole processor. */
const BOXES = 1;
const MODES: readonly ProxyMode[] = ["iptables", "nftables", "ipvs"];

interface Configuration {
  readonly name: string;
  readonly mode: ProxyMode;
  readonly text: string;
}

export const kubeProxy: Suite = { name: "kube-proxy", exceptions: EXCEPTIONS, run };

interface Release extends Program {
  readonly minor: number;
}

function releases(): readonly Release[] {
  return MINORS.map((minor) => {
    const folder = join(import.meta.dirname, `1.${minor}`);
    const version = requiredVersion(folder, "k8s.io/kubernetes");
    return { name: PROGRAM, version, minor, folder, command: "k8s.io/kubernetes/cmd/kube-proxy" };
  });
}

async function run(options: Options): Promise<readonly Outcome[]> {
  const wanted = releases().filter(({ version }) => (options.version ?? version) === version);
  const programs: (readonly [Release, Built])[] = [];
  for (const release of wanted) programs.push([release, await built(release)]);
  return Promise.all(
    programs.map(([release, found]) =>
      "missing" in found
        ? {
            program: PROGRAM,
            version: release.version,
            comparisons: [],
            skipped: [{ name: EVERYTHING, why: found.missing }],
          }
        : compareRelease(release, found.path, options),
    ),
  );
}

async function compareRelease({ version, minor }: Release, path: string, options: Options): Promise<Outcome> {
  const all = selected(
    MODES.flatMap((mode) => configurations(options, mode, minor)),
    options.only,
  );
  const skipped: Skipped[] = [];
  const compare = async (one: Configuration): Promise<readonly Comparison[]> => {
    // IPVS needs a kernel with ip_vs: User-Mode Linux, booted for each configuration.
    const machine = one.mode === "ipvs" ? await startBox("uml") : host;
    if (typeof machine === "string") {
      skipped.push({ name: one.name, why: machine });
      reportSkipped(`${PROGRAM} ${version}`, { name: one.name, why: machine });
      return [];
    }
    const found = await compareOne(one, path, machine, options.few && one.mode === "ipvs");
    await machine.close();
    report(`${PROGRAM} ${version}`, found);
    return [found];
  };
  const onHost = await each(
    all.filter(({ mode }) => mode !== "ipvs"),
    LABS,
    compare,
  );
  const inBoxes = await each(
    all.filter(({ mode }) => mode === "ipvs"),
    BOXES,
    compare,
  );
  return { program: PROGRAM, version, comparisons: [...onHost, ...inBoxes].flat(), skipped };
}

function configurations(options: Options, mode: ProxyMode, minor: number): readonly Configuration[] {
  const { few, file, kernel, seeds } = options;
  if (kernel !== undefined && kernel !== (mode === "ipvs" ? "uml" : "host")) return [];
  const files =
    file === undefined ? globSync(few ? "samples/services*.knet" : "samples/*.knet", { cwd: ROOT }) : [file];
  const count = few ? RANDOM.few : RANDOM.all;
  return [
    ...(seeds === undefined ? files.sort() : [])
      .map((name) => ({ name: `${mode}, ${name}`, mode, text: versioned(textOf(name), minor) }))
      .filter(({ text }) => usesProxy(topologyOf(text), mode)),
    // A box is an order of magnitude slower.
    ...seedsOf(options, mode === "ipvs" ? Math.floor(count / 3) : count).map((seed) => ({
      name: `${mode}, seed ${seed}`,
      mode,
      text: servicesText(seed, mode, minor),
    })),
  ];
}

function topologyOf(text: string): Topology {
  return buildTopology([{ file: "text", decls: decodeFile(parse(text)) }], modeAddressing);
}

function usesProxy({ clusters }: Topology, mode: ProxyMode): boolean {
  return clusters.some(({ services }) => services.kubeProxy.mode === mode && services.all.length > 0);
}

function versioned(text: string, minor: number): string {
  return text.replaceAll(/^cluster \S+ \{/gm, (head) => `${head}\n  version 1.${minor}`);
}

/** On the first node of each cluster, which has endpoints more often than others, and the last one. */
async function compareOne(
  { name, mode, text }: Configuration,
  program: string,
  machine: Machine,
  firstOnly: boolean,
): Promise<Comparison> {
  const topology = topologyOf(text);
  const network = buildNetwork(topology, withoutPolicies());
  const found: Difference[] = [];
  const used = new Map<string, number>();
  let entries = 0;
  for (const cluster of topology.clusters) {
    if (cluster.services.kubeProxy.mode !== mode) continue;
    for (const node of new Set([cluster.nodes[0], firstOnly ? undefined : cluster.nodes.at(-1)])) {
      const netns = node && network.netns(node.path);
      if (!node || !netns) continue;
      const families = proxyFamilies(cluster);
      const pairOf = (settle: number): Promise<Pair> => runNode({ machine, program, cluster, node, netns, settle });
      const differ = ({ program: theirs, knet }: Pair, counts: Map<string, number>): readonly Difference[] =>
        differences(ofFamilies(theirs, families, counts), knet, EXCEPTIONS, counts);
      try {
        const first = await pairOf(SETTLE);
        const pair = differ(first, new Map()).length > 0 ? await pairOf(SETTLE_LONG) : first;
        entries += sizeOf(pair.knet);
        const all = differ(pair, used);
        found.push(...all.map(({ where, ...lines }) => ({ where: `${node.name}: ${where}`, ...lines })));
      } catch (error) {
        found.push({ where: `${node.name}: the run failed`, program: [(error as Error).message], knet: [] });
      }
    }
  }
  return { name, entries, differences: found, exceptions: [...used] };
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
