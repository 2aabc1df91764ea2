/** `expect` statements, with the names that they refer to. */

import { has, one, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { type Origin, sourceOf } from "../declared/origin.ts";
import type { Expectation } from "./model.ts";
import { exact, type Names, type Role } from "./names.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import { nothing } from "./station.ts";

/** Maximum number of searches for similar names. */
const mostSuggestions = 50;

export function buildExpectation(
  file: string,
  decl: Decl,
  names: Names,
  problems: TopologyProblem[],
): readonly Expectation[] {
  const from = oneOf(decl, "from", "endpoint");
  const to = oneOf(decl, "to", "endpoint");
  const want = wanted(file, decl, names, problems);
  for (const argument of ["from", "to"]) {
    const read = one(decl, argument);
    if (read?.value.kind !== "endpoint") continue;
    const as = argument === "from" ? "sender" : undefined;
    checkName(read.value.path, sourceOfRead(file, decl, read), names, problems, as);
  }
  if (from === undefined || to === undefined || want === undefined) return nothing;
  const { port, proto = "icmp" } = to;
  return [{ from: from.path, to: to.path, port, proto, want, source: sourceOf(file, decl) }];
}

function wanted(file: string, decl: Decl, names: Names, problems: TopologyProblem[]): Expectation["want"] | undefined {
  if (has(decl, "reachable")) return { kind: "reachable" };
  if (has(decl, "blocked")) return { kind: "blocked" };
  if (has(decl, "preserves-source")) return { kind: "preserves-source" };
  const atLeast = oneOf(decl, "mtu", "number")?.value;
  if (atLeast !== undefined) return { kind: "mtu", atLeast };
  const any = oneOf(decl, "survives", "word")?.text;
  if (any === "any-link" || any === "any-node" || any === "any-router") return { kind: "survives", any };
  const via = one(decl, "via");
  if (via?.value.kind !== "ref") return undefined;
  checkName(via.value.text, sourceOfRead(file, decl, via), names, problems, "station");
  const [station] = names.find(via.value.text, "station");
  return station && { kind: "via", station: station.path };
}

export function checkName(name: string, source: Origin, names: Names, problems: TopologyProblem[], as?: Role): void {
  const found = names.find(name, as);
  if (found.length === 1) return;
  if (found.length > 1) {
    const candidates = found.map((one) => exact(one, found));
    problems.push(problem(CODES.ambiguousName, source, { name, candidates }));
    return;
  }
  const similar = problems.length < mostSuggestions ? names.similar(name) : nothing;
  const suggestion = similar.find((path) => names.find(path, as).length > 0);
  const suggestions = suggestion === undefined ? [] : [suggestion];
  problems.push(
    problem(CODES.unknownName, source, { name, kind: as === "station" ? "station" : "endpoint", suggestions }),
  );
}
