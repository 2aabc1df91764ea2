/** Machines with policy routing, and the tables that their rules look up. */
import type { Network } from "../dataplane/model.ts";
import type { Station, Topology } from "../topology/model.ts";
import { stationsOf } from "../topology/stations.ts";

/** One machine per statement: the nodes of a pool have the same rules. */
export function routingStations(topology: Topology): readonly Station[] {
  const seen = new Set<object>();
  return stationsOf(topology).filter(({ policyRouting, source }) => {
    if (!policyRouting || seen.has(source.decl.handle)) return false;
    seen.add(source.decl.handle);
    return true;
  });
}

/** Tables that always exist. */
const KERNEL: ReadonlySet<string> = new Set(["local", "main", "default"]);

/** Whether the table has routes, or routes that the kernel rejects, which other checks report. */
export function isFilled(network: Network, { path, policyRouting }: Station, table: string): boolean {
  if (KERNEL.has(table) || policyRouting?.routes.some((route) => route.table === table)) return true;
  const layers = network.netns(path)?.tables.get(table)?.layers ?? [];
  return layers.some((layer) => [...layer.table.entries()].some(([, route]) => !layer.except?.(route)));
}
