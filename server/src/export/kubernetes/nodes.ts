/** Nodes and namespaces, and the properties of machines that their objects do not have. */
import { formatIp, formatPrefix, hostPrefix, type Ip } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Node, Station, Topology } from "../../topology/model.ts";
import { statementText } from "../exported.ts";
import { ifAny, type KubeItem, labelRecord, type PlainRecord } from "../objects.ts";

export interface NodeOptions {
  /** Annotations of the pod network. */
  readonly annotations: (node: Node) => PlainRecord;
  /** Whether kube-controller-manager assigns the nodes' pod CIDRs. */
  readonly hasPodCidrs: boolean;
}

export function nodeItems(cluster: Cluster, options: NodeOptions): readonly KubeItem[] {
  return cluster.nodes.map((node) => nodeItem(cluster, node, options));
}

function nodeItem(cluster: Cluster, node: Node, { annotations, hasPodCidrs }: NodeOptions): KubeItem {
  const ranges = hasPodCidrs
    ? node.podCidrs.filter(({ borrowed }) => borrowed !== true).map(({ prefix }) => formatPrefix(prefix))
    : [];
  const own = annotations(node);
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: node.name,
      labels: labelRecord(node.labels),
      annotations: Object.keys(own).length === 0 ? undefined : own,
    },
    spec: ranges.length === 0 ? {} : { podCIDR: ranges[0], podCIDRs: ranges },
    status: {
      capacity: { pods: String(cluster.maxPods) },
      addresses: [
        ...nodeAddresses(node).map((ip) => ({ type: "InternalIP", address: formatIp(ip) })),
        ...node.externalIps.map(({ ip }) => ({ type: "ExternalIP", address: formatIp(ip) })),
        { type: "Hostname", address: node.name },
      ],
      nodeInfo: { kubeletVersion: `v1.${cluster.services.kubeProxy.minor}.0` },
    },
  };
}

/** The first address of each family. */
function nodeAddresses({ interfaces }: Node): readonly Ip[] {
  const all = interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
  const first = (kind: "number" | "bigint"): readonly Ip[] => all.filter((ip) => typeof ip === kind).slice(0, 1);
  return [...first("number"), ...first("bigint")];
}

/** Also `default`, as in a dump: the order of the namespaces is the order of their objects. */
export function namespaceItems({ namespaces, workloads, services, policies }: Cluster): readonly KubeItem[] {
  const labels = new Map(namespaces.map((one) => [one.name, one.labels]));
  const names = [
    ...namespaces.map(({ name }) => name),
    ...workloads.map(({ namespace }) => namespace),
    ...services.all.map(({ namespace }) => namespace),
    ...policies.flatMap(({ namespace }) => namespace ?? []),
  ];
  return [...new Set(names)].map((name): KubeItem => {
    const own = labels.get(name);
    return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: own && labelRecord(own) } };
  });
}

/* ------------------------------------------------------------------- losses */

/** A Node object has no prefix length: /24 and /64 are the assumptions of `knet import`. */
export function fabricLosses({ segments, routers, hosts, expectations }: Topology, format: string): readonly string[] {
  return [
    ...[...segments.values()].map(({ name }) => t`segment ${name}: cannot be expressed in ${format}`),
    ...routers.map(({ name }) => t`router ${name}: cannot be expressed in ${format}`),
    ...hosts.map(({ name }) => t`host ${name}: cannot be expressed in ${format}`),
    ...expectations.map(({ source }) => t`\`${statementText(source)}\`: cannot be expressed in ${format}`),
  ];
}

export function nodeLosses({ nodes }: Cluster, format: string): readonly string[] {
  return nodes.flatMap((node) => {
    const [, ...further] = node.interfaces;
    const settings = [
      ...further.map(({ device, segment }) => t`interface ${device} on segment \`${segment}\``),
      ...stationSettings(node),
      ...(node.dockerBridge ? ["`docker-bridge`"] : []),
    ];
    return settings.map((one) => t`node ${node.path}: ${one} cannot be expressed in ${format}`);
  });
}

function stationSettings({
  routes,
  acl,
  sysctls,
  processes,
  edge,
  firewall,
  policyRouting,
}: Station): readonly string[] {
  const { forwardPolicy, inputPolicy, stateful, clampMss } = firewall ?? {};
  const chains = [forwardPolicy?.source, inputPolicy?.source, stateful, clampMss?.source];
  const sources = [
    ...(policyRouting?.rules ?? []).map(({ source }) => source),
    ...(policyRouting?.routes ?? []).map(({ source }) => source),
    ...chains.filter((source) => source !== undefined),
    ...routes.filter(({ implied }) => !implied).map(({ source }) => source),
    ...acl.map(({ source }) => source),
    ...[...sysctls.values()].map(({ source }) => source),
    ...processes.map(({ source }) => source),
    ...(edge?.nat ?? []).map(({ source }) => source),
  ];
  const loopbacks = edge?.loopbacks.map(({ ip }) => `loopback ${formatPrefix(hostPrefix(ip))}`) ?? [];
  return [...new Set([...sources.map(statementText), ...loopbacks])].map((text) => `\`${text}\``);
}

/** Undefined for an empty list. */
export function rangesText(
  ranges: readonly { readonly prefix: Parameters<typeof formatPrefix>[0] }[],
): string | undefined {
  return ifAny(ranges.map(({ prefix }) => formatPrefix(prefix)))?.join(",");
}
