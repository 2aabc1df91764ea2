/**
 * Traffic between pods and addresses outside the clusters, according to network policies: the data plane ends at the edge of the
 * topology.
 */
import { addIp, family, type Ip, type IpRange } from "../../addressing/ip.ts";
import type { EndClass } from "../../kubernetes/matrix/policy.ts";
import { ALL_PORTS, NO_PORTS, type PortSet, portKey, portSetEquals, union } from "../../kubernetes/policy/ports.ts";
import { valueAt } from "../../memo/memo.ts";
import { type Endpoint, existsIn, type SideName, type Sides } from "./endpoints.ts";
import { isEnforced, type Side } from "./side.ts";

/** A change between the endpoints and ranges that together have the same ports. */
export interface OutsideChange {
  readonly direction: "ingress" | "egress";
  readonly endpoints: readonly Endpoint[];
  readonly ranges: readonly IpRange[];
  /** The ranges together are all addresses outside the clusters. */
  readonly isEverything: boolean;
  readonly before: PortSet;
  readonly after: PortSet;
}

export function outsideChanges(sides: Sides, endpoints: readonly Endpoint[]): readonly OutsideChange[] {
  const alike = new Map<string, { readonly endpoints: Endpoint[]; readonly before: Rules; readonly after: Rules }>();
  for (const endpoint of endpoints) {
    if (endpoint.host) continue;
    const [before, after] = [rulesOf(sides.before, endpoint, "before"), rulesOf(sides.after, endpoint, "after")];
    const key = `${before.key} => ${after.key}`;
    valueAt(alike, key, () => ({ endpoints: [], before, after })).endpoints.push(endpoint);
  }
  const joined = new Map<string, OutsideChange & { readonly endpoints: Endpoint[] }>();
  for (const { endpoints: members, before, after } of alike.values()) {
    for (const direction of ["ingress", "egress"] as const) {
      for (const change of changesIn(sides, { before, after }, direction)) {
        const key = `${direction} ${change.isEverything} ${portKey(change.before)} ${portKey(change.after)} ${change.ranges.map(({ first, last }) => `${first}-${last}`).join()}`;
        valueAt(joined, key, () => ({ ...change, direction, endpoints: [] })).endpoints.push(...members);
      }
    }
  }
  return [...joined.values()];
}

/** The policies that apply to an endpoint; undefined: there are no pods. */
interface Rules {
  readonly key: string;
  readonly classes: readonly EndClass[] | undefined;
  /** Whether policies have an effect. */
  readonly isEffective: boolean;
}

function rulesOf(side: Side, endpoint: Endpoint, name: SideName): Rules {
  const found = new Map<number, EndClass>();
  for (const { positions } of endpoint.groups.values())
    for (const one of positions[0]?.[name]?.kind?.policies ?? []) found.set(one.id, one);
  const workload = endpoint.workload[name];
  const cluster = side.topology.clusters.find((one) => one.name === workload?.cluster);
  const isEffective = cluster !== undefined && isEnforced(cluster);
  if (!existsIn(endpoint, name)) return { key: "absent", classes: undefined, isEffective };
  return { key: `${[...found.keys()].sort().join()} ${isEffective}`, classes: [...found.values()], isEffective };
}

type Piece = IpRange & { readonly before: PortSet; readonly after: PortSet };

function changesIn(
  sides: Sides,
  { before, after }: { readonly before: Rules; readonly after: Rules },
  direction: OutsideChange["direction"],
): readonly Omit<OutsideChange, "endpoints" | "direction">[] {
  const old = portsOf(sides.before, before, direction);
  const current = portsOf(sides.after, after, direction);
  const pieces = old && current ? piecesOf(old, current) : oneSided(old, current);
  const groups = new Map<string, { ranges: IpRange[]; before: PortSet; after: PortSet }>();
  for (const { first, last, ...ports } of pieces) {
    if (portSetEquals(ports.before, ports.after)) continue;
    const key = `${portKey(ports.before)} ${portKey(ports.after)}`;
    const { ranges } = valueAt(groups, key, () => ({ ranges: [], ...ports }));
    const previous = ranges.at(-1);
    if (previous && addIp(previous.last, 1) === first) ranges[ranges.length - 1] = { first: previous.first, last };
    else ranges.push({ first, last });
  }
  const all = [...groups.values()];
  const isWhole = all.length === 1 && pieces.every((piece) => !portSetEquals(piece.before, piece.after));
  return all.map((group) => ({ ...group, isEverything: isWhole }));
}

type Open = IpRange & { readonly ports: PortSet };

/** The ports of each range in an address family of the pods; undefined: there are no pods. */
function portsOf(
  { classes, space }: Side,
  rules: Rules,
  direction: OutsideChange["direction"],
): readonly Open[] | undefined {
  if (rules.classes === undefined) return undefined;
  const own = rules.classes;
  return space.outside.flatMap((range) => {
    const alike = own.filter(({ end }) => family(end.ip) === family(range.first));
    if (alike.length === 0) return [];
    if (!rules.isEffective) return [{ ...range, ports: ALL_PORTS }];
    const other = classes.ofRange(range);
    const ports = alike.map((one) =>
      direction === "egress" ? classes.between(one, other) : classes.between(other, one),
    );
    return [{ ...range, ports: ports.reduce(union) }];
  });
}

/** Of a new or removed endpoint, only what its policies restrict: other pods are open to all addresses. */
function oneSided(before: readonly Open[] | undefined, after: readonly Open[] | undefined): readonly Piece[] {
  return (before ?? after ?? []).flatMap(({ ports, ...range }) => {
    if (portSetEquals(ports, ALL_PORTS)) return [];
    return [{ ...range, before: before ? ports : NO_PORTS, after: after ? ports : NO_PORTS }];
  });
}

/** The parts that are outside the clusters on both sides; both lists are in order, one family after the other. */
function piecesOf(before: readonly Open[], after: readonly Open[]): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const one of before) {
    for (const other of after) {
      if (family(one.first) !== family(other.first)) continue;
      const first: Ip = one.first > other.first ? one.first : other.first;
      const last: Ip = one.last < other.last ? one.last : other.last;
      if (first <= last) pieces.push({ first, last, before: one.ports, after: other.ports });
    }
  }
  return pieces;
}
