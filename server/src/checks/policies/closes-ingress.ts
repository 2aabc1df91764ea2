import { policyName } from "../../kubernetes/policy/text.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";
import { shop } from "./examples.ts";

const policy = (types: string): string =>
  shop(`policy api {\n  select app=api${types}\n  egress to app=db port 5432/tcp 53/udp\n}`);

export const closesIngress: Check = {
  code: "KN613",
  name: "policy-closes-ingress",
  family: "policies",
  severity: "info",
  summary: "A policy with egress rules only closes ingress as well.",
  documentation: `Where \`policyTypes\` is left out, a policy isolates ingress always, and egress if it has egress rules (networking/v1 types.go). A policy that is meant to
limit what pods call therefore also forbids that anybody calls them. Say \`types egress\`, or \`types ingress egress\` if it is meant.`,
  example: { bad: policy(""), good: policy("\n  types egress") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const policy of topology.clusters.flatMap(({ policies }) => policies)) {
      if (policy.kind !== "network" || policy.types !== undefined) continue;
      if (policy.ingress?.length !== 0 || policy.egress === undefined) continue;
      const { source } = policy;
      yield finding(
        closesIngress,
        source,
        `${policyName(policy)} has egress rules only, but without types it isolates ingress too, and nobody may call the pods; write types egress, or types ingress egress if you mean it`,
        {
          fixes: [
            { title: "Isolate egress only", edits: [{ kind: "append", source, text: "types egress" }] },
            { title: "Isolate both, and say so", edits: [{ kind: "append", source, text: "types ingress egress" }] },
          ],
        },
      );
    }
  },
};
