import { policyName, ruleText } from "../../kubernetes/policy/text.ts";
import type { Policy } from "../../topology/policy.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { shop } from "./examples.ts";

const policy = (types: string): string =>
  shop(
    `policy api {\n  select app=api\n  types ${types}\n  ingress from app=web\n  egress to app=db port 5432/tcp 53/udp\n}`,
  );

export const typesContradict: Check = {
  code: "KN612",
  name: "policy-types-contradict",
  family: "policies",
  severity: "warning",
  summary: "A policy has rules of a direction that its types leave out.",
  documentation: `\`policyTypes\` says which directions a policy isolates. Rules of another direction are accepted and mean nothing: that direction stays open, as far as
this policy is concerned. Add the direction, or remove the rules.`,
  example: { bad: policy("ingress"), good: policy("ingress egress") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const policy of topology.clusters.flatMap(({ policies }) => policies)) {
      const [first] = policy.ignored;
      if (first === undefined || policy.types === undefined) continue;
      const { direction } = first;
      const place = policy.types.source;
      yield finding(
        typesContradict,
        place,
        `${policyName(policy)} isolates ${[...policy.types.directions].join(" and ")} only, and "${ruleText(first, policy)}" counts for nothing: ${direction} stays open; add ${direction} to types, or remove the rule`,
        {
          related: policy.ignored.map((rule) => ({
            source: { ...rule.source, part: "keyword" as const },
            message: "this rule has no effect",
          })),
          fixes: typesFix(policy),
        },
      );
    }
  },
};

function typesFix({ types }: Policy) {
  const last = types?.source.statement.args.length ?? 0;
  const text = types?.source.statement.args.at(-1)?.text;
  if (types === undefined || text === undefined) return [];
  return [
    replaceFix(
      "Isolate both directions",
      sourceAt(types.source, last - 1),
      text.includes("ingress") ? `${text} egress` : `${text} ingress`,
    ),
  ];
}
