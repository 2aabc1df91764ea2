/** The address plan as text: aligned tables; and its ranges as comma-separated values. */
import { type Prefix, parsePrefix, prefixCovers } from "../../addressing/ip.ts";
import { list, number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Plan, PlanCluster, PlanGrowth, PlanMask, PlanMasks, PlanRange } from "./schema.ts";

type Count = PlanRange["size"];

export function planText(plan: Plan): string {
  const parts = [rangeTable(plan.ranges), ...plan.clusters.map(clusterText)];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

const COLUMNS = ["range", "kind", "owner", "cluster", "nodes", "size", "used", "free"] as const;
const FREE_COLUMNS = ["largestFree", "nextFree", "nextRange"] as const;

/** One row per range: the keys of the JSON form in snake case, and lists separated by spaces. */
export function* planCsv({ ranges }: Plan): Iterable<string> {
  yield `${[...COLUMNS, "largest_free", "next_free", "next_range", "overlaps"].join(",")}\n`;
  for (const range of ranges) {
    const values = [...COLUMNS, ...FREE_COLUMNS].map((key) => range[key] ?? "");
    yield `${[...values, range.overlaps.join(" ")].map(csvField).join(",")}\n`;
  }
}

/** RFC 4180. A name from a file that starts with `=`, `+`, `-`, or `@` must not be a formula in a spreadsheet. */
function csvField(value: string | number): string {
  const text = String(value).replace(/^(?=[=+\-@\t\r])/, "'");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/* ------------------------------------------------------------------ tables */

/** Rows of equal length; columns are aligned to the right if `right` has a letter r at their place. */
function table(rows: readonly (readonly string[])[], align: string): readonly string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (align[i] === "r" ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** More digits are not readable in a table. */
const UNREADABLE = 10n ** 12n;

/** With thousands separators, or as a power of two. */
function short(count: Count): string {
  const exact = BigInt(count);
  if (exact < UNREADABLE) return number(exact);
  const power = Math.round(Math.log2(Number(exact)));
  return exact === 1n << BigInt(power) ? `2^${power}` : `~2^${power}`;
}

/** A single address without its length. */
function freeText(prefix: string | undefined): string {
  return prefix?.replace(/^([\d.]+)\/32$|^([\da-f:.]+)\/128$/, "$1$2") ?? "-";
}

/* ------------------------------------------------------------------ ranges */

/** In a longer run of node ranges, only the fullest are listed. */
const MOST_NODES = 16;
const FULLEST = 5;

function rangeTable(ranges: readonly PlanRange[]): string {
  if (ranges.length === 0) return t`no ranges are declared`;
  const rows: string[][] = [
    [t`range`, t`kind`, t`owner`, t`size`, t`used`, t`free`, "%", t`largest free`, t`next free`, t`next range`, ""],
  ];
  const above: Prefix[] = [];
  for (const run of runsOf(ranges)) {
    const depth = depthOf(above, run[0]);
    const [shown, hidden] = abridged(run);
    for (const range of shown) rows.push(rangeRow(range, depth));
    if (hidden.length > 0) rows.push(restRow(hidden, depth));
  }
  return table(rows, "lllrrrrlll").join("\n");
}

/** Consecutive node ranges of a cluster are one run. */
function runsOf(ranges: readonly PlanRange[]): readonly (readonly [PlanRange, ...PlanRange[]])[] {
  const runs: [PlanRange, ...PlanRange[]][] = [];
  for (const range of ranges) {
    const run = runs.at(-1);
    if (run && range.kind === "node" && run[0].kind === "node" && run[0].cluster === range.cluster) run.push(range);
    else runs.push([range]);
  }
  return runs;
}

/** The number of ranges listed above that contain this one. */
function depthOf(above: Prefix[], { range, kind }: PlanRange): number {
  const prefix = parsePrefix(
    range.includes("/") ? range : `${range.split("-")[0]}/${range.includes(":") ? 128 : 32}`,
  )?.prefix;
  if (prefix === undefined) return 0;
  for (let outer = above.at(-1); outer && !prefixCovers(outer, prefix); outer = above.at(-1)) above.pop();
  const depth = above.length;
  if (kind !== "node") above.push(prefix);
  return depth;
}

function abridged(run: readonly PlanRange[]): readonly [readonly PlanRange[], readonly PlanRange[]] {
  if (run.length <= MOST_NODES) return [run, []];
  const fullest = new Set([...run].sort((a, b) => Number(a.free) - Number(b.free)).slice(0, FULLEST));
  return [run.filter((range) => fullest.has(range)), run.filter((range) => !fullest.has(range))];
}

function rangeRow(range: PlanRange, depth: number): string[] {
  const { size, used, free, largestFree, nextFree, nextRange, overlaps } = range;
  return [
    `${"  ".repeat(depth)}${range.range}`,
    kindText(range),
    ownerText(range),
    short(size),
    short(used),
    short(free),
    percent(used, size),
    freeText(largestFree),
    freeText(nextFree),
    range.kind === "node" || range.kind === "shared" ? "" : freeText(nextRange),
    overlaps.length === 0 ? "" : t`overlaps ${list(overlaps)}`,
  ];
}

/** The remaining node ranges of a run, as one row. */
function restRow(hidden: readonly PlanRange[], depth: number): string[] {
  const span = (key: "size" | "used" | "free"): string => {
    const counts = hidden.map((range) => BigInt(range[key])).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const [least = 0n] = counts;
    const most = counts.at(-1) ?? 0n;
    return least === most ? short(String(least)) : `${short(String(least))}-${short(String(most))}`;
  };
  const more = plural(hidden.length, "more range");
  return [`${"  ".repeat(depth)}…`, t`node`, more, span("size"), span("used"), span("free"), "", "", "", "", ""];
}

function kindText({ kind, cloud }: PlanRange): string {
  switch (kind) {
    case "segment":
      return cloud === undefined ? t`segment` : t`subnet (${cloud})`;
    case "pods":
      return t`pods`;
    case "pool":
      return t`IP pool`;
    case "shared":
      return t`shared pods`;
    case "node":
      return t`node`;
    case "services":
      return t`services`;
    case "docker-bridge":
      return t`docker0`;
  }
}

function ownerText({ owner, nodes, cluster }: PlanRange): string {
  if (nodes !== undefined && nodes > 1) return t`${owner} (${plural(nodes, "node")})`;
  return cluster === undefined || owner === cluster || owner.startsWith(`${cluster}/`) ? owner : `${cluster} ${owner}`;
}

function percent(used: Count, size: Count): string {
  if (BigInt(size) === 0n) return "-";
  const share = (Number(used) / Number(size)) * 100;
  // A range with a used address is not empty, and a range with a free one is not full.
  if (share > 0 && share < 1) return "<1%";
  return `${BigInt(used) === BigInt(size) ? 100 : Math.min(99, Math.round(share))}%`;
}

/* ---------------------------------------------------------------- clusters */

function clusterText(cluster: PlanCluster): string {
  const { name, nodes, pods, maxPods, masks, growth } = cluster;
  const counts = t`cluster ${name}: ${plural(nodes, "node")}, ${plural(pods, "pod")}, max-pods ${number(maxPods)}`;
  const parts = [
    ...masks.map((one) => maskText(one, cluster)),
    ...(growth.length === 0
      ? []
      : [
          table(growth.map(growthRow), "ll")
            .map((line) => `  ${line}`)
            .join("\n"),
        ]),
  ];
  return [counts, ...parts].join("\n\n");
}

function maskText(masks: PlanMasks, cluster: PlanCluster): string {
  const { unit, ranges } = masks;
  const head =
    unit === "node"
      ? [t`per node`, t`nodes`, t`pods per node`, t`pods`]
      : [t`block size`, t`blocks`, t`pods per block`, t`pods`];
  const rows = masks.masks.map((mask) => {
    const { perNode, nodes, podsPerNode } = mask;
    const total = String(BigInt(nodes) * BigInt(podsPerNode));
    return [`/${perNode}`, short(nodes), short(podsPerNode), short(total), verdict(mask, masks, cluster)];
  });
  const lines = table([[...head, ""], ...rows], "rrrrl").map((line) => `    ${line}`);
  const need = needText(masks, cluster);
  return [`  ${ranges.join(", ")}`, ...lines, ...(need === "" ? [] : [`    ${need}`])].join("\n");
}

function verdict({ current, limits }: PlanMask, masks: PlanMasks, cluster: PlanCluster): string {
  return [...(current ? [t`<- current`] : []), ...limits.map((limit) => limitText(limit, masks, cluster))].join("; ");
}

function limitText(limit: PlanMask["limits"][number], { unit }: PlanMasks, { nodes, maxPods }: PlanCluster): string {
  switch (limit) {
    case "nodes":
      return unit === "node" ? t`too few for ${plural(nodes, "node")}` : t`too few blocks`;
    case "pods":
      return t`too small for the pods of a node`;
    case "max-pods":
      return t`below max-pods ${number(maxPods)}`;
  }
}

/** What the current number of nodes and `max-pods` need; empty if nothing. */
function needText({ unit, shortest, longest }: PlanMasks, { nodes, maxPods }: PlanCluster): string {
  const forNodes = nodes === 0 ? "" : nodesText(shortest, nodes);
  if (unit === "block") return forNodes;
  const pods = plural(maxPods, "pod");
  const forPods =
    longest === undefined
      ? t`the range is too small for ${pods} on a node`
      : t`${pods} per node: /${longest} or shorter`;
  if (forNodes === "") return forPods;
  const isApart = shortest !== undefined && longest !== undefined && shortest > longest;
  return isApart
    ? t`${forNodes}; ${forPods}: no length is sufficient, so use a larger range`
    : `${forNodes}; ${forPods}`;
}

function nodesText(shortest: number | undefined, nodes: number): string {
  const count = plural(nodes, "node");
  if (shortest === undefined) return t`the range is too small for ${count}`;
  return nodes === 1 ? t`${count} needs /${shortest} or longer` : t`${count} need /${shortest} or longer`;
}

function growthRow({ unit, now, more, ranges, owner }: PlanGrowth): readonly [string, string] {
  const range = list(ranges);
  const full = BigInt(more) === 0n;
  const total = short(String(BigInt(more) + BigInt(now)));
  const where = owner === undefined ? range : t`${owner} (${range})`;
  return [where === "" ? t`shared range` : where, full ? t`full` : growthText(unit, BigInt(more), total)];
}

function growthText(unit: PlanGrowth["unit"], more: bigint, total: string): string {
  if (more >= UNREADABLE) return t`${short(String(more))} free`;
  switch (unit) {
    case "nodes":
      return t`full at ${plural(more, "more node")} (${total} in total)`;
    case "blocks":
      return t`full at ${plural(more, "more block")} (${total} in total)`;
    case "pods":
      return t`full at ${plural(more, "more pod")} (${total} in total)`;
    case "pods-on-node":
      return t`full at ${plural(more, "more pod")} on this node (${total} in total)`;
    case "services":
      return t`full at ${plural(more, "more service")} (${total} in total)`;
  }
}
