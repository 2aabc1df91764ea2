import { policyEngineOf } from "../../cni/policy-engine.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { hasPort, portsOf } from "../../kubernetes/policy/ports.ts";
import { policyLabel, policyView, withPolicies } from "../../questions/policy-view.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Policy, PolicyRule } from "../../topology/policy.ts";

const policy = (peer: string): string =>
  shop(`policy api {\n  select app=api\n  types egress\n  egress to ${peer} port 53/udp\n  egress to app=db\n}`, {
    engine: "network-policy kindnet",
    cluster: "kube-proxy ipvs\nnamespace kube-system { pod dns { labels k8s-app=kube-dns; listen 53/udp } }",
  });

export const dnsBeforeIpvs: Check<"KN620"> = {
  code: "KN620",
  name: "policy-dns-before-ipvs",
  family: "policies",
  severity: "info",
  summary: "kube-network-policies evaluates DNS queries before IPVS by default.",
  documentation: `## What happens

kube-network-policies evaluates policies in POSTROUTING, where IPVS has already rewritten a service address to the address of a pod.
With \`--netfilter-bug-1766-fix\` (the default, a workaround for kernels before 6.12), it evaluates DNS queries over UDP in PREROUTING
instead. iptables and nftables rewrite service addresses before this point, IPVS after it: the policy is evaluated with the service
address, which no pod selector matches, so the query is dropped.

knet assumes that the workaround is off in clusters with \`kube-proxy ipvs\`.

## How to fix it

Start kube-network-policies with \`--netfilter-bug-1766-fix=false\`, allow port 53/udp to any peer, or use a different kube-proxy mode.

## References

- kubernetes-sigs/kube-network-policies, \`pkg/dataplane/controller.go\`, \`addDNSRacersWorkaroundRules\`; pull requests 54 and 95
- Linux, \`net/netfilter/ipvs/ip_vs_core.c\`, \`ip_vs_ops4\``,
  example: { bad: policy("k8s-app=kube-dns namespace kube-system"), good: policy("any") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      if (!hasBoth(cluster)) continue;
      const { selected } = policyView(cluster);
      const open = new Set(cluster.policies.filter((one) => one.egress?.some(allowsAnyDns)).flatMap(selected));
      for (const one of cluster.policies) {
        const rule = one.kind === "network" ? one.egress?.find(allowsDnsPods) : undefined;
        if (rule === undefined || !selected(one).some((group) => !open.has(group))) continue;
        yield inRule(one, rule);
      }
    }
  },
};

function hasBoth(cluster: Cluster): boolean {
  return (
    cluster.services.kubeProxy.mode === "ipvs" &&
    cluster.nodes.some((node) => policyEngineOf(cluster, node) === "kindnet")
  );
}

function allowsDns({ ports }: PolicyRule): boolean {
  return hasPort(
    portsOf(ports, () => []),
    "udp",
    53,
  );
}

/** DNS by the labels of its pods; a rule for all ports does not aim at DNS. */
function allowsDnsPods(rule: PolicyRule): boolean {
  return rule.ports !== undefined && allowsDns(rule) && rule.peers?.every(({ kind }) => kind === "pods") === true;
}

/** DNS regardless of the peer, or by addresses, which can include the service address. */
function allowsAnyDns(rule: PolicyRule): boolean {
  return allowsDns(rule) && rule.peers?.every(({ kind }) => kind === "pods") !== true;
}

function inRule(one: Policy, { source }: PolicyRule): Finding {
  return finding(
    dnsBeforeIpvs,
    { ...source, part: "keyword" },
    t`knet assumes \`--netfilter-bug-1766-fix=false\`: by default, kube-network-policies evaluates DNS queries before IPVS rewrites their address, and ${policyLabel(one)} denies them`,
  );
}
