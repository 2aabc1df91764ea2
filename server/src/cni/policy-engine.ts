/** Who enforces network policies: what the file says, else what the plugin brings along. */
import type { Cluster, Node } from "../topology/model.ts";
import { pluginOf } from "./settings.ts";

export type PolicyEngine = "none" | "calico" | "kube-router" | "kindnet" | "weave";

/** Plugins with an engine of their own (facts of their manifests): the others accept policies and do nothing. */
const OWN: Readonly<Record<string, PolicyEngine>> = {
  calico: "calico",
  "kube-router": "kube-router",
  kindnet: "kindnet",
  weave: "weave",
};

export function policyEngineOf(cluster: Cluster, node: Node): PolicyEngine {
  switch (cluster.policyEngine?.engine) {
    case "none":
      return "none";
    case "calico":
      return "calico";
    case "kube-router":
      return "kube-router";
    case "kindnet":
      return "kindnet";
    case "weave":
      return "weave";
    default:
      return OWN[pluginOf(cluster, node)] ?? "none";
  }
}

/** Does the plugin itself run this engine, with the chains around it? */
export function isOwnEngine(cluster: Cluster, node: Node, engine: PolicyEngine): boolean {
  return OWN[pluginOf(cluster, node)] === engine;
}
