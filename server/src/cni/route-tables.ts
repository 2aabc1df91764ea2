/**
 * Route tables of a router's segments as policy routing: `ip rule add iif eth0 lookup 100`, as with a route table per subnet in a
 * cloud.
 */
import { bits, prefixEquals } from "../addressing/ip.ts";
import type { PolicyRule, Route, RouteLayer, RouteTable } from "../dataplane/model.ts";
import { t } from "../text/l10n.ts";
import type { CloudName, Router, RouteTableSpec, Topology } from "../topology/model.ts";
import type { HostState } from "./host.ts";
import { ownLayer, withoutRoutes } from "./layer.ts";

/** After the routing domains (domains.ts): a cloud delivers packets between pods regardless of user-defined routes. */
const FIRST_PRIORITY = 2000;
const FIRST_TABLE = 100;
/** The highest metric: the route applies if no other does. */
const LAST_METRIC = 4294967295;

export interface TableParts {
  readonly rules: readonly PolicyRule[];
  readonly tables: ReadonlyMap<string, RouteTable>;
}

/** The table of a segment; the first one if two name it. */
export function tableOf({ routeTables }: Router, segment: string): RouteTableSpec | undefined {
  return routeTables.find(({ segments }) => segments.some(({ name }) => name === segment));
}

/** The table that a cluster's route through this device is added to; undefined: main. */
export function tableOfDevice(router: Router, device: string | undefined): RouteTableSpec | undefined {
  const iface = router.interfaces.find((one) => one.device === device);
  return iface && tableOf(router, iface.segment);
}

/**
 * `added`: routes that clusters add to a table. `main`: the layers of table main. Azure's system routes remain valid in a
 * subnet with a route table, unless the table has a route with the same prefix; on AWS, only the local routes do.
 */
export function tableParts(
  topology: Topology,
  { routes, tables }: HostState,
  router: Router,
  added: (table: RouteTableSpec) => readonly Route[],
  main: readonly RouteLayer[],
): TableParts | undefined {
  if (tables.length === 0) return undefined;
  const cloudOf = (segment: string): CloudName | undefined => topology.segments.get(segment)?.cloud;
  const made = tables.map(({ spec, routes: own }, index): readonly [string, RouteTable] => {
    const clouds = new Set(spec.segments.map(({ name }) => cloudOf(name)));
    const inherits = clouds.size === 1 && clouds.has("azure");
    const local = new Set(
      router.interfaces.filter(({ segment }) => clouds.has(cloudOf(segment))).map(({ device }) => device),
    );
    const connected = routes.filter(({ proto, nexthops: [hop] }) => proto === "kernel" && hop && local.has(hop.dev));
    const given = [...own, ...added(spec)];
    const rest = inherits ? main : [ownLayer(connected)];
    const isReplaced = (route: Route): boolean => given.some(({ dst }) => prefixEquals(dst, route.dst));
    const layers = [
      ownLayer(given),
      ...withoutRoutes(rest, isReplaced),
      ...(inherits ? [] : [lastLayer(spec, connected)]),
    ];
    return [String(FIRST_TABLE + index), { layers }];
  });
  const rules = router.interfaces.flatMap(({ device, segment }): readonly PolicyRule[] => {
    const index = tables.findIndex(({ spec }) => spec === tableOf(router, segment));
    return index < 0 ? [] : [{ priority: FIRST_PRIORITY + index, iif: device, table: String(FIRST_TABLE + index) }];
  });
  return { rules, tables: new Map(made) };
}

/** Without a matching route, the cloud drops the packet; table main is not used. */
function lastLayer({ name, source }: RouteTableSpec, connected: readonly Route[]): RouteLayer {
  const families = [0, 0n].filter((ip) => connected.some(({ dst }) => bits(dst.ip) === bits(ip)));
  return ownLayer(
    families.map((ip) => ({
      dst: { ip, len: 0 },
      type: "blackhole",
      nexthops: [],
      metric: LAST_METRIC,
      why: t`no route in route table ${name}`,
      origin: source,
    })),
  );
}
