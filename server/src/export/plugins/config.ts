/** The configuration of a pod network as Kubernetes objects. */
import type { Node } from "../../topology/model.ts";
import type { Agent } from "../kubernetes/agents.ts";
import type { KubeItem, PlainRecord } from "../objects.ts";

export interface PluginConfig {
  readonly agents: readonly Agent[];
  readonly items: readonly KubeItem[];
  readonly annotations: (node: Node) => PlainRecord;
  readonly losses: readonly string[];
}
