/** Connectivity of every pair of workloads or pods, and of addresses outside the clusters, one pair after another. */

import { addIp, family, type IpRange, rangesOverlap } from "../../addressing/ip.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";
import { ALL_PORTS, isEmpty, NO_PORTS, type PortSet, PROTOCOLS, portSetEquals, union } from "../policy/ports.ts";
import { rangeEnd, readSelection, type Selection, type Unit, unitsOf } from "./ends.ts";
import { type EndClass, type PolicyClasses, policyClasses } from "./policy.ts";
import type { MatrixAllowed, MatrixConnection, MatrixEnd } from "./schema.ts";
import { spaceOf } from "./space.ts";

export interface MatrixQuestion {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly byPod: boolean;
}

/** A pair with at least one allowed port. */
export interface Pair {
  readonly from: MatrixEnd;
  readonly to: MatrixEnd;
  readonly ports: PortSet;
}

export type MatrixAnswer =
  | {
      readonly ok: true;
      readonly pairs: Iterable<Pair>;
      /**
       * The same pairs, sender by sender, including senders without any pair, so that a consumer can pause between two
       * senders.
       */
      readonly rows: Iterable<readonly Pair[]>;
      readonly ends: MatrixEnds;
    }
  | { readonly ok: false; readonly error: string };

