/**
 * A matrix as shown in the panel: endpoints, cells, and policies refer to each other by index, and carry the source that a
 * click opens. The caller computes the pairs, so it controls the length of each time slice.
 */
import { parseIp } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import { containersOf, type Unit, unitsOf } from "../kubernetes/matrix/ends.ts";
import { type MatrixAnswer, type MatrixEnds, type Pair, toConnection } from "../kubernetes/matrix/matrix.ts";
import type { MatrixEnd } from "../kubernetes/matrix/schema.ts";
import { nameOf, textOf } from "../kubernetes/matrix/text.ts";
import { hasPort, type PortSet } from "../kubernetes/policy/ports.ts";
import { policyName } from "../kubernetes/policy/text.ts";
import { plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { Listener, Topology } from "../topology/model.ts";
import { podPath } from "../topology/names.ts";
import type { Direction } from "../topology/policy.ts";
import { ownerOf } from "../trace/endpoints.ts";

export interface MatrixPicture {
  readonly ends: readonly PictureEnd[];
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly ports: readonly PicturePorts[];
  /** Four numbers per cell: index in `rows`, index in `columns`, 1 if all ports of the receiver are open (else 0), index in `ports`. */
  readonly cells: readonly number[];
  readonly policies: readonly { readonly name: string; readonly source: Origin }[];
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
  readonly source: Origin | undefined;
}

/** Maximum number of rows or columns. A larger matrix is unreadable and needs a filter. */
const MOST_ENDS = 250;

export function namespacesOf({ clusters }: Topology): readonly string[] {
  const names = clusters.flatMap(({ workloads }) => workloads.map(({ namespace }) => namespace));
  return [...new Set(names)].sort();
}

/** Error text if the matrix is too large to show. */
export function tooMany({ from, to }: MatrixEnds): string | undefined {
  if (from.length <= MOST_ENDS && to.length <= MOST_ENDS) return undefined;
  const senders = plural(from.length, "sender");
  const receivers = plural(to.length, "receiver");
  return t`${senders} and ${receivers} exceed the limit of ${MOST_ENDS} per side; select a namespace, a workload, or labels (app=web) for at least one side`;
}

export function pictureOf(
  topology: Topology,
  { ends: asked }: Extract<MatrixAnswer, { ok: true }>,
  pairs: readonly Pair[],
): MatrixPicture {
  const units = new Map(unitsOf(topology, false, () => true).map((unit) => [nameOf(unit.end), unit]));
  const policies = numbered<string, { name: string; source: Origin }>();
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

/** Whether all ports that the receiver listens on are open; for a receiver without listeners, whether ping passes. */
function isWhole(ports: PortSet, to: Unit | undefined): boolean {
  const listeners = to ? containersOf(to).flatMap((one) => one.listeners) : [];
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
  policies: Numbered<string, { name: string; source: Origin }>,
): PictureEnd {
  if ("range" in end) {
    const first = parseIp(end.range.split("-")[0] ?? "");
    const owner = first === undefined ? undefined : ownerOf(topology, first);
    return {
      name: end.range,
      kind: owner ? `${owner.kind} ${owner.path}` : t`external addresses`,
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
    if (!unit || !pod || unit.hostNetwork) return [];
    const found = unit.set.selecting(unit.set.groups.groupOf(pod), direction);
    return found.map((policy) => policies.of(policy.path, () => ({ name: policyName(policy), source: policy.source })));
  };
  return {
    name: end.path,
    kind: end.kind,
    namespace: end.namespace,
    pods: unit?.pods.length ?? 0,
    path: unit && pod ? podPath(unit.cluster, pod) : end.path,
    ports: (unit ? containersOf(unit) : []).flatMap(({ name, listeners }) =>
      listeners.map(({ first, proto }) => ({ port: first, proto, name })),
    ),
    ingress: selecting("ingress"),
    egress: selecting("egress"),
    source: pod?.workload.source,
  };
}

/** Items that are numbered in the order of their first occurrence. */
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
