import { policyEngineOf } from "../../cni/policy-engine.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { setFix } from "../../fixes/fix.ts";
import { KNOWN_KINDS } from "../../kubernetes/policy/enforce/contributor.ts";
import { policyLabel } from "../../questions/policy-view.ts";
import { list, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Policy } from "../../topology/policy.ts";

const policy = "policy api {\n  select app=api\n  ingress from app=web to 9090/tcp\n}";

export const noEngine: Check<"KN601"> = {
  code: "KN601",
  name: "policy-without-effect",
  family: "policies",
  severity: "warning",
  summary: "The cluster has policies, but no policy engine enforces them.",
  documentation: `## What happens

kube-apiserver accepts NetworkPolicies in any cluster; whether they have an effect depends on the CNI plugin. flannel, the bridge plugin,
docker, and kubenet have no policy engine: all traffic is allowed, and no error is reported.

Admin policies and Calico policies have an effect only if the policy engine supports them. Of the policy engines in knet, only Calico
does.

## How to fix it

Set the policy engine with \`network-policy\`: flannel with \`calico\` is Canal; k3s includes \`kube-router\`.

## References

- kubernetes.io, *Network Policies*, section *Prerequisites*`,
  example: { bad: shop(policy, { engine: "" }), good: shop(policy) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const [first] = cluster.policies;
      if (first === undefined) continue;
      const engines = new Set(cluster.nodes.map((node) => policyEngineOf(cluster, node)));
      if (engines.size === 0) continue;
      if (engines.has("none")) {
        yield unenforced(cluster, first, engines.size === 1);
        continue;
      }
      const unknown = cluster.policies.filter(({ kind }) =>
        [...engines].some((one) => !KNOWN_KINDS[one].includes(kind)),
      );
      const [odd] = unknown;
      if (odd === undefined) continue;
      const names = list([...engines].map((engine) => `\`${engine}\``));
      yield finding(
        noEngine,
        odd.source,
        unknown.length === 1
          ? t`${policyLabel(odd)} has no effect: the policy engine (${names}) enforces only NetworkPolicy; use namespace policies instead`
          : t`${policyLabel(odd)} and ${plural(unknown.length - 1, "more policy", "more policies")} have no effect: the policy engine (${names}) enforces only NetworkPolicy; use namespace policies instead`,
        { fixes: engineFix(cluster, "calico") },
      );
    }
  },
};

function unenforced(cluster: Cluster, first: Policy, isAll: boolean): Finding {
  const { policies, policyEngine, cni } = cluster;
  const count = plural(policies.length, "policy", "policies");
  const effect = isAll ? t`all traffic is allowed` : t`some nodes allow all traffic`;
  return finding(
    noEngine,
    first.source,
    policyEngine
      ? t`cluster \`${cluster.name}\` has ${count}, but \`network-policy none\` is set: ${effect}; set a policy engine, or use a plugin that has one`
      : t`cluster \`${cluster.name}\` has ${count}, but \`cni ${cni.plugin}\` has no policy engine: ${effect}; set \`network-policy\`, or use a plugin with a policy engine`,
    {
      severity: policyEngine ? "info" : "warning",
      related: [{ source: policyEngine?.source ?? cni.source, message: t`no policy engine configured here` }],
      fixes: [...engineFix(cluster, "kube-router"), ...engineFix(cluster, "calico")],
    },
  );
}

function engineFix(cluster: Cluster, engine: string) {
  return [setFix(t`Set \`network-policy ${engine}\``, cluster.source, "network-policy", engine)];
}
