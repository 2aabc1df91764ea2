/** Consecutive nodes as pools, if the allocation reproduces their addresses and pod CIDRs. */
import { addIp, formatIp, type Ip } from "../../addressing/ip.ts";
import { child, oneOf } from "../../declared/access.ts";
import { declare } from "../../declared/build.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Handle } from "../../declared/handle.ts";
import { wholeText } from "../../declared/text.ts";
import { addressesIn, type Facts, labelsIn, nameIn } from "./facts.ts";
import { withLabels } from "./pods.ts";

/** How a run of nodes is written: as a pool without addresses, as a pool with its first addresses, or node by node. */
export type RunForm = "plain" | "addressed" | "single";

/** Nodes with consecutive numbers in their names, on one segment, with equal labels and settings. */
export interface Run {
  readonly prefix: string;
  readonly width: number;
  readonly first: number;
  readonly nodes: readonly Decl[];
}

/** Labels that kubelet and the cloud provider set on every node (k8s.io/api/core/v1, well_known_labels.go). */
const WELL_KNOWN: ReadonlySet<string> = new Set([
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
  "beta.kubernetes.io/os",
  "kubernetes.io/arch",
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "node.kubernetes.io/instance-type",
]);

/** A node without the labels that every node has and no selector uses. */
export function plainNode(node: Decl, { nodeKeys }: Facts): Decl {
  return {
    ...node,
    children: node.children.flatMap((decl) => {
      if (decl.spec?.keyword !== "labels") return [decl];
      const labels = new Map([...labelsIn(decl)].filter(([key]) => !WELL_KNOWN.has(key) || nodeKeys.has(key)));
      return labels.size === 0 ? [] : [withLabels(decl, labels)];
    }),
  };
}

/** The nodes in numerical order (`w2` before `w10`, unlike the order of the API), divided into runs. */
export function runsOf(nodes: readonly Decl[]): readonly Run[] {
  const sorted = nodes.map((node) => ({ node, ...numbered(nameIn(node)) }));
  const order = new Map<string, number>();
  for (const [index, { prefix }] of sorted.entries()) if (!order.has(prefix)) order.set(prefix, index);
  sorted.sort((a, b) => (order.get(a.prefix) ?? 0) - (order.get(b.prefix) ?? 0) || (a.number ?? -1) - (b.number ?? -1));
  const runs: (Run & { readonly nodes: Decl[] })[] = [];
  for (const { node, prefix, number, width } of sorted) {
    const last = runs.at(-1);
    const follows =
      last !== undefined && number !== undefined && last.prefix === prefix && last.first + last.nodes.length === number;
    const previous = last?.nodes.at(-1);
    if (follows && previous && last.width === width && isAlike(previous, node)) last.nodes.push(node);
    else runs.push({ prefix, width, first: number ?? -1, nodes: [node] });
  }
  return runs;
}

interface Numbered {
  readonly prefix: string;
  readonly number: number | undefined;
  /** Number of digits if the number starts with zeros, otherwise 0. */
  readonly width: number;
}

function numbered(name: string): Numbered {
  const [, prefix = "", digits = ""] = /^(.*?)(\d{1,9})$/.exec(name) ?? [];
  if (prefix === "") return { prefix: name, number: undefined, width: 0 };
  return { prefix, number: Number(digits), width: digits.startsWith("0") ? digits.length : 0 };
}

/** Equal except for their names, addresses, and ranges; the addresses are consecutive. */
function isAlike(a: Decl, b: Decl): boolean {
  return settingsText(a) === settingsText(b) && familiesOf(a) === familiesOf(b);
}

function settingsText(node: Decl): string {
  return node.children
    .filter((decl) => decl.spec?.keyword !== "pod-cidr" && !isBlocks(decl))
    .map((decl) => (decl.spec?.keyword === "attach" ? segmentOf(decl) : wholeText(decl)))
    .join("; ");
}

function familiesOf(node: Decl): string {
  return addressesIn(child(node, "attach"))
    .map((ip) => typeof ip)
    .join(" ");
}

function segmentOf(attach: Decl | undefined): string {
  return oneOf(attach, "segment", "ref")?.text ?? "";
}

/** `cni calico { block … }`: which blocks a node has claimed. */
function isBlocks({ spec, children }: Decl): boolean {
  return spec?.keyword === "cni" && children.every((one) => one.spec?.keyword === "block");
}

function follows(nodes: readonly Decl[]): boolean {
  const all = nodes.map((node) => addressesIn(child(node, "attach")));
  return all.every((addresses, index) => {
    const before = all[index - 1];
    return before === undefined || addresses.every((ip, at) => isNext(before[at], ip));
  });
}

function isNext(before: Ip | undefined, ip: Ip): boolean {
  return before !== undefined && addIp(before, 1) === ip;
}

/** The statements of a run in a form; undefined if the form cannot express it. */
export function writeRun(run: Run, form: RunForm): readonly Decl[] | undefined {
  const [node] = run.nodes;
  if (form === "single" || !node) return run.nodes;
  if (run.nodes.length < 2 || run.first < 0) return undefined;
  if (form === "addressed" && !follows(run.nodes)) return undefined;
  const attach = child(node, "attach");
  const last = run.first + run.nodes.length - 1;
  const text = (number: number): string => String(number).padStart(run.width, "0");
  const addresses = form === "addressed" ? addressesIn(attach).map(formatIp) : [];
  const file = node.file ?? "";
  const pool = declare(
    {
      keyword: "nodes",
      args: { name: run.prefix, range: `${text(run.first)}..${text(last)}` },
      children: [
        {
          keyword: "attach",
          args: { segment: segmentOf(attach), ...(addresses.length > 0 ? { addresses } : {}) },
          handle: {} as Handle,
          file,
        },
      ],
      handle: {} as Handle,
      file,
    },
    "cluster",
  );
  const others = node.children.filter(
    (decl) => !["attach", "pod-cidr"].includes(decl.spec?.keyword ?? "") && !isBlocks(decl),
  );
  return [{ ...pool, children: [...pool.children, ...others] }];
}

/** The names of the nodes of a run. */
export function namesOf({ nodes }: Run): readonly string[] {
  return nodes.map(nameIn);
}
