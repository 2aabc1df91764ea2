/** What a refactoring is, and the proof that one keeps the meaning of the project. */
import { formatIp, formatPrefix } from "../../../addressing/ip.ts";
import type { Topology } from "../../../topology/model.ts";
import type { Analysis } from "../../analysis.ts";
import type { TextEdit } from "../../service.ts";
import { editedAnalysis } from "../fixes.ts";

export interface Refactoring {
  readonly title: string;
  readonly kind: "extract" | "inline" | "rewrite";
  readonly edits: ReadonlyMap<string, readonly TextEdit[]>;
}

/** Every station, node range and pod as before, and no kind of finding that was not there. */
export function keepsMeaning(analysis: Analysis, edits: Refactoring["edits"], cancelled: () => boolean): boolean {
  const after = editedAnalysis(analysis, edits);
  return allocations(analysis.topology) === allocations(after.topology) && hasNoNewCodes(analysis, after, cancelled);
}

/** For what changes the topology on purpose: no more findings of any kind than before. */
export function bringsNoErrors(analysis: Analysis, edits: Refactoring["edits"], cancelled: () => boolean): boolean {
  const left = new Map<string, number>();
  for (const { code } of analysis.findings(cancelled) ?? []) left.set(code, (left.get(code) ?? 0) + 1);
  const found = editedAnalysis(analysis, edits).findings(cancelled);
  return (
    found?.every(({ code }) => {
      const count = left.get(code) ?? 0;
      left.set(code, count - 1);
      return count > 0;
    }) === true
  );
}

function hasNoNewCodes(before: Analysis, after: Analysis, cancelled: () => boolean): boolean {
  const codes = new Set(before.findings(cancelled)?.map(({ code }) => code));
  const found = after.findings(cancelled);
  return found?.every(({ code }) => codes.has(code)) === true;
}

const MOST_PODS = 2000;

/** Who has which address, whatever the order of declaration. */
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
