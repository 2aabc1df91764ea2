/** The whole schema, and questions about it. */
import { bgpRows } from "./bgp.ts";
import { calicoRows } from "./calico.ts";
import { cluster } from "./cluster.ts";
import { cni } from "./cni.ts";
import { edge } from "./edge.ts";
import { file } from "./file.ts";
import { ingress } from "./ingress.ts";
import { policy } from "./policy.ts";
import { service } from "./service.ts";
import { station } from "./station.ts";
import type { ArgSpec, Context, FlagSpec, KeywordSpec } from "./types.ts";
import { workload } from "./workload.ts";

export type * from "./types.ts";

export const schema: readonly KeywordSpec[] = [
  ...file,
  ...station,
  ...edge,
  ...bgpRows,
  ...cluster,
  ...cni,
  ...calicoRows,
  ...workload,
  ...policy,
  ...ingress,
  ...service,
];

const byContext: ReadonlyMap<Context, ReadonlyMap<string, KeywordSpec>> = groupByContext();
const byKeyword: ReadonlyMap<string, readonly Context[]> = groupByKeyword();
const none: ReadonlyMap<string, KeywordSpec> = new Map();

/** The row of a keyword where it stands. */
export function specFor(context: Context, keyword: string): KeywordSpec | undefined {
  return byContext.get(context)?.get(keyword);
}

/** Where a keyword may stand; empty for one that nobody knows. */
export function contextsOf(keyword: string): readonly Context[] {
  return byKeyword.get(keyword) ?? [];
}

/** What may stand in a context, by keyword. */
export function keywordsIn(context: Context): ReadonlyMap<string, KeywordSpec> {
  return byContext.get(context) ?? none;
}

/** All contexts, those that a file opens first. */
export const contexts: readonly Context[] = [...byContext.keys()];

export function isFlag(arg: ArgSpec | FlagSpec): arg is FlagSpec {
  return "flag" in arg;
}

/** The contexts that a statement's block may have. */
export function blockContexts(spec: KeywordSpec): readonly Context[] {
  if (spec.block === undefined) return [];
  return typeof spec.block === "string" ? [spec.block] : Object.values(spec.block.contexts);
}

/** A context for people: "cni flannel" is the block of a `cni flannel`, "file" the top of a file. */
export function describeContext(context: Context): string {
  switch (context) {
    case "file":
      return "the top of a file";
    case "workload":
      return "a deployment, statefulset or daemonset";
    case "nodes":
      return "a pool of nodes";
    case "node cni flannel":
      return "the cni flannel of a node";
    case "node cni calico":
      return "the cni calico of a node";
    default:
      return context.includes(" ") ? context : `${/^[aeiou]/.test(context) ? "an" : "a"} ${context}`;
  }
}

function groupByContext(): Map<Context, Map<string, KeywordSpec>> {
  const groups = new Map<Context, Map<string, KeywordSpec>>();
  for (const spec of schema) {
    for (const context of spec.in) {
      const group = groups.get(context) ?? new Map<string, KeywordSpec>();
      groups.set(context, group.set(spec.keyword, spec));
    }
  }
  return groups;
}

function groupByKeyword(): Map<string, Context[]> {
  const groups = new Map<string, Context[]>();
  for (const spec of schema) groups.set(spec.keyword, [...(groups.get(spec.keyword) ?? []), ...spec.in]);
  return groups;
}
