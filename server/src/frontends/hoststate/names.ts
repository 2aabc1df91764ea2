/** What the name of a file says: the machine, and the command whose output it contains. */
import type { Family } from "../../addressing/ip.ts";
import type { Output } from "../../dataplane/real/state.ts";

/** A file in the folder of a machine, named after the output. */
interface Known {
  readonly output: Output;
  readonly family?: Family;
  /** Without any line, the output is complete: nothing is configured. */
  readonly canBeEmpty?: true;
}

/** By name without a suffix, as `knet collect` writes them, and common variants. */
const OUTPUTS: Readonly<Record<string, Known>> = {
  addr: { output: "addresses" },
  link: { output: "links" },
  route4: { output: "routes4", family: 4, canBeEmpty: true },
  route6: { output: "routes6", family: 6, canBeEmpty: true },
  route: { output: "routes4", canBeEmpty: true },
  rule4: { output: "rules4", family: 4 },
  rule6: { output: "rules6", family: 6 },
  rule: { output: "rules4", family: 4 },
  neigh: { output: "neighbours", canBeEmpty: true },
  fdb: { output: "fdb", canBeEmpty: true },
  "iptables-save": { output: "iptables4", family: 4 },
  "ip6tables-save": { output: "iptables6", family: 6 },
  iptables: { output: "iptables4", family: 4 },
  ip6tables: { output: "iptables6", family: 6 },
  nft: { output: "nft", canBeEmpty: true },
  ipset: { output: "ipset", canBeEmpty: true },
  ipvsadm: { output: "ipvs", canBeEmpty: true },
  sysctl: { output: "sysctls" },
  wg: { output: "wireguard", canBeEmpty: true },
  "xfrm-policy": { output: "xfrm-policies", canBeEmpty: true },
  "xfrm-state": { output: "xfrm-states", canBeEmpty: true },
};
/** Other names of an output: files of one folder with only such names belong to one machine. */
const VARIANTS: Readonly<Record<string, string>> = {
  addrs: "addr",
  address: "addr",
  addresses: "addr",
  links: "link",
  routes: "route",
  routes4: "route4",
  routes6: "route6",
  rules: "rule",
  rules4: "rule4",
  rules6: "rule6",
  neighbors: "neigh",
  neighbours: "neigh",
  nftables: "nft",
  "nft-ruleset": "nft",
  ipvs: "ipvsadm",
  sysctls: "sysctl",
  wireguard: "wg",
};
/** Names of files with several outputs, or with one that is not used. */
const OTHERS: readonly string[] = ["collector", "state", "vlan"];

export interface FileName {
  readonly machine: string;
  readonly known: Known | undefined;
}

/** The name of the machine for each file. `files`: all files of the state. */
export function fileNames(files: readonly string[]): readonly FileName[] {
  const paths = files.map((file) => file.split(/[/\\]+/).filter((part) => part !== "" && part !== "."));
  const shared = sharedLength(paths);
  // A folder with a file of `knet collect` belongs to one machine.
  const below = paths.filter((path) => path.length > 1);
  const others = new Set(below.filter((path) => !isOutput(path) && !isVariant(path)).map(folderOf));
  const ofMachines = new Set(below.filter((path) => isOutput(path) || !others.has(folderOf(path))).map(folderOf));
  return paths.map((path) => nameOf(path, shared, ofMachines.has(folderOf(path))));
}

/** Whether the file is named after an output of a command. */
export function isOutputName(file: string): boolean {
  const [name] = fileNames([file]);
  return name?.known !== undefined || isOutput(file.split(/[/\\]+/));
}

function folderOf(path: readonly string[]): string {
  return path.slice(0, -1).join("/");
}

function isOutput(path: readonly string[]): boolean {
  const stem = stemOf(path);
  return Object.hasOwn(OUTPUTS, stem) || OTHERS.includes(stem);
}

function isVariant(path: readonly string[]): boolean {
  return knownOf(stemOf(path)) !== undefined;
}

/** "ip-route" and "bridge_fdb" also name the command. */
function knownOf(stem: string): Known | undefined {
  const name = stem.replace(/^(?:ip|bridge)[-_.]/, "");
  const usual = Object.hasOwn(VARIANTS, name) ? (VARIANTS[name] ?? name) : name;
  return Object.hasOwn(OUTPUTS, usual) ? OUTPUTS[usual] : undefined;
}

/** The name of the file without a suffix. */
function stemOf(path: readonly string[]): string {
  return (path.at(-1) ?? "").replace(/\.(?:json|txt|log|out|text)$/i, "");
}

function sharedLength(paths: readonly (readonly string[])[]): number {
  const [first = []] = paths;
  let length = 0;
  while (length < first.length - 1 && paths.every((path) => path.length > length + 1 && path[length] === first[length]))
    length += 1;
  return length;
}

function nameOf(path: readonly string[], shared: number, isOfMachine: boolean): FileName {
  const stem = stemOf(path);
  const known = knownOf(stem);
  // A folder per machine, below the folder of the state; nodes of several clusters can have a folder per cluster.
  const folders = path.slice(shared, -1).filter((part) => part !== "nodes");
  if (folders.length > 0) return { machine: folders.join("/"), known };
  if (isOfMachine) return { machine: path.at(-2) ?? stem, known };
  const named = OUTPUT_SUFFIX.exec(stem);
  return named?.[1] === undefined
    ? { machine: stem, known }
    : { machine: named[1], known: named[2] === undefined ? undefined : knownOf(named[2]) };
}

/** "n1-iptables-save", "n1.route4", "n1_collector": a file per machine and output in one folder. */
const OUTPUT_SUFFIX = new RegExp(
  `^(.+)[-_.](?:ip[-_])?(${[...Object.keys(OUTPUTS), ...Object.keys(VARIANTS), ...OTHERS].sort((a, b) => b.length - a.length).join("|")})$`,
);
