/** Routes for lost replies and for packets of one address family. */
import { formatIp, formatPrefix } from "../addressing/ip.ts";
import type { Handle } from "../declared/handle.ts";
import type { Origin } from "../declared/origin.ts";
import { addressNear, alikeTo, type HalfOpen, rangeOf, wayBackOf } from "../questions/connections/half-open.ts";
import type { Lost } from "../questions/connections/lost.ts";
import { visitsOf } from "../questions/connections/path.ts";
import { t } from "../text/l10n.ts";
import type { Station, Topology } from "../topology/model.ts";
import { stationAt } from "../topology/stations.ts";
import { appendEdit, type Fix } from "./fix.ts";
import { routerFixes } from "./reachability.ts";

/** Maximum number of edits in one fix. */
const MOST_EDITS = 16;

/** Adds a route to the machine; a node's also to the other nodes of its class. */
export function wayBackFixes(topology: Topology, one: HalfOpen, station: Station): readonly Fix[] {
  const way = wayBackOf(topology, station, one);
  if (!way) return [];
  const text = `route ${formatPrefix(way.prefix)} via ${formatIp(way.via)}`;
  return onEach(topology, station, text);
}

/** Adds the routes to the pods of the sender's cluster to the router, if they are missing. */
export function podRouteFixes(topology: Topology, { example }: HalfOpen, station: Station | undefined): readonly Fix[] {
  const { cluster } = example.from;
  return cluster && station ? routerFixes(topology, cluster, station.path) : [];
}

/** The statement on the machine, or on each node of its class. */
export function onEach(topology: Topology, station: Station, text: string): readonly Fix[] {
  const alike = alikeTo(topology, station);
  const places = new Map<Handle, Origin>(alike.map(({ source }) => [source.decl.handle, source]));
  if (places.size > MOST_EDITS) return [];
  const title =
    places.size === 1
      ? t`Add \`${text}\` to \`${station.path}\``
      : t`Add \`${text}\` to \`${station.path}\` and the nodes like it`;
  return [{ title, edits: [...places.values()].map((source) => appendEdit(source, text)) }];
}

/** Adds a route for the lost family via the machine to which the other family's packets go. */
export function wayThereFixes(topology: Topology, { journey, alike, station }: Lost): readonly Fix[] {
  const dst = journey.steps.at(-1)?.packet.dst;
  const prefix = dst === undefined ? undefined : rangeOf(topology, dst);
  const visits = visitsOf(alike.outcome.journey);
  const next = visits[visits.findIndex(({ netns }) => netns === station?.path) + 1];
  if (!station || !prefix || !next) return [];
  const via = addressNear(stationAt(topology, next.netns), station, prefix);
  return via === undefined ? [] : onEach(topology, station, `route ${formatPrefix(prefix)} via ${formatIp(via)}`);
}
