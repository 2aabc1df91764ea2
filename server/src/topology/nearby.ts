/** Problems with undeclared names, with the most similar declared name. */
import { formatIp, type Ip, type Prefix, prefixContains } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import type { NamedKind } from "../declared/problem-data.ts";
import { memo } from "../memo/memo.ts";
import { nearestEqual } from "../text/nearest.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import type { StationParts } from "./station.ts";

export interface NameProblems {
  isRouter(name: string): boolean;
  unknown(
    name: string,
    kind: "segment" | "router" | "node" | "security-group",
    source: Origin,
    candidates?: Iterable<string>,
  ): TopologyProblem;
  /** A segment of an `attach` with these addresses: segments that contain them are the likely ones. */
  unknownSegment(name: string, addresses: readonly { readonly ip: Ip }[], source: Origin): TopologyProblem;
}

/** A suggestion compares with every name; a file with thousands of wrong names gets only this many. */
const most = 50;

/** Maximum number of equally near names. */
const mostEqual = 3;

/** The names of the routers among routers and hosts. */
export const routerNames = memo(
  (outside: readonly StationParts[]): ReadonlySet<string> =>
    new Set(outside.flatMap(({ kind, name }) => (kind === "router" ? name : []))),
);

export function nameProblems(
  segments: ReadonlyMap<string, { readonly cidrs: readonly Prefix[] }>,
  routers: ReadonlySet<string>,
): NameProblems {
  const known = new Map<string, readonly string[]>();
  const reported = (key: string, find: () => readonly string[]): readonly string[] => {
    if (!known.has(key) && known.size < most) known.set(key, find());
    return known.get(key) ?? [];
  };
  return {
    isRouter: (name) => routers.has(name),
    unknown: (name, kind, source, candidates) => {
      const names = candidates ?? (kind === "segment" ? segments.keys() : routers);
      return unknownName(
        name,
        kind,
        source,
        reported(`${kind} ${name}`, () => nearestEqual(name, names, mostEqual)),
      );
    },
    unknownSegment: (name, addresses, source) => {
      const contains = ({ cidrs }: { readonly cidrs: readonly Prefix[] }): boolean =>
        addresses.every(({ ip }) => cidrs.some((cidr) => prefixContains(cidr, ip)));
      const near = reported(`segment ${name} ${addresses.map(({ ip }) => formatIp(ip)).join(" ")}`, () => {
        const likely = addresses.length === 0 ? [] : [...segments].flatMap(([key, one]) => (contains(one) ? key : []));
        const inside = nearestEqual(name, likely, mostEqual);
        return inside.length > 0 ? inside : nearestEqual(name, segments.keys(), mostEqual);
      });
      return unknownName(name, "segment", source, near);
    },
  };
}

function unknownName(name: string, kind: NamedKind, source: Origin, near: readonly string[]): TopologyProblem {
  return problem(CODES.unknownName, source, { name, kind, suggestions: near });
}
