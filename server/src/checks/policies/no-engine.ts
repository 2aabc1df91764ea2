import { policyEngineOf } from "../../cni/policy-engine.ts";
import { KNOWN_KINDS } from "../../kubernetes/policy/enforce/contributor.ts";
import { policyName } from "../../kubernetes/policy/text.ts";
import { plural } from "../../text/words.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Policy } from "../../topology/policy.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, setFix } from "../finding.ts";
import { shop } from "./examples.ts";

const policy = "policy api {\n  select app=api\n  ingress from app=web to 9090/tcp\n}";

export const noEngine: Check = {
  code: "KN601",
  name: "policy-without-effect",
  family: "policies",
  severity: "warning",
  summary: "The cluster has policies, and nobody enforces them.",
  documentation: `The API server takes a NetworkPolicy in any cluster; whether it has an effect is the CNI plugin's business (kubernetes.io, Network Policies,
Prerequisites). flannel, the bridge plugin, docker and kubenet have no policy engine: everything stays open, and nobody says so.

Say with \`network-policy\` who enforces them: \`calico\` beside flannel is Canal, k3s brings \`kube-router\`. Policies of administrators and of
Calico have an effect only where the engine knows them; of those here Calico's does.`,
  example: { bad: shop(policy, { engine: "" }), good: shop(policy) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const [first] = cluster.policies;
      const engines = new Set(cluster.nodes.map((node) => policyEngineOf(cluster, node)));
      if (first === undefined || engines.size === 0) continue;
      if (engines.has("none")) {
        yield nobody(cluster, first, engines.size === 1);
        continue;
      }
      const unknown = cluster.policies.filter(({ kind }) =>
        [...engines].some((one) => !KNOWN_KINDS[one].includes(kind)),
      );
      const [odd] = unknown;
      if (odd === undefined) continue;
      const more = unknown.length === 1 ? "" : ` (and ${plural(unknown.length - 1, "policy", "policies")} more)`;
      yield finding(
        noEngine,
        odd.source,
        `${policyName(odd)}${more} has no effect: ${[...engines].join(", ")} enforces NetworkPolicy only; use network-policy calico, or say it with policies of the namespaces`,
        { fixes: engineFix(cluster, "calico") },
      );
    }
  },
};

function nobody(cluster: Cluster, first: Policy, isAll: boolean): Finding {
  const { policies, policyEngine, cni } = cluster;
  const who = policyEngine ? "network-policy none says so" : `cni ${cni.plugin} has no policy engine`;
  const where = isAll ? `in cluster ${cluster.name}` : `on some nodes of cluster ${cluster.name}`;
  return finding(
    noEngine,
    first.source,
    `${plural(policies.length, "policy has", "policies have")} no effect ${where}: ${who}, and everything stays open; name an engine with network-policy, or use a plugin that enforces them`,
    {
      severity: policyEngine ? "info" : "warning",
      related: [{ source: policyEngine?.source ?? cni.source, message: "who would enforce them" }],
      fixes: [...engineFix(cluster, "kube-router"), ...engineFix(cluster, "calico")],
    },
  );
}

function engineFix(cluster: Cluster, engine: string) {
  return [setFix(`Let ${engine} enforce them`, cluster.source, "network-policy", engine)];
}
