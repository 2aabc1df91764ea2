/** Problems with undeclared names, with the most similar declared name. */
import { nearest } from "../language/nearest.ts";
import type { Source } from "../language/tree.ts";
import type { TopologyProblem } from "./model.ts";
import { CODES, problem } from "./problems.ts";

export interface NameProblems {
  isRouter(name: string): boolean;
  unknown(
    name: string,
    kind: "segment" | "router" | "node",
    source: Source,
    candidates?: Iterable<string>,
  ): TopologyProblem;
}

/** A suggestion compares with every name; a file with thousands of wrong names gets only this many. */
const most = 50;

export function nameProblems(segments: ReadonlyMap<string, unknown>, routers: ReadonlySet<string>): NameProblems {
  const known = new Map<string, string | undefined>();
  return {
    isRouter: (name) => routers.has(name),
    unknown: (name, kind, source, candidates) => {
      const key = `${kind} ${name}`;
      if (!known.has(key) && known.size < most) {
        const names = candidates ?? (kind === "segment" ? segments.keys() : routers);
        known.set(key, nearest(name, names));
      }
      const suggestion = known.get(key);
      const data = { name, kind };
      return problem(CODES.unknownName, source, suggestion === undefined ? data : { ...data, suggestion });
    },
  };
}
