/** Who may reach whom: every pair of workloads or pods, and addresses outside the clusters, one after the other. */
import type { IpRange } from "../../addressing/ip.ts";
import { addIp, family, rangesOverlap } from "../../addressing/ip.ts";
import type { Pod, Topology } from "../../topology/model.ts";
import { ALL_PORTS, isEmpty, NO_PORTS, type PortSet, PROTOCOLS, portSetEquals, union } from "../policy/ports.ts";
import { rangeEnd, readSelection, type Selection, type Unit, unitsOf } from "./ends.ts";
import { type EndClass, policyClasses } from "./policy.ts";
import type { MatrixAllowed, MatrixConnection, MatrixEnd } from "./schema.ts";
import { spaceOf } from "./space.ts";

export interface MatrixQuestion {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly byPod: boolean;
}

/** A pair that can talk at all. */
export interface Pair {
  readonly from: MatrixEnd;
  readonly to: MatrixEnd;
  readonly ports: PortSet;
}

export type MatrixAnswer =
  | { readonly ok: true; readonly pairs: Iterable<Pair>; readonly ends: MatrixEnds }
  | { readonly ok: false; readonly error: string };

/** What was asked about, including those that reach nobody. */
export interface MatrixEnds {
  readonly from: readonly MatrixEnd[];
  readonly to: readonly MatrixEnd[];
}

export interface Selections {
  readonly from: Selection;
  readonly to: Selection;
}

export function selections(
  topology: Topology,
  question: MatrixQuestion,
): ({ readonly ok: true } & Selections) | { readonly ok: false; readonly error: string } {
  const from = readSelection(topology, question.from);
  if (!from.ok) return from;
  const to = readSelection(topology, question.to);
  return to.ok ? { ok: true, from: from.selection, to: to.selection } : to;
}

/** As far as policies say; the data plane is not asked. */
export function policyMatrix(topology: Topology, question: MatrixQuestion): MatrixAnswer {
  const meant = selections(topology, question);
  if (!meant.ok) return meant;
  const { from, to } = meant;
  const space = spaceOf(topology, [...(from.ranges ?? []), ...(to.ranges ?? [])]);
  const classes = policyClasses(topology, space);
  const senders = unitsOf(topology, question.byPod, from.isPod).map((unit) => row(unit));
  const receivers = unitsOf(topology, question.byPod, to.isPod).map((unit) => row(unit));
  const outer = (selection: Selection): readonly { readonly range: IpRange; readonly own: EndClass }[] =>
    space.outside
      .filter((range) => selection.ranges === undefined || selection.ranges.some((one) => rangesOverlap(one, range)))
      .map((range) => ({ range, own: classes.ofRange(range) }));

  function row(unit: Unit): Row {
    const own = new Map<EndClass, Pod>();
    for (const pod of unit.pods) for (const ip of pod.addresses) own.set(classes.ofPod(unit.set, pod, ip), pod);
    return { unit, classes: [...own.keys()] };
  }
  function* pairs(): Iterable<Pair> {
    const sources = outer(from);
    const targets = outer(to);
    for (const sender of senders) {
      for (const receiver of receivers) {
        if (isAlone(sender.unit, receiver.unit)) continue;
        const ports = onNode(sender.unit, receiver.unit)
          ? ALL_PORTS
          : between(sender.classes, receiver.classes, classes.between);
        if (!isEmpty(ports)) yield { from: sender.unit.end, to: receiver.unit.end, ports };
      }
      yield* merged(
        targets,
        (target) => between(sender.classes, [target], classes.between),
        (range, ports) => ({
          from: sender.unit.end,
          to: rangeEnd(range),
          ports,
        }),
      );
    }
    for (const receiver of receivers) {
      yield* merged(
        sources,
        (source) => between([source], receiver.classes, classes.between),
        (range, ports) => ({
          from: rangeEnd(range),
          to: receiver.unit.end,
          ports,
        }),
      );
    }
  }
  return {
    ok: true,
    pairs: { [Symbol.iterator]: () => pairs()[Symbol.iterator]() },
    ends: { from: senders.map(({ unit }) => unit.end), to: receivers.map(({ unit }) => unit.end) },
  };
}

interface Row {
  readonly unit: Unit;
  readonly classes: readonly EndClass[];
}

/** A pod's connection to itself is nobody's business. */
export function isAlone(from: Unit, to: Unit): boolean {
  return (
    from.workload === to.workload &&
    from.pods.length === 1 &&
    to.pods.length === 1 &&
    from.pods[0]?.path === to.pods[0]?.path
  );
}

/** Between a node, which host network pods are, and the pods on it everything is allowed. */
function onNode(from: Unit, to: Unit): boolean {
  if (!from.workload.hostNetwork && !to.workload.hostNetwork) return false;
  const nodes = new Set(from.pods.map(({ node }) => node));
  return to.pods.some(({ node }) => node !== undefined && nodes.has(node));
}

/** What some pod of the one may do with some pod of the other. */
function between(
  from: readonly EndClass[],
  to: readonly EndClass[],
  ask: (from: EndClass, to: EndClass) => PortSet,
): PortSet {
  let all = NO_PORTS;
  for (const a of from) {
    for (const b of to) {
      if (family(a.end.ip) === family(b.end.ip)) all = union(all, ask(a, b));
    }
  }
  return all;
}

/** Ranges that follow each other and have the same ports are one. */
function* merged(
  parts: readonly { readonly range: IpRange; readonly own: EndClass }[],
  ask: (own: EndClass) => PortSet,
  make: (range: IpRange, ports: PortSet) => Pair,
): Iterable<Pair> {
  let open: { range: IpRange; readonly ports: PortSet } | undefined;
  for (const { range, own } of parts) {
    const ports = ask(own);
    if (open !== undefined && portSetEquals(open.ports, ports) && addIp(open.range.last, 1) === range.first) {
      open.range = { first: open.range.first, last: range.last };
      continue;
    }
    if (open !== undefined) yield make(open.range, open.ports);
    open = isEmpty(ports) ? undefined : { range, ports };
  }
  if (open !== undefined) yield make(open.range, open.ports);
}

/** A pair as the published JSON has it. */
export function toConnection({ from, to, ports }: Pair): MatrixConnection {
  return { from, to, allowed: allowedOf(ports) };
}

const known = new WeakMap<PortSet, readonly MatrixAllowed[]>();

function allowedOf(ports: PortSet): MatrixAllowed[] {
  let allowed = known.get(ports);
  if (allowed === undefined) {
    allowed = [
      ...PROTOCOLS.flatMap((proto) =>
        ports[proto].map(({ first, last }) => ({ proto, ports: first === last ? String(first) : `${first}-${last}` })),
      ),
      ...(ports.icmp ? [{ proto: "icmp" as const, ports: "1-65535" }] : []),
    ];
    known.set(ports, allowed);
  }
  return [...allowed];
}
