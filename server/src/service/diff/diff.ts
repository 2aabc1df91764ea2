/** The comparison of two topologies: connections, routes and rules, findings. */
import { formatRange } from "../../addressing/ip.ts";
import type { Finding } from "../../findings/finding.ts";
import { KINDS } from "../../kubernetes/matrix/ends.ts";
import { allowedOf } from "../../kubernetes/matrix/matrix.ts";
import { isEmpty, type PortSet } from "../../kubernetes/policy/ports.ts";
import type { Location } from "../../trace/schema.ts";
import type { Analysis } from "../analysis.ts";
import { changedConnections, closed, opened, type Part, type Statement } from "./connections.ts";
import { type Endpoint, endpointsOf, existsIn, type Group, type Position, type Sides } from "./endpoints.ts";
import { changedFindings } from "./findings.ts";
import { changedMachines } from "./machines.ts";
import { type OutsideChange, outsideChanges } from "./outside.ts";
import { pairingsOf } from "./pairing.ts";
import type { Diff, DiffChange, DiffConnection, DiffDiagnostic, DiffEnd } from "./schema.ts";
import { sideOf } from "./side.ts";

/** One of the topologies, and its name for the report. */
export interface Compared {
  readonly name: string;
  readonly analysis: Analysis;
  locate(finding: Finding): Location | undefined;
}

export function compare(before: Compared, after: Compared): Diff {
  const [old, current] = [before.analysis, after.analysis];
  const pairings = pairingsOf(old.topology, current.topology);
  const sides: Sides = {
    before: sideOf(old.topology, old.network),
    after: sideOf(current.topology, current.network),
  };
  const endpoints = endpointsOf(sides, pairings);
  const changes = changedConnections(sides, endpoints);
  const connections = connectionsOf(changes.ok ? changes.statements : [], outsideChanges(sides, endpoints));
  const { notes, ...routes } = changedMachines(sides, pairings);
  const findings = changedFindings(old.findings(() => false) ?? [], current.findings(() => false) ?? [], pairings);
  const diagnostic =
    ({ locate }: Compared) =>
    (finding: Finding) =>
      diagnosticOf(finding, locate(finding));
  return {
    schema: "knet-diff/1",
    before: before.name,
    after: after.name,
    connections,
    endpoints: {
      added: endpoints.filter((one) => !existsIn(one, "before") && existsIn(one, "after")).map(endOf),
      removed: endpoints.filter((one) => existsIn(one, "before") && !existsIn(one, "after")).map(endOf),
      renamed: endpoints.flatMap(({ name, groups }) => (name.before === name.after || groups.size === 0 ? [] : [name])),
    },
    routes: {
      added: [...routes.added],
      removed: [...routes.removed],
      renamed: [...routes.renamed],
      classes: [...routes.classes],
    },
    diagnostics: {
      added: findings.added.map(diagnostic(after)),
      removed: findings.removed.map(diagnostic(before)),
      changed: findings.changed.map((pair) => ({
        before: diagnostic(before)(pair.before),
        after: diagnostic(after)(pair.after),
      })),
    },
    notes: [...(changes.ok ? [] : [changes.note]), ...notes],
  };
}

/** Whether nothing changed: the exit code of the command. */
export function isSame({ connections, endpoints, routes, diagnostics }: Diff): boolean {
  return [connections, endpoints, routes, diagnostics].every((part) =>
    Object.values(part).every((list: readonly unknown[]) => list.length === 0),
  );
}

function diagnosticOf({ code, severity, message }: Finding, location: Location | undefined): DiffDiagnostic {
  return { code, severity, message, ...(location ? { location } : {}) };
}

/* ------------------------------------------------------------- connections */

function connectionsOf(statements: readonly Statement[], outside: readonly OutsideChange[]): Diff["connections"] {
  const added: DiffConnection[] = [];
  const removed: DiffConnection[] = [];
  const changed: DiffChange[] = [];
  const add = (pairs: Omit<DiffConnection, "allowed">, change: Pick<Statement, "before" | "after">): void => {
    const [before, after] = [portsOf(change.before), portsOf(change.after)];
    if (isEmpty(change.before)) added.push({ ...pairs, allowed: after });
    else if (isEmpty(change.after)) removed.push({ ...pairs, allowed: before });
    else changed.push({ ...pairs, before, after, opened: portsOf(opened(change)), closed: portsOf(closed(change)) });
  };
  for (const statement of statements) {
    const { scope, example } = statement;
    const [from, to] = [statement.from.map(partEnd), statement.to.map(partEnd)];
    add({ from, to, ...(scope.length === 0 ? {} : { scope: [...scope] }), example }, statement);
  }
  for (const change of outside) {
    const pods = change.endpoints.map(endOf);
    const ranges = change.ranges.map((range): DiffEnd => ({ range: formatRange(range) }));
    const [from, to] = change.direction === "egress" ? [pods, ranges] : [ranges, pods];
    add({ from, to, basis: "policies", ...(change.isEverything ? { outside: "all" } : {}) }, change);
  }
  return { added, removed, changed };
}

function portsOf(ports: PortSet): DiffConnection["allowed"] {
  return [...allowedOf(ports)];
}

function endOf({ name, host, workload }: Endpoint): DiffEnd {
  if (host) return { host: host.name, range: host.range };
  const one = workload.after ?? workload.before;
  return { path: name.after, kind: KINDS[one?.kind ?? "pod"], namespace: one?.namespace ?? "" };
}

function partEnd({ endpoint, groups }: Part): DiffEnd {
  const end = endOf(endpoint);
  if (groups === undefined || !("path" in end)) return end;
  const meant = groups.flatMap(({ positions }) => positions);
  const others = new Set(otherGroups(endpoint, groups).flatMap(({ positions }) => positions.map(nodeOf)));
  const placed = meant.filter((position) => nodeOf(position) !== undefined);
  const nodes = [...new Set(placed.flatMap((position) => nodeOf(position) ?? []))];
  const isByNode = !nodes.some((node) => others.has(node));
  const named = isByNode ? meant.filter((position) => nodeOf(position) === undefined) : meant;
  const pods = [...new Set(named.flatMap(podNames))];
  return {
    ...end,
    ...(isByNode && nodes.length > 0 ? { nodes } : {}),
    ...(pods.length > 0 ? { pods } : {}),
  };
}

function otherGroups({ groups }: Endpoint, meant: readonly Group[]): readonly Group[] {
  return [...groups.values()].filter((group) => !meant.includes(group));
}

/** Undefined: no node, or no address. */
function nodeOf({ before, after }: Position): string | undefined {
  return (after ?? before)?.node?.path;
}

function podNames({ before, after }: Position): readonly string[] {
  const here = after ?? before;
  return here?.ordinals.flatMap((ordinal) => here.owner.podAt(ordinal)?.name ?? []) ?? [];
}
