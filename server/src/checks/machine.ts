import { t } from "../text/l10n.ts";
import type { StationRef } from "../topology/model.ts";

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
