import { formatPrefix, prefixCovers } from "../../addressing/ip.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { policyLabel, policyView, withPolicies } from "../../questions/policy-view.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Peer, Policy, PolicyPort, PolicyRule } from "../../topology/policy.ts";

const policy = (port: string): string =>
  shop(`policy web {\n  select app=web\n  types egress\n  egress to cidr 203.0.113.0/24 port ${port} 53/udp\n}`);

export const namedPortOfAddress: Check<"KN618"> = {
  code: "KN618",
  name: "policy-named-port-of-address",
  family: "policies",
  severity: "warning",
  summary: "An egress rule combines a port name with addresses.",
  documentation: `## What happens

A port name is resolved in the containers of the destination pod. Addresses outside the cluster and nodes have no port names, so the
rule never matches through this port.

## How to fix it

Use the port number.

## References

- k8s.io/api, \`networking/v1/types.go\`, \`NetworkPolicyPort.Port\` ("a numerical or named port on a pod")
- kubernetes-sigs/network-policy-api, \`apis/v1alpha2/clusternetworkpolicy_types.go\`: "there are no namedPorts for networks/nodes/domainNames"`,
  example: { bad: policy("https"), good: policy("443") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      for (const policy of cluster.policies) {
        for (const rule of policy.egress ?? []) yield* inRule(cluster, policy, rule);
      }
    }
  },
};

function* inRule(cluster: Cluster, policy: Policy, { peers, ports }: PolicyRule): Iterable<Finding> {
  const [first] = peers ?? [];
  if (first === undefined || peers?.some((peer) => hasPods(cluster, peer))) return;
  for (const port of ports ?? []) {
    if (port.kind !== "name") continue;
    yield finding(
      namedPortOfAddress,
      port.source,
      first.kind === "cidr"
        ? t`port name \`${port.name}\` in ${policyLabel(policy)} never matches: only pods have named ports, not the addresses of ${formatPrefix(first.cidr)}; use the port number`
        : t`port name \`${port.name}\` in ${policyLabel(policy)} never matches: only pods have named ports, not nodes; use the port number`,
      { fixes: numberFixes(cluster, port) },
    );
  }
}

/** The number that every pod of the cluster has for this name. */
function numberFixes(
  cluster: Cluster,
  { name, proto, source }: PolicyPort & { readonly kind: "name" },
): readonly Fix[] {
  const { groups } = policyView(cluster).set;
  const numbers = new Set(
    groups.all.flatMap((group) => group.named(name, proto).map(({ first, last }) => (first === last ? first : 0))),
  );
  const [only] = numbers;
  if (numbers.size !== 1 || !only) return [];
  const text = proto === undefined || proto === "tcp" ? String(only) : `${only}/${proto}`;
  return [replaceFix(t`Change to ${text}`, source, text)];
}

/** Whether the peer can be a pod with its own address. */
function hasPods({ podCidrs }: Cluster, peer: Peer): boolean {
  switch (peer.kind) {
    case "pods":
      return true;
    case "nodes":
      return false;
    case "cidr":
      return podCidrs.some(({ prefix }) => prefixCovers(prefix, peer.cidr) || prefixCovers(peer.cidr, prefix));
  }
}
