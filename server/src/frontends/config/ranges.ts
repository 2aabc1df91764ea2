/** Prefixes in fields. */
import { formatPrefix, parsePrefix, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { Range } from "./model.ts";
import { type Field, itemsOf, type Resource, textOf } from "./resource.ts";

/** The first overlap of two networks, which cannot be peered then (Amazon VPC and Azure VNet peering). */
export function overlapOf(a: readonly Range[], b: readonly Range[]): readonly [Range, Range] | undefined {
  for (const one of a) {
    const other = b.find(({ prefix }) => rangesOverlap(prefixRange(prefix), prefixRange(one.prefix)));
    if (other) return [one, other];
  }
  return undefined;
}

/** The overlap as a problem of the peering. */
export function overlapProblem({ object }: Resource, [a, b]: readonly [Range, Range]): FileProblem {
  const [first, second] = [formatPrefix(a.prefix), formatPrefix(b.prefix)];
  return assumed(
    object,
    t`peering ${object.name} of networks that overlap (${first} and ${second}): the cloud rejects it`,
  );
}

/** The prefixes of fields of a resource, which can be lists, each once. */
export function rangesAt(resource: Resource, fields: readonly (Field | undefined)[]): readonly Range[] {
  const seen = new Set<string>();
  return fields.flatMap(itemsOf).flatMap((one): Range[] => {
    const text = textOf(one);
    const prefix = text === undefined || seen.has(text) ? undefined : parsePrefix(text)?.prefix;
    if (!prefix || text === undefined) return [];
    seen.add(text);
    return [{ prefix, at: { resource, path: one.path } }];
  });
}
