/** A layer of the main table with the routes of one machine; other layers are shared. */
import { buildPrefixTable } from "../addressing/prefix-table.ts";
import type { Route, RouteLayer } from "../dataplane/model.ts";

export function ownLayer(routes: readonly Route[]): RouteLayer {
  return { table: buildPrefixTable(routes.map((route) => [route.dst, route] as const)) };
}
