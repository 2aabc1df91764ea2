/** DaemonSets of pod networks: their arguments and environment show the plugin and its settings. */
import { type KubeItem, labelRecord } from "../objects.ts";

export interface Agent {
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly (readonly [string, string])[];
  /** Whether other objects also show the plugin: then the DaemonSet is only exported if the file declares it. */
  readonly isImplied: boolean;
}

export function agent(
  base: Pick<Agent, "namespace" | "name" | "container" | "image">,
  more: Partial<Pick<Agent, "args" | "env" | "isImplied">> = {},
): Agent {
  return { args: [], env: [], isImplied: false, ...base, ...more };
}

/** A DaemonSet that is not declared as a workload. `container`: as in its template. */
export function agentItem({ namespace, name }: Agent, container: KubeItem["spec"]): KubeItem {
  const labels = labelRecord(new Map([["app", name]]));
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { hostNetwork: true, containers: [container ?? {}] } },
    },
  };
}