/** The selected endpoints, including those that cannot reach anything. */
export interface MatrixEnds {
  readonly from: readonly MatrixEnd[];
  readonly to: readonly MatrixEnd[];
  /** Ranges that together cover all addresses outside the clusters. */
  readonly outside: readonly MatrixEnd[];
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

/** The error for a filter that selects nothing: an empty matrix would state that nothing is reachable. `found`: numbers of rows and columns. */
export function unmatched(
  { from, to }: MatrixQuestion,
  found: { readonly from: number; readonly to: number },
  message: (filter: string) => string,
): { readonly ok: false; readonly error: string } | undefined {
  if (from !== undefined && found.from === 0) return { ok: false, error: message(from) };
  if (to !== undefined && found.to === 0) return { ok: false, error: message(to) };
  return undefined;
}

/** According to policies only, ignoring the data plane. */
export function policyMatrix(topology: Topology, question: MatrixQuestion): MatrixAnswer {
  const meant = selections(topology, question);
  if (!meant.ok) return meant;
  const { from, to } = meant;
  const space = spaceOf(topology, [...(from.ranges ?? []), ...(to.ranges ?? [])]);
  const classes = policyClasses(space);
  const row = (unit: Unit): Row => {
    const own = new Set<EndClass>();
    for (const pod of unit.pods) for (const ip of pod.addresses) own.add(classes.ofPod(unit.set, pod, ip));
    return { unit, classes: [...own] };
  };
  const senders = unitsOf(topology, question.byPod, from.isPod).map(row);
  const receivers = question.to === question.from ? senders : unitsOf(topology, question.byPod, to.isPod).map(row);
  const outer = (selection: Selection): readonly Outer[] =>
    space.outside
      .filter((range) => selection.ranges === undefined || selection.ranges.some((one) => rangesOverlap(one, range)))
      .map((range) => ({ range, own: classes.ofRange(range) }));
  const sources = outer(from);
  const targets = outer(to);
  const found = { from: senders.length + sources.length, to: receivers.length + targets.length };
  const nothing = unmatched(question, found, (one) => t`no pod or address outside the clusters matches \`${one}\``);
  if (nothing) return nothing;

  function* rows(): Generator<readonly Pair[]> {
    const reachable = reach(receivers, classes);
    for (const sender of senders) {
      const own: Pair[] = [];
      for (const [receiver, ports] of reachable(sender)) {
        if (!isAlone(sender.unit, receiver.unit)) own.push({ from: sender.unit.end, to: receiver.unit.end, ports });
      }
      const beyond = merged(
        targets,
        (target) => between(sender.classes, [target], classes),
        (range, ports) => ({ from: sender.unit.end, to: rangeEnd(range), ports }),
      );
      yield [...own, ...beyond];
    }
    for (const receiver of receivers) {
      const before = merged(
        sources,
        (source) => between([source], receiver.classes, classes),
        (range, ports) => ({ from: rangeEnd(range), to: receiver.unit.end, ports }),
      );
      yield [...before];
    }
  }
  return {
    ok: true,
    ...again(rows),
    ends: {
      from: senders.map(({ unit }) => unit.end),
      to: receivers.map(({ unit }) => unit.end),
      outside: joined(space.outside).map(rangeEnd),
    },
  };
}

/** Computed again for each iteration; nothing is stored. */
export function again(make: () => Generator<readonly Pair[]>): {
  pairs: Iterable<Pair>;
  rows: Iterable<readonly Pair[]>;
} {
  function* pairs(): Generator<Pair> {
    for (const row of make()) yield* row;
  }
  return { pairs: { [Symbol.iterator]: pairs }, rows: { [Symbol.iterator]: make } };
}

interface Row {
  readonly unit: Unit;
  readonly classes: readonly EndClass[];
}

interface Outer {
  readonly range: IpRange;
  readonly own: EndClass;
}

/** Receivers of the same classes. */
interface Alike {
  readonly classes: readonly EndClass[];
  /** Their indexes. */
  readonly places: number[];
}

/**
 * The receivers that a row reaches, in order. Rows of the same classes reach the same receivers, so they are compared
 * once. Host network pods also reach all pods on their node, and are compared one by one.
 */
function reach(receivers: readonly Row[], classes: PolicyClasses): (sender: Row) => Iterable<readonly [Row, PortSet]> {
  const alike = new Map<string, Alike>();
  const onHosts: number[] = [];
  for (const [place, receiver] of receivers.entries()) {
    if (receiver.unit.hostNetwork) onHosts.push(place);
    else valueAt(alike, keyOf(receiver), () => ({ classes: receiver.classes, places: [] })).places.push(place);
  }
  const byClass = new Map<EndClass, Alike[]>();
  for (const group of alike.values())
    for (const one of group.classes) valueAt(byClass, one, (): Alike[] => []).push(group);
  const admitting = classes.admitting(byClass.keys());
  const ofClass = (sender: Row): readonly (readonly [number, PortSet])[] => {
    const groups = new Set<Alike>();
    for (const own of sender.classes)
      for (const one of admitting(own)) for (const group of byClass.get(one) ?? []) groups.add(group);
    return [...groups]
      .flatMap((group) => {
        const ports = between(sender.classes, group.classes, classes);
        return isEmpty(ports) ? [] : group.places.map((place) => [place, ports] as const);
      })
      .sort(([a], [b]) => a - b);
  };
  const known = new Map<string, readonly (readonly [number, PortSet])[]>();
  const oneByOne = (sender: Row, places: Iterable<number>): readonly (readonly [number, PortSet])[] =>
    [...places].flatMap((place) => {
      const receiver = receivers[place];
      if (receiver === undefined) return [];
      const open = onNode(sender.unit, receiver.unit);
      const ports = open ? ALL_PORTS : between(sender.classes, receiver.classes, classes);
      return isEmpty(ports) ? [] : [[place, ports] as const];
    });
  return function* (sender) {
    const places = sender.unit.hostNetwork
      ? oneByOne(sender, receivers.keys())
      : [...valueAt(known, keyOf(sender), () => ofClass(sender)), ...oneByOne(sender, onHosts)];
    const ordered = onHosts.length === 0 ? places : [...places].sort(([a], [b]) => a - b);
    for (const [place, ports] of ordered) {
      const receiver = receivers[place];
      if (receiver !== undefined) yield [receiver, ports];
    }
  };
}

function keyOf(row: Row): string {
  return row.classes.map(({ id }) => id).join();
}

/** Whether both are one pod: its connection to itself is not part of the matrix. */
export function isAlone(from: Unit, to: Unit): boolean {
  return (
    from.cluster === to.cluster &&
    from.pods.length === 1 &&
    to.pods.length === 1 &&
    from.pods[0]?.path === to.pods[0]?.path
  );
}

/** A node, and so a host network pod, is allowed to connect to the pods on the node, and vice versa. */
function onNode(from: Unit, to: Unit): boolean {
  if (!from.hostNetwork && !to.hostNetwork) return false;
  const nodes = new Set(from.pods.map(({ node }) => node));
  return to.pods.some(({ node }) => node !== undefined && nodes.has(node));
}

/** The ports on which a pod of the one is allowed to connect to a pod of the other. */
function between(from: readonly EndClass[], to: readonly EndClass[], classes: PolicyClasses): PortSet {
  let all = NO_PORTS;
  for (const a of from) {
    for (const b of to) {
      if (family(a.end.ip) === family(b.end.ip)) all = union(all, classes.between(a, b));
    }
  }
  return all;
}

function joined(ranges: readonly IpRange[]): readonly IpRange[] {
  const all: IpRange[] = [];
  for (const range of ranges) {
    const last = all.at(-1);
    if (last !== undefined && addIp(last.last, 1) === range.first)
      all[all.length - 1] = { first: last.first, last: range.last };
    else all.push(range);
  }
  return all;
}

/** Merges adjacent ranges with the same ports. */
function* merged(
  parts: readonly Outer[],
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

/** A pair in the published JSON format. */
export function toConnection({ from, to, ports }: Pair): MatrixConnection {
  return { from, to, allowed: [...allowedOf(ports)] };
}

/** The ports in the published JSON format. */
export const allowedOf = memo((ports: PortSet): MatrixAllowed[] => [
  ...PROTOCOLS.flatMap((proto) =>
    ports[proto].map(({ first, last }) => ({ proto, ports: first === last ? String(first) : `${first}-${last}` })),
  ),
  ...(ports.icmp ? [{ proto: "icmp" as const, ports: "1-65535" }] : []),
]);
