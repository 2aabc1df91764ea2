/** Layers of the main table: the routes of one machine, and shared layers without the routes that do not apply to it. */
import { buildPrefixTable } from "../addressing/prefix-table.ts";
import type { Route, RouteLayer } from "../dataplane/model.ts";

export function ownLayer(routes: readonly Route[]): RouteLayer {
  return { table: buildPrefixTable(routes.map((route) => [route.dst, route] as const)) };
}

/** The layers without certain routes. The tables are shared. */
export function withoutRoutes(
  layers: readonly RouteLayer[],
  isAbsent: (route: Route) => boolean,
): readonly RouteLayer[] {
  return layers.map(({ table, except }) => ({
    table,
    except: (route) => except?.(route) === true || isAbsent(route),
  }));
}
