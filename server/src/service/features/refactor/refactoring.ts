/** The refactoring type, and the verification that a refactoring preserves the topology. */

import { formatIp, formatPrefix } from "../../../addressing/ip.ts";
import type { TextEdit } from "../../../text/edit.ts";
import type { Topology } from "../../../topology/model.ts";
import type { Analysis } from "../../analysis.ts";
import { editedAnalysis } from "../fixes.ts";

export interface Refactoring {
  readonly title: string;
  readonly kind: "extract" | "inline" | "rewrite";
  readonly edits: ReadonlyMap<string, readonly TextEdit[]>;
}

/**
 * Whether all machines, node pod CIDRs, and pods are unchanged and no finding is new. Nodes that were expanded from a pool
 * each have the findings of the pool.
 */
export function keepsMeaning(analysis: Analysis, { kind, edits }: Refactoring, cancelled: () => boolean): boolean {
  const after = editedAnalysis(analysis, edits);
  if (allocations(analysis.topology) !== allocations(after.topology)) return false;
  const before = codesOf(analysis, cancelled);
  const codes = codesOf(after, cancelled);
  if (!before || !codes) return false;
  return kind === "inline" ? [...codes.keys()].every((code) => before.has(code)) : isWithin(codes, before);
}

/** For refactorings that change the topology: whether no code is reported more often than before. */
export function bringsNoErrors(analysis: Analysis, edits: Refactoring["edits"], cancelled: () => boolean): boolean {
  const before = codesOf(analysis, cancelled);
  const after = codesOf(editedAnalysis(analysis, edits), cancelled);
  return before !== undefined && after !== undefined && isWithin(after, before);
}

/** The number of findings per code. */
function codesOf(analysis: Analysis, cancelled: () => boolean): ReadonlyMap<string, number> | undefined {
  const findings = analysis.findings(cancelled);
  if (!findings) return undefined;
  const counts = new Map<string, number>();
  for (const { code } of findings) counts.set(code, (counts.get(code) ?? 0) + 1);
  return counts;
}

function isWithin(counts: ReadonlyMap<string, number>, most: ReadonlyMap<string, number>): boolean {
  return [...counts].every(([code, count]) => count <= (most.get(code) ?? 0));
}

const MOST_PODS = 2000;

/** All allocated addresses, independent of the declaration order. */
function allocations({ routers, hosts, clusters }: Topology): string {
  const stations = [...routers, ...hosts, ...clusters.flatMap(({ nodes }) => nodes)].map((station) => {
    const interfaces = station.interfaces.map(
      ({ device, segment, addresses }) => `${device} ${segment} ${addresses.map(({ ip }) => formatIp(ip)).join(" ")}`,
    );
    const ranges = station.kind === "node" ? station.podCidrs.map(({ prefix }) => formatPrefix(prefix)) : [];
    return [station.path, ...interfaces, ...ranges].join(" ");
  });
  const pods = clusters.flatMap((cluster) =>
    cluster.workloads.flatMap((workload) =>
      [...Array(Math.min(workload.replicas, MOST_PODS)).keys()].map((ordinal) => {
        const pod = cluster.pods.podAt(workload, ordinal);
        return `${pod.path} ${pod.node?.path ?? ""} ${pod.addresses.map(formatIp).join(" ")}`;
      }),
    ),
  );
  return [...stations.sort(), ...pods.sort()].join("\n");
}
