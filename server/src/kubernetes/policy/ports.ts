/**
 * Sets of ports: a list of ranges per protocol; ICMP has no ports and is included or not. Sets are immutable values.
 */

import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { PolicyPort, Protocol } from "../../topology/policy.ts";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface PortSet {
  /** In order, without overlaps or adjacent ranges. */
  readonly tcp: readonly PortRange[];
  readonly udp: readonly PortRange[];
  readonly sctp: readonly PortRange[];
  readonly icmp: boolean;
}

export const PROTOCOLS: readonly Protocol[] = ["tcp", "udp", "sctp"];

const none: readonly PortRange[] = [];
const every: readonly PortRange[] = [{ first: 1, last: 65535 }];
export const NO_PORTS: PortSet = { tcp: none, udp: none, sctp: none, icmp: false };
export const ALL_PORTS: PortSet = { tcp: every, udp: every, sctp: every, icmp: true };

export function isEmpty({ tcp, udp, sctp, icmp }: PortSet): boolean {
  return !icmp && tcp.length === 0 && udp.length === 0 && sctp.length === 0;
}

export function hasPort(set: PortSet, proto: Protocol | "icmp", port: number): boolean {
  if (proto === "icmp") return set.icmp;
  return set[proto].some(({ first, last }) => first <= port && port <= last);
}

export function union(a: PortSet, b: PortSet): PortSet {
  if (a === b || b === NO_PORTS) return a;
  if (a === NO_PORTS) return b;
  return each((proto) => joined([...a[proto], ...b[proto]]), a.icmp || b.icmp);
}

export function intersection(a: PortSet, b: PortSet): PortSet {
  if (a === b || b === ALL_PORTS) return a;
  if (a === ALL_PORTS) return b;
  if (a === NO_PORTS || b === NO_PORTS) return NO_PORTS;
  return each((proto) => common(a[proto], b[proto]), a.icmp && b.icmp);
}

export function difference(a: PortSet, b: PortSet): PortSet {
  if (b === NO_PORTS || a === NO_PORTS) return a;
  if (a === b || b === ALL_PORTS) return NO_PORTS;
  return each((proto) => common(a[proto], gaps(b[proto])), a.icmp && !b.icmp);
}

export function portSetEquals(a: PortSet, b: PortSet): boolean {
  return a === b || portKey(a) === portKey(b);
}

/** Equal for equal sets. */
export function portKey(set: PortSet): string {
  if (set === ALL_PORTS) return "all";
  const ranges = PROTOCOLS.map((proto) => set[proto].map(({ first, last }) => `${first}-${last}`).join());
  const key = `${ranges.join("/")}/${set.icmp}`;
  return key === "1-65535/1-65535/1-65535/true" ? "all" : key;
}

/** The ports of a policy's rule; `named` looks up a name in the receiver. */
export function portsOf(
  ports: readonly PolicyPort[] | undefined,
  named: (name: string, proto: Protocol) => readonly PortRange[],
): PortSet {
  if (ports === undefined) return ALL_PORTS;
  return each(
    (proto) =>
      joined(
        ports.flatMap((port): readonly PortRange[] => {
          if (port.kind === "icmp" || (port.proto !== undefined && port.proto !== proto)) return none;
          return port.kind === "name" ? named(port.name, proto) : [{ first: port.first, last: port.last }];
        }),
      ),
    ports.some(({ kind }) => kind === "icmp"),
  );
}

/** "tcp 80, 443; udp 53"; "all traffic". */
export function portsText(set: PortSet): string {
  if (portKey(set) === "all") return t`all traffic`;
  const parts = PROTOCOLS.flatMap((proto) => {
    const ranges = set[proto];
    if (ranges.length === 0) return [];
    return [`${proto} ${ranges.map(rangeText).join(", ")}`];
  });
  return [...parts, ...(set.icmp ? ["icmp"] : [])].join("; ");
}

/** "9090/tcp", "80/tcp, 53/udp"; "all traffic": next to the name of an object. */
export function portListText(set: PortSet): string {
  if (portKey(set) === "all") return t`all traffic`;
  const ports = PROTOCOLS.flatMap((proto) =>
    set[proto].map((range) => (isEvery(range) ? t`all ${proto} ports` : `${rangeText(range)}/${proto}`)),
  );
  return list([...ports, ...(set.icmp ? ["icmp"] : [])]);
}

function isEvery({ first, last }: PortRange): boolean {
  return first === 1 && last === 65535;
}

function rangeText({ first, last }: PortRange): string {
  if (isEvery({ first, last })) return t`all ports`;
  return first === last ? String(first) : `${first}-${last}`;
}

function each(make: (proto: Protocol) => readonly PortRange[], icmp: boolean): PortSet {
  const set = { tcp: make("tcp"), udp: make("udp"), sctp: make("sctp"), icmp };
  return isEmpty(set) ? NO_PORTS : set;
}

function joined(ranges: PortRange[]): readonly PortRange[] {
  if (ranges.length < 2) return ranges;
  const out: { first: number; last: number }[] = [];
  for (const { first, last } of ranges.sort((a, b) => a.first - b.first)) {
    const before = out.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else out.push({ first, last });
  }
  return out;
}

function common(a: readonly PortRange[], b: readonly PortRange[]): readonly PortRange[] {
  const out: PortRange[] = [];
  for (const one of a) {
    for (const other of b) {
      const first = Math.max(one.first, other.first);
      const last = Math.min(one.last, other.last);
      if (first <= last) out.push({ first, last });
    }
  }
  return out;
}

function gaps(ranges: readonly PortRange[]): readonly PortRange[] {
  const out: PortRange[] = [];
  let next = 1;
  for (const { first, last } of ranges) {
    if (first > next) out.push({ first: next, last: first - 1 });
    next = last + 1;
  }
  if (next <= 65535) out.push({ first: next, last: 65535 });
  return out;
}
