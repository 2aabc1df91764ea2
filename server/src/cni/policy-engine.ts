/** The engine that enforces network policies: the one set in the file, else the engine that the plugin includes. */
import type { Cluster, Node } from "../topology/model.ts";
import { pluginOf } from "./settings.ts";

export type PolicyEngine = "none" | "calico" | "kube-router" | "kindnet" | "weave";

/** Plugins with a built-in engine (from their manifests). The remaining plugins accept policies without any effect. */
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

/** Whether the plugin itself runs this engine, including the surrounding chains. */
export function isOwnEngine(cluster: Cluster, node: Node, engine: PolicyEngine): boolean {
  return OWN[pluginOf(cluster, node)] === engine;
}
