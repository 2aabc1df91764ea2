/** A real machine and the derived one. */
import type { Netns } from "../../dataplane/model.ts";
import type { MacOwners, Pairing } from "../../dataplane/real/macs.ts";
import { realNetns } from "../../dataplane/real/netns.ts";
import type { Output } from "../../dataplane/real/state.ts";
import type { Origin } from "../../declared/origin.ts";
import { type Reporter, reporter } from "./difference.ts";

export interface Comparison extends Pairing {
  /** The network namespace with the real entries. */
  readonly real: Netns;
  readonly report: Reporter;
  /** The real name of a derived device; its own name if the machine does not have it. */
  nameOf(derived: string): string;
}

export function comparison(pairing: Pairing, owners: MacOwners): Comparison {
  const { netns, names } = pairing;
  return {
    ...pairing,
    real: realNetns(pairing, owners),
    report: reporter(netns.id),
    nameOf: (derived) => names.real(derived) ?? derived,
  };
}

/** The place of a missing entry: the output that lacks it; undefined if the output does not exist. */
export function placeIn({ machine }: Comparison, ...outputs: readonly Output[]): Origin | undefined {
  for (const output of outputs) {
    const found = machine.outputs.get(output);
    if (found) return found;
  }
  return undefined;
}

/** Items by key, in both lists. */
export function paired<A, B>(
  expected: Iterable<A>,
  actual: Iterable<B>,
  keys: { readonly expected: (one: A) => string; readonly actual: (one: B) => string },
): { readonly missing: readonly A[]; readonly extra: readonly B[]; readonly both: readonly (readonly [A, B])[] } {
  const open = new Map<string, B[]>();
  for (const one of actual) {
    const key = keys.actual(one);
    const list = open.get(key);
    if (list) list.push(one);
    else open.set(key, [one]);
  }
  const missing: A[] = [];
  const both: (readonly [A, B])[] = [];
  for (const one of expected) {
    const found = open.get(keys.expected(one))?.shift();
    if (found === undefined) missing.push(one);
    else both.push([one, found]);
  }
  return { missing, both, extra: [...open.values()].flat() };
}
