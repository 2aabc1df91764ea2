// Compares what flanneld leaves on nodes (devices, addresses, routes, neighbor and FDB entries, IPsec, netfilter rules) with knet's
// prediction. flanneld runs in network namespaces, with the nodes from a small kube-apiserver, or with etcd.
//
// Some configurations need User-Mode Linux, QEMU, etcd, strongSwan, or wireguard-tools.

import { globSync } from "node:fs";
import type { Kernel } from "../../../server/src/cli/box/box.ts";
import { topologyText } from "../../kernel/generator.ts";
import { built, requiredVersion } from "../build.ts";
import { onKernels } from "../kernels.ts";
import { installed } from "../spaces.ts";
import {
  analysisOf,
  type Comparison,
  EVERYTHING,
  type Options,
  type Outcome,
  ROOT,
  reportSkipped,
  type Suite,
  seedsOf,
  selected,
  textOf,
} from "../suite.ts";
import { CASES, FEW_CASES, type FlannelCase } from "./cases.ts";
import { compareCase } from "./compare.ts";
import { EXCEPTIONS } from "./exceptions.ts";

const PROGRAM = "flanneld";
const MODULE = "github.com/flannel-io/flannel";
/** Random topologies whose cluster has flannel; one in three does. */
const RANDOM = { few: 0, all: 60 };
/** Programs and Debian packages that some configurations need. */
const NEEDED: readonly (readonly [word: string, program: string, debian: string])[] = [
  ["subnet-manager etcd", "etcd", "etcd-server"],
  ["backend ipsec", "/usr/lib/ipsec/charon", "strongswan-charon"],
  ["backend wireguard", "wg", "wireguard-tools"],
];
const KERNEL_OF: readonly (readonly [text: string, kernel: Kernel])[] = [
  ["backend ipip", "uml"],
  ["backend ipsec", "uml"],
  ["backend wireguard", "qemu"],
];

export const flannel: Suite = { name: "flannel", exceptions: EXCEPTIONS, run };

async function run(options: Options): Promise<readonly Outcome[]> {
  const version = requiredVersion(import.meta.dirname, MODULE);
  if (options.version !== undefined && options.version !== version) return [];
  const none: Outcome = { program: PROGRAM, version, comparisons: [], skipped: [] };
  const program = await built({ name: PROGRAM, version, folder: import.meta.dirname, command: MODULE });
  if ("missing" in program) return [{ ...none, skipped: [{ name: EVERYTHING, why: program.missing }] }];
  const wanted = casesOf(options);
  const lacking = wanted.flatMap(({ name, text }) => {
    const found = NEEDED.find(([word, path, debian]) => text.includes(word) && !installed(path, debian));
    return found ? [{ name, why: `${found[1]} is not installed (Debian: apt install ${found[2]})` }] : [];
  });
  for (const one of lacking) reportSkipped(PROGRAM, one);
  const names = new Set(lacking.map(({ name }) => name));
  const { comparisons, skipped } = await onKernels(
    wanted.filter(({ name }) => !names.has(name)),
    {
      program: PROGRAM,
      compare: (one) => compareCase(one, program.path, options.verbose),
      inside: (one) => ["flannel", JSON.stringify(one), program.path, String(options.verbose)],
    },
  );
  return [{ ...none, comparisons, skipped: [...lacking, ...skipped] }];
}

export function insideFlannel([one = "", program = "", verbose]: readonly string[]): Promise<Comparison> {
  return compareCase(JSON.parse(one) as FlannelCase, program, verbose === "true");
}

function casesOf(options: Options): readonly FlannelCase[] {
  const { few, only, kernel, seeds, file } = options;
  const files = file === undefined ? globSync("samples/*.knet", { cwd: ROOT }).sort() : [file];
  const described = file !== undefined || seeds !== undefined ? [] : few ? FEW_CASES : CASES;
  const fromFiles = seeds !== undefined || (few && file === undefined) ? [] : files.flatMap(fileCase);
  const random = seedsOf(options, few ? RANDOM.few : RANDOM.all).flatMap((seed) =>
    fromText(`seed ${seed}`, topologyText(seed)),
  );
  const all = [...described, ...fromFiles, ...random].filter((one) => kernel === undefined || one.kernel === kernel);
  return selected(all, only);
}

function fileCase(file: string): readonly FlannelCase[] {
  return fromText(file, textOf(file));
}

/** Without a case if no cluster has flannel, or if flanneld would exit on a node. */
function fromText(name: string, text: string): readonly FlannelCase[] {
  const { topology } = analysisOf(`flannel ${name.replaceAll("/", " ")}`, text);
  if (topology.clusters.filter(({ cni }) => cni.plugin === "flannel").length !== 1) return [];
  const kernel = KERNEL_OF.find(([word]) => text.includes(word))?.[1] ?? "host";
  return [{ name, kernel, text }];
}
