/** The rules that enforce policies on a node, by policy engine. None for a cluster without policies. */
import type { Contributor } from "../../../cni/contributor.ts";
import type { ChainSource } from "../../../cni/mode.ts";
import { isOwnEngine, type PolicyEngine, policyEngineOf } from "../../../cni/policy-engine.ts";
import type { Policy } from "../../../topology/policy.ts";
import { policySetOf } from "../evaluate.ts";
import { calicoAfter, calicoBefore } from "./calico.ts";
import { kindnetSource } from "./kindnet.ts";
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

const NO_CHAINS: ChainSource = { chain: () => undefined, chains: () => [] };

export const policyContributor: Contributor = {
  before(node, cluster, parts) {
    if (cluster.policies.length === 0) return [];
    const engine = policyEngineOf(cluster, node);
    const context = { cluster, node, parts, set: policySetOf(cluster, KNOWN_KINDS[engine]), sets: new Map() };
    switch (engine) {
      case "none":
      case "kindnet":
        return [];
      case "calico":
        return calicoBefore(context, isOwnEngine(cluster, node, engine));
      case "kube-router":
        return kubeRouterBefore(context);
      case "weave":
        return weaveBefore(context);
    }
  },
  chains(node, cluster, parts) {
    if (cluster.policies.length === 0 || policyEngineOf(cluster, node) !== "kindnet") return NO_CHAINS;
    return kindnetSource({ cluster, node, parts, set: policySetOf(cluster, KNOWN_KINDS.kindnet), sets: new Map() });
  },
  after(node, cluster, parts) {
    if (cluster.policies.length === 0 || policyEngineOf(cluster, node) !== "calico") return [];
    const context = { cluster, node, parts, set: policySetOf(cluster, KNOWN_KINDS.calico), sets: new Map() };
    return calicoAfter(context, isOwnEngine(cluster, node, "calico"));
  },
};
