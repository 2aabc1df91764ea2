/** Machines in messages. */
import { t } from "../text/l10n.ts";
import type { StationRef, Topology } from "../topology/model.ts";
import { stationAt } from "../topology/stations.ts";

/** "router `tor`", "node `prod/n1`": kind and path, for messages. */
export function machineText({ kind, path }: StationRef): string {
  switch (kind) {
    case "router":
      return t`router \`${path}\``;
    case "host":
      return t`host \`${path}\``;
    case "node":
      return t`node \`${path}\``;
  }
}

/** "router `tor`": the machine that owns a network namespace; the id alone for a pod's. */
export function machineAt(topology: Topology, netns: string | undefined): string {
  if (netns === undefined) return t`a machine`;
  const station = stationAt(topology, netns);
  return station ? machineText(station) : `\`${netns}\``;
}
