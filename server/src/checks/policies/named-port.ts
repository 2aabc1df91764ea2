import { policyName } from "../../kubernetes/policy/text.ts";
import { list } from "../../text/words.ts";
import type { Policy, PolicyPort, PolicyRule } from "../../topology/policy.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { shop } from "./examples.ts";
import { type PolicyView, policyView, rulesOf, withPolicies } from "./view.ts";

const policy = (port: string): string => shop(`policy api {\n  select app=api\n  ingress from app=web to ${port}\n}`);

export const namedPort: Check = {
  code: "KN609",
  name: "policy-named-port-unknown",
  family: "policies",
  severity: "warning",
  summary: "A policy names a port that no pod has.",
  documentation: `A port's name is looked up in the pods at the receiving end, among the named ports of their containers with the same protocol: for \`ingress\` in the pods
that the policy selects, for \`egress\` in those that it may call. Where none has it the rule allows nothing. Ports get names with
\`listen 8080/tcp as http\` (\`containerPort\` with \`name\`).`,
  example: { bad: policy("web"), good: policy("http") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      const view = policyView(cluster);
      for (const policy of cluster.policies) {
        for (const rule of rulesOf(policy)) {
          for (const port of rule.ports ?? []) if (port.kind === "name") yield* unknown(view, policy, rule, port);
        }
      }
    }
  },
};

function* unknown(
  view: PolicyView,
  policy: Policy,
  rule: PolicyRule,
  port: PolicyPort & { readonly kind: "name" },
): Iterable<Finding> {
  const peers = rule.peers?.flatMap((peer) => (peer.kind === "pods" ? view.meant(peer) : []));
  const receivers = rule.direction === "ingress" ? view.selected(policy) : (peers ?? view.set.groups.all);
  // Nobody at the other end is KN603's and KN604's business.
  if (receivers.length === 0 || receivers.some((group) => group.named(port.name, port.proto).length > 0)) return;
  const there = [
    ...new Set(
      receivers.flatMap((group) => {
        const containers = view.example(group)?.containers ?? [];
        return containers.flatMap(({ listeners }) =>
          listeners.flatMap(({ name }) => (name === undefined ? [] : [name])),
        );
      }),
    ),
  ];
  const [only] = there;
  const names = there.length === 0 ? "they name none" : `they have ${list(there)}`;
  yield finding(
    namedPort,
    port.source,
    `no pod at the receiving end has a port ${port.name}/${port.proto}, so that ${policyName(policy)} allows nothing by it: ${names}; write the number, or name the port with listen … as ${port.name}`,
    { fixes: there.length === 1 && only !== undefined ? [replaceFix(`Use ${only}`, port.source, only)] : [] },
  );
}
