/** A cluster as all of its Kubernetes objects, with the objects that show its pod network: `knet import` reads the same cluster. */

import { formatPrefix } from "../../addressing/ip.ts";
import { modeAddressing } from "../../cni/modes.ts";
import { buildNetwork } from "../../cni/network.ts";
import { withoutPolicies } from "../../kubernetes/contribute.ts";
import { unmetExpectations } from "../../questions/intent/proof.ts";
import { replacePolicies, synthesize } from "../../questions/intent/synthesis.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Topology } from "../../topology/model.ts";
import { type Exported, type ExportInput, type ExportResult, exported } from "../exported.ts";
import { clusterConfiguration, kubeProxyConfiguration } from "../kubeadm.ts";
import { type KubeItem, type PlainRecord, yamlDocuments, yamlText } from "../objects.ts";
import { pluginConfig } from "../plugins/index.ts";
import { agentItem } from "./agents.ts";
import { fabricLosses, namespaceItems, nodeItems, nodeLosses } from "./nodes.ts";
import { policyItems } from "./policies.ts";
import { serviceItems } from "./services.ts";
import { agentContainer, isAgent, workloadItems } from "./workloads.ts";

/** One file per cluster. */
export function exportKubernetes(topology: Topology): ExportResult {
  const { clusters } = topology;
  if (clusters.length === 0) return { problem: t`the file has no cluster` };
  const format = t`Kubernetes objects`;
  const losses: string[] = [...fabricLosses(topology, format)];
  const files = clusters.map((cluster) => {
    const { items, losses: own } = clusterItems(cluster, topology.routers);
    losses.push(...nodeLosses(cluster, format), ...own);
    return { name: `${cluster.name}.yaml`, text: () => yamlDocuments(items()) };
  });
  return exported(files, losses);
}

/**
 * All policies of the file; without policies, or if `fromExpectations` is set, the policies that its expectations need.
 * Namespaced objects of several clusters can have the same name, so they are separate files.
 */
export function exportPolicies(input: ExportInput): ExportResult {
  const own = input.topology.clusters.filter(({ policies }) => policies.length > 0);
  return own.length === 0 || input.fromExpectations === true ? exportIntent(input) : policyFiles(own);
}

/** Each expectation is evaluated again with the new policies. */
function exportIntent({ topology }: ExportInput): ExportResult {
  if (topology.expectations.length === 0)
    return { problem: t`the file has no policies, and no expectations to derive policies from` };
  const open = { topology, network: buildNetwork(topology, withoutPolicies()) };
  const synthesis = synthesize(open, topology.expectations);
  if (synthesis.policies.size === 0)
    return { problem: t`no expectation of the file names a pod: no policies can be derived` };
  const result = policyFiles(
    replacePolicies(topology, synthesis).clusters.filter(({ policies }) => policies.length > 0),
  );
  const unmet = unmetExpectations(open, synthesis);
  return { ...result, losses: [...synthesis.notes, ...unmet, ...result.losses] };
}

function policyFiles(own: readonly Cluster[]): Exported {
  const losses: string[] = [];
  const files = own.map((cluster) => {
    const found = policyItems(cluster);
    losses.push(...found.losses);
    return { name: `${cluster.name}-policies.yaml`, text: () => yamlDocuments(found.items) };
  });
  return exported(files, losses);
}

interface ClusterItems {
  readonly items: () => readonly KubeItem[];
  readonly losses: readonly string[];
}

function clusterItems(cluster: Cluster, routers: Topology["routers"]): ClusterItems {
  const plugin = pluginConfig(cluster);
  const services = serviceItems(cluster, routers);
  const policies = policyItems(cluster);
  const workloads = workloadItems(cluster, plugin.agents);
  const missing = plugin.agents.filter(
    (one) => !one.isImplied && !cluster.workloads.some((workload) => isAgent(workload, one)),
  );
  const hasPodCidrs =
    modeAddressing(cluster.cni, cluster.podCidrs, undefined).claims === undefined && isPerNode(cluster);
  return {
    items: () => [
      ...configItems(cluster),
      ...plugin.items,
      ...nodeItems(cluster, { annotations: plugin.annotations, hasPodCidrs }),
      ...namespaceItems(cluster),
      ...workloads.items,
      ...services.items,
      ...policies.items,
      ...missing.map((one) => agentItem(one, agentContainer(one))),
    ],
    losses: [...proxyLosses(cluster), ...plugin.losses, ...workloads.losses, ...services.losses, ...policies.losses],
  };
}

/** No object states that kube-proxy does not run. */
function proxyLosses({ name, services }: Cluster): readonly string[] {
  return services.kubeProxy.mode === "none"
    ? [t`cluster ${name}: \`kube-proxy none\` cannot be expressed in ${t`Kubernetes objects`}`]
    : [];
}

/** Whether the nodes' ranges are podCIDRs of the cluster's pod CIDR: not parts of a segment or of the plugin's own range. */
function isPerNode({ cni, podCidrs }: Cluster): boolean {
  const { nodeRanges, fromSegment, shared } = modeAddressing(cni, podCidrs, undefined);
  if (fromSegment !== undefined || (shared ?? []).length > 0) return false;
  const stated = new Set(podCidrs.map(({ prefix }) => formatPrefix(prefix)));
  return nodeRanges.every(({ within, sameForAll }) => !sameForAll && stated.has(formatPrefix(within)));
}

/** The ranges: kubeadm's and kube-proxy's configuration as in a running cluster, and the service CIDR (Kubernetes 1.33). */
function configItems(cluster: Cluster): readonly KubeItem[] {
  const proxy = kubeProxyConfiguration(cluster);
  const cidrs = cluster.serviceCidrs.map(({ prefix }) => formatPrefix(prefix));
  return [
    configMap("kubeadm-config", "ClusterConfiguration", clusterConfiguration(cluster)),
    ...(proxy ? [configMap("kube-proxy", "config.conf", proxy)] : []),
    ...(cidrs.length === 0
      ? []
      : [
          {
            apiVersion: "networking.k8s.io/v1",
            kind: "ServiceCIDR",
            metadata: { name: "kubernetes" },
            spec: { cidrs },
          },
        ]),
  ];
}

function configMap(name: string, key: string, value: PlainRecord): KubeItem {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "kube-system" },
    data: { [key]: yamlText(value) },
  };
}
