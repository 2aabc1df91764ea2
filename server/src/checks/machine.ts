import { t } from "../text/l10n.ts";
import type { StationRef } from "../topology/model.ts";
import type { ProblemData } from "./check.ts";

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

/** The machine in the data of a problem: its kind and its path. */
export function machineOf({ kind, station }: ProblemData): string {
  return machineText({ kind: kind as StationRef["kind"], path: String(station) });
}
