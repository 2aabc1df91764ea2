/** The rules that enforce policies on a node, by policy engine. None for a cluster without policies. */
import type { Contributor } from "../../../cni/contributor.ts";
import { isOwnEngine, type PolicyEngine, policyEngineOf } from "../../../cni/policy-engine.ts";
import type { Policy } from "../../../topology/policy.ts";
import { policySetOf } from "../evaluate.ts";
import { calicoAfter, calicoBefore } from "./calico.ts";
import { kindnetBefore } from "./kindnet.ts";
import { kubeRouterBefore } from "./kube-router.ts";
import { weaveBefore } from "./weave.ts";

/** The kinds of policies that an engine supports; it ignores all others. */
export const KNOWN_KINDS: Readonly<Record<PolicyEngine, readonly Policy["kind"][]>> = {
  none: [],
  calico: ["network", "admin", "baseline", "calico"],
  "kube-router": ["network"],
  kindnet: ["network"],
  weave: ["network"],
};

export const policyContributor: Contributor = {
  before(node, cluster, parts) {
    if (cluster.policies.length === 0) return [];
    const engine = policyEngineOf(cluster, node);
    const context = { cluster, node, parts, set: policySetOf(cluster, KNOWN_KINDS[engine]), sets: new Map() };
    switch (engine) {
      case "none":
        return [];
      case "calico":
        return calicoBefore(context, isOwnEngine(cluster, node, engine));
      case "kube-router":
        return kubeRouterBefore(context);
      case "kindnet":
        return kindnetBefore(context);
      case "weave":
        return weaveBefore(context);
    }
  },
  after(node, cluster, parts) {
    if (cluster.policies.length === 0 || policyEngineOf(cluster, node) !== "calico") return [];
    const context = { cluster, node, parts, set: policySetOf(cluster, KNOWN_KINDS.calico), sets: new Map() };
    return calicoAfter(context, isOwnEngine(cluster, node, "calico"));
  },
};
