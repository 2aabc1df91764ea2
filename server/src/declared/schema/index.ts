/** The complete schema and its lookup functions. */
import { t } from "../../text/l10n.ts";
import { bgpRows } from "./bgp.ts";
import { calicoRows } from "./calico.ts";
import { cluster } from "./cluster.ts";
import { cni } from "./cni.ts";
import { edge } from "./edge.ts";
import { file } from "./file.ts";
import { firewall } from "./firewall.ts";
import { groupRows } from "./groups.ts";
import { ingress } from "./ingress.ts";
import { overrideRows } from "./overrides.ts";
import { policy } from "./policy.ts";
import { resolverRows } from "./resolver.ts";
import { service } from "./service.ts";
import { sources } from "./sources.ts";
import { station } from "./station.ts";
import { tunnels } from "./tunnels.ts";
import type { ArgSpec, Context, FlagSpec, KeywordSpec } from "./types.ts";
import { workload } from "./workload.ts";

export type * from "./types.ts";

export const schema: readonly KeywordSpec[] = [
  ...file,
  ...sources,
  ...station,
  ...groupRows,
  ...overrideRows,
  ...edge,
  ...firewall,
  ...tunnels,
  ...bgpRows,
  ...cluster,
  ...cni,
  ...calicoRows,
  ...workload,
  ...policy,
  ...ingress,
  ...service,
  ...resolverRows,
];

const byContext: ReadonlyMap<Context, ReadonlyMap<string, KeywordSpec>> = groupByContext();
const byKeyword: ReadonlyMap<string, readonly Context[]> = groupByKeyword();
const none: ReadonlyMap<string, KeywordSpec> = new Map();

/** The row of a keyword in a context. */
export function specFor(context: Context, keyword: string): KeywordSpec | undefined {
  return byContext.get(context)?.get(keyword);
}

/** The contexts that allow a keyword; empty if the keyword does not exist. */
export function contextsOf(keyword: string): readonly Context[] {
  return byKeyword.get(keyword) ?? [];
}

/** The statements allowed in a context, by keyword. */
export function keywordsIn(context: Context): ReadonlyMap<string, KeywordSpec> {
  return byContext.get(context) ?? none;
}

/** All contexts, in schema order: "file" is first. */
export const contexts: readonly Context[] = [...byContext.keys()];

export function isFlag(arg: ArgSpec | FlagSpec): arg is FlagSpec {
  return "flag" in arg;
}

/** The contexts that a statement's block can have. */
export function blockContexts(spec: KeywordSpec): readonly Context[] {
  if (spec.block === undefined) return [];
  return typeof spec.block === "string" ? [spec.block] : Object.values(spec.block.contexts);
}

/** A context as messages show it, with its article: "a `cluster` block", "the top level of a file". */
export function describeContext(context: Context): string {
  switch (context) {
    case "file":
      return t`the top level of a file`;
    case "workload":
      return t`a \`deployment\`, \`statefulset\`, or \`daemonset\` block`;
    case "node cni flannel":
      return t`the \`cni flannel\` block of a node`;
    case "node cni calico":
      return t`the \`cni calico\` block of a node`;
    case "calico pool":
      return t`a \`pool\` block of \`cni calico\``;
    case "calico peer":
      return t`a \`peer\` block of \`cni calico\``;
    case "ingress rule":
      return t`an \`ingress\` rule of a \`policy\``;
    case "egress rule":
      return t`an \`egress\` rule of a \`policy\``;
    case "admin policy":
      return t`an \`admin-policy\` or \`baseline-admin-policy\` block`;
    case "admin ingress rule":
      return t`an \`ingress\` rule of an admin or Calico policy`;
    case "admin egress rule":
      return t`an \`egress\` rule of an admin or Calico policy`;
    case "calico policy":
      return t`a \`calico-policy\` block`;
    case "calico tier":
      return t`a \`calico-tier\` block`;
    case "ingress host":
      return t`a \`host\` block of an ingress or HTTP route`;
    default:
      return /^(?:[aeiou]|http)/.test(context) ? t`an \`${context}\` block` : t`a \`${context}\` block`;
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
