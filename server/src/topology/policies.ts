/** The last phase: network policies, with the tiers that they name. */
import type { Decl } from "../declared/decl.ts";
import { memo } from "../memo/memo.ts";
import type { PlacedPolicy } from "./parts.ts";
import { type Policy, type PolicyKeyword, type PolicyParts, policyKeyword, readPolicy, type Tier } from "./policy.ts";
import type { TopologyProblem } from "./problems.ts";
import { nameTwice } from "./station.ts";

export interface DeclaredPolicies {
  /** The cluster. */
  readonly name: string;
  readonly file: string;
  readonly policies: readonly PlacedPolicy[];
  readonly tiers: ReadonlyMap<string, Tier>;
}

export interface Policies {
  /** In order of declaration, each name once. */
  readonly policies: readonly Policy[];
  readonly problems: readonly TopologyProblem[];
}

/** Tiers can be declared after the policies that name them. Of two policies with one name, the first is used. */
export function buildPolicies({ name: cluster, file, policies: written, tiers }: DeclaredPolicies): Policies {
  const policies = new Map<string, Policy>();
  const problems: TopologyProblem[] = [];
  for (const { decl, namespace } of written) {
    const keyword = policyKeyword(decl.spec?.keyword);
    const parts = keyword && policyIn({ file, decl, namespace }, keyword, tiers);
    if (parts === undefined) continue;
    problems.push(...parts.problems);
    const { policy } = parts;
    if (policy === undefined) continue;
    const key = `${policy.kind} ${policy.path}`;
    const before = policies.get(key);
    if (before === undefined) {
      policies.set(key, policy);
      continue;
    }
    const context =
      policy.namespace === undefined
        ? ({ kind: "cluster", name: cluster } as const)
        : ({ kind: "namespace", name: policy.namespace } as const);
    problems.push(nameTwice("policy", policy.name, context, { ...policy.source, part: 0 }, before.source));
  }
  return { policies: [...policies.values()], problems };
}

const noTiers: ReadonlyMap<string, Tier> = new Map();

/** Only Calico policies depend on tiers, which are declared elsewhere. */
const policyWithoutTier = memo((decl: Decl, file: string, keyword: PolicyKeyword, namespace: string | undefined) =>
  readPolicy(file, decl, keyword, namespace, noTiers),
);

function policyIn(
  { file, decl, namespace }: PlacedPolicy & { readonly file: string },
  keyword: PolicyKeyword,
  tiers: ReadonlyMap<string, Tier>,
): PolicyParts {
  return keyword === "calico-policy"
    ? readPolicy(file, decl, keyword, namespace, tiers)
    : policyWithoutTier(decl, file, keyword, namespace);
}
