/**
 * A matrix to look at: ends, cells and policies by number, with what a click on each leads to. The pairs are handed in row
 * by row, so that whoever asks decides how long at a time.
 */
import { parseIp } from "../addressing/ip.ts";
import { type Unit, unitsOf } from "../kubernetes/matrix/ends.ts";
import { type MatrixAnswer, type MatrixEnds, type Pair, toConnection } from "../kubernetes/matrix/matrix.ts";
import type { MatrixEnd } from "../kubernetes/matrix/schema.ts";
import { nameOf, textOf } from "../kubernetes/matrix/text.ts";
import { hasPort, type PortSet } from "../kubernetes/policy/ports.ts";
import { policyName } from "../kubernetes/policy/text.ts";
import type { Source } from "../language/tree.ts";
import type { Listener, Topology } from "../topology/model.ts";
import type { Direction } from "../topology/policy.ts";
import { ownerOf } from "../trace/endpoints.ts";

export interface MatrixPicture {
  readonly ends: readonly PictureEnd[];
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly ports: readonly PicturePorts[];
  /** Place in `rows`, place in `columns`, 1 where all of the receiver's ports are open, place in `ports`. */
  readonly cells: readonly number[];
  readonly policies: readonly { readonly name: string; readonly source: Source }[];
  readonly namespaces: readonly string[];
  readonly text: string;
}

export type PicturePorts = readonly { readonly proto: Listener["proto"] | "icmp"; readonly ports: string }[];

export interface PictureEnd {
  readonly name: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly pods: number;
  readonly path: string | undefined;
  readonly ports: readonly { readonly port: number; readonly proto: Listener["proto"]; readonly name: string }[];
  readonly ingress: readonly number[];
  readonly egress: readonly number[];
  readonly source: Source | undefined;
}

/** More rows or columns are no picture: the question has to be narrower. */
const MOST_ENDS = 250;

export function namespacesOf({ clusters }: Topology): readonly string[] {
  const names = clusters.flatMap(({ workloads }) => workloads.map(({ namespace }) => namespace));
  return [...new Set(names)].sort();
}

/** Why there is no picture of so many ends. */
export function tooMany({ from, to }: MatrixEnds): string | undefined {
  if (from.length <= MOST_ENDS && to.length <= MOST_ENDS) return undefined;
  const size = `${from.length.toLocaleString("en")} senders and ${to.length.toLocaleString("en")} receivers`;
  return `${size} are more than ${MOST_ENDS} can be looked at: choose a namespace, a workload or labels (app=web) for one side or both`;
}

export function pictureOf(
  topology: Topology,
  { ends: asked }: Extract<MatrixAnswer, { ok: true }>,
  pairs: readonly Pair[],
): MatrixPicture {
  const units = new Map(unitsOf(topology, false, () => true).map((unit) => [nameOf(unit.end), unit]));
  const policies = numbered<string, { name: string; source: Source }>();
  const ends = numbered<string, PictureEnd>();
  const numberOf = (end: MatrixEnd): number =>
    ends.of(nameOf(end), () => endOf(topology, end, units.get(nameOf(end)), policies));
  const rows = placed([...asked.from, ...pairs.map(({ from }) => from)], numberOf);
  const columns = placed([...asked.to, ...pairs.map(({ to }) => to)], numberOf);
  const ports = numbered<string, PicturePorts>();
  const listOf = (pair: Pair): number => {
    const allowed = toConnection(pair).allowed.map((one) => (one.proto === "icmp" ? { ...one, ports: "" } : one));
    return ports.of(JSON.stringify(allowed), () => allowed);
  };
  const cells = pairs.flatMap((pair) => {
    const to = units.get(nameOf(pair.to));
    const row = rows.placeOf(numberOf(pair.from));
    return [row, columns.placeOf(numberOf(pair.to)), isWhole(pair.ports, to) ? 1 : 0, listOf(pair)];
  });
  return {
    ends: ends.all,
    rows: rows.all,
    columns: columns.all,
    ports: ports.all,
    cells,
    policies: policies.all,
    namespaces: namespacesOf(topology),
    text: [...textOf(pairs, asked)].join(""),
  };
}

/** Whether everything on which the receiver listens is open; of one that listens on nothing, every port. */
function isWhole(ports: PortSet, to: Unit | undefined): boolean {
  const listeners = to?.workload.containers.flatMap((one) => one.listeners) ?? [];
  if (listeners.length === 0) return ports.icmp;
  return listeners.every(({ proto, first, last }) =>
    first === last
      ? hasPort(ports, proto, first)
      : ports[proto].some((range) => range.first <= first && last <= range.last),
  );
}

function endOf(
  topology: Topology,
  end: MatrixEnd,
  unit: Unit | undefined,
  policies: Numbered<string, { name: string; source: Source }>,
): PictureEnd {
  if ("range" in end) {
    const first = parseIp(end.range.split("-")[0] ?? "");
    const owner = first === undefined ? undefined : ownerOf(topology, first);
    return {
      name: end.range,
      kind: owner ? `${owner.kind} ${owner.path}` : "addresses outside",
      namespace: undefined,
      pods: 0,
      path: owner?.path,
      ports: (owner?.ports ?? []).map(({ port, proto, process }) => ({ port, proto, name: process })),
      ingress: [],
      egress: [],
      source: topology.hosts.find(({ path }) => path === owner?.path)?.source,
    };
  }
  const [pod] = unit?.pods ?? [];
  const selecting = (direction: Direction): readonly number[] => {
    if (!unit || !pod || unit.workload.hostNetwork) return [];
    const found = unit.set.selecting(unit.set.groups.groupOf(pod), direction);
    return found.map((policy) => policies.of(policy.path, () => ({ name: policyName(policy), source: policy.source })));
  };
  return {
    name: end.path,
    kind: end.kind,
    namespace: end.namespace,
    pods: unit?.pods.length ?? 0,
    path: pod?.path ?? end.path,
    ports: (unit?.workload.containers ?? []).flatMap(({ name, listeners }) =>
      listeners.map(({ first, proto }) => ({ port: first, proto, name })),
    ),
    ingress: selecting("ingress"),
    egress: selecting("egress"),
    source: unit?.workload.source,
  };
}

/** Things that get the next number when they are first met. */
interface Numbered<K, T> {
  readonly all: readonly T[];
  of(key: K, make: () => T): number;
}

function numbered<K, T>(): Numbered<K, T> {
  const all: T[] = [];
  const numbers = new Map<K, number>();
  return {
    all,
    of(key, make) {
      const known = numbers.get(key);
      if (known !== undefined) return known;
      const made = make();
      numbers.set(key, all.length);
      all.push(made);
      return all.length - 1;
    },
  };
}

function placed(ends: readonly MatrixEnd[], numberOf: (end: MatrixEnd) => number) {
  const { all, of } = numbered<number, number>();
  for (const end of ends) {
    const number = numberOf(end);
    of(number, () => number);
  }
  return { all, placeOf: (number: number): number => of(number, () => number) };
}
