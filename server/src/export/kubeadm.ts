/** kubeadm's configuration (kubeadm.k8s.io/v1beta4), kube-proxy's, and a kind cluster: the ranges and programs of a cluster. */
import { formatPrefix } from "../addressing/ip.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, Node } from "../topology/model.ts";
import { type ExportResult, exported, fileOf } from "./exported.ts";
import { rangesText } from "./kubernetes/nodes.ts";
import { ifAny, type PlainRecord, unless, yamlDocuments } from "./objects.ts";

/** cmd/kube-controller-manager: --node-cidr-mask-size-ipv4 and -ipv6. */
const NODE_MASKS = { 4: 24, 6: 64 } as const;
/** cmd/kube-apiserver: --service-node-port-range. */
const NODE_PORTS = "30000-32767";
const DOMAIN = "cluster.local";
/** KubeletConfiguration v1beta1. */
const MAX_PODS = 110;

interface Flag {
  readonly name: string;
  readonly value: string;
}

export function clusterConfiguration(cluster: Cluster): PlainRecord {
  const { podCidrs, serviceCidrs, services, name } = cluster;
  const masks = podCidrs.flatMap(({ prefix, perNode }): readonly Flag[] => {
    const family = typeof prefix.ip === "number" ? 4 : 6;
    return perNode === NODE_MASKS[family] ? [] : [{ name: `node-cidr-mask-size-ipv${family}`, value: String(perNode) }];
  });
  const { first, last } = services.nodePorts;
  const range = unless(`${first}-${last}`, NODE_PORTS);
  return {
    apiVersion: "kubeadm.k8s.io/v1beta4",
    kind: "ClusterConfiguration",
    clusterName: name,
    kubernetesVersion: `v1.${services.kubeProxy.minor}.0`,
    networking: {
      podSubnet: rangesText(podCidrs),
      serviceSubnet: rangesText(serviceCidrs),
      dnsDomain: unless(services.domain, DOMAIN),
    },
    apiServer: range === undefined ? undefined : { extraArgs: [{ name: "service-node-port-range", value: range }] },
    controllerManager:
      masks.length === 0 ? undefined : { extraArgs: masks.map(({ name: flag, value }) => ({ name: flag, value })) },
  };
}

const DETECT = {
  "cluster-cidr": "ClusterCIDR",
  "node-cidr": "NodeCIDR",
  "bridge-interface": "BridgeInterface",
  "interface-name-prefix": "InterfaceNamePrefix",
} as const;
/** The default of iptables.masqueradeBit. */
const MARK_BIT = 14;

/** kubeproxy.config.k8s.io/v1alpha1; an empty mode is iptables on Linux. Undefined without kube-proxy. */
export function kubeProxyConfiguration({ services, podCidrs }: Cluster): PlainRecord | undefined {
  const proxy = services.kubeProxy;
  if (proxy.mode === "none") return undefined;
  const bit = Math.log2(proxy.mark);
  const filter = {
    masqueradeAll: proxy.masqueradeAll ? true : undefined,
    masqueradeBit: unless(bit, MARK_BIT),
  };
  const tables = { ...filter, localhostNodePorts: proxy.localhostNodePorts ? undefined : false };
  const ipvs = { scheduler: unless(proxy.scheduler, "rr"), strictARP: proxy.strictArp ? true : undefined };
  const detect =
    proxy.detectLocal === "bridge-interface"
      ? { bridgeInterface: proxy.detectInterface }
      : proxy.detectLocal === "interface-name-prefix"
        ? { interfaceNamePrefix: proxy.detectInterface }
        : undefined;
  const addresses = proxy.nodePortAddresses === "primary" ? ["primary"] : proxy.nodePortAddresses?.map(formatPrefix);
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: proxy.stated ? proxy.mode : "",
    clusterCIDR: (ifAny(proxy.clusterCidrs) ?? podCidrs.map(({ prefix }) => prefix)).map(formatPrefix).join(","),
    detectLocalMode: unless<string>(DETECT[proxy.detectLocal], "ClusterCIDR"),
    detectLocal: detect,
    // In nftables mode, the primary addresses are the default.
    nodePortAddresses: proxy.mode === "nftables" && addresses?.[0] === "primary" ? undefined : addresses,
    iptables:
      proxy.mode === "iptables"
        ? ifSet(tables)
        : ifSet({ masqueradeBit: proxy.mode === "ipvs" ? filter.masqueradeBit : undefined }),
    nftables: proxy.mode === "nftables" ? ifSet(filter) : undefined,
    ipvs: proxy.mode === "ipvs" ? ifSet(ipvs) : undefined,
  };
}

function ifSet(record: PlainRecord): PlainRecord | undefined {
  return Object.values(record).some((value) => value !== undefined) ? record : undefined;
}

function kubeletConfiguration({ services, maxPods }: Cluster): PlainRecord | undefined {
  const settings = { clusterDomain: unless(services.domain, DOMAIN), maxPods: unless(maxPods, MAX_PODS) };
  return ifSet(settings) && { apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration", ...settings };
}

/** One multi-document file per cluster. */
export function exportKubeadm(clusters: readonly Cluster[]): ExportResult {
  if (clusters.length === 0) return { problem: t`the file has no cluster` };
  const files = clusters.map((cluster) => {
    const documents = [clusterConfiguration(cluster), kubeProxyConfiguration(cluster), kubeletConfiguration(cluster)];
    return fileOf(`${cluster.name}-kubeadm.yaml`, yamlDocuments(documents.filter((one) => one !== undefined)));
  });
  return exported(
    files,
    clusters.flatMap((cluster) => kubeadmLosses(cluster, "kubeadm")),
  );
}

function kubeadmLosses(cluster: Cluster, format: string): readonly string[] {
  const { name, cni, nodes, services, policyEngine } = cluster;
  return [
    t`cluster ${name}: \`cni ${cni.plugin}\` cannot be expressed in ${format}; install it after the cluster`,
    ...(policyEngine === undefined
      ? []
      : [t`cluster ${name}: \`network-policy ${policyEngine.engine}\` cannot be expressed in ${format}`]),
    ...(services.kubeProxy.mode === "none" && format === "kubeadm"
      ? [t`cluster ${name}: \`kube-proxy none\` is the flag --skip-phases=addon/kube-proxy of kubeadm init`]
      : []),
    ...nodes.flatMap((node) => statedRanges(node, format)),
  ];
}

/** kube-controller-manager assigns the nodes' pod CIDRs in order of registration. */
function statedRanges({ path, podCidrs }: Node, format: string): readonly string[] {
  return podCidrs
    .filter(({ allocated }) => !allocated)
    .map(({ prefix }) => t`node ${path}: pod CIDR ${formatPrefix(prefix)} cannot be expressed in ${format}`);
}

/* --------------------------------------------------------------------- kind */

/** kind's own plugin; another one is installed instead of it. */
const OWN_PLUGIN = "kindnet";

/** kind.x-k8s.io/v1alpha4. The first node is the control plane. */
export function exportKind(clusters: readonly Cluster[]): ExportResult {
  if (clusters.length === 0) return { problem: t`the file has no cluster` };
  const files = clusters.map((cluster) => fileOf(`${cluster.name}-kind.yaml`, yamlDocuments([kindCluster(cluster)])));
  return exported(files, clusters.flatMap(kindLosses));
}

function kindCluster(cluster: Cluster): PlainRecord {
  const { name, podCidrs, serviceCidrs, cni, nodes, services } = cluster;
  const families = new Set([...podCidrs, ...serviceCidrs].map(({ prefix }) => typeof prefix.ip));
  const {
    clusterName: _name,
    kubernetesVersion: _version,
    networking: _ranges,
    ...patch
  } = clusterConfiguration(cluster);
  const domain = unless(services.domain, DOMAIN);
  const patches = [
    ...(ifSet({ ...patch, apiVersion: undefined, kind: undefined }) || domain
      ? [{ ...patch, networking: domain === undefined ? undefined : { dnsDomain: domain } }]
      : []),
    kubeletConfiguration(cluster),
  ].filter((one): one is PlainRecord => one !== undefined);
  return {
    apiVersion: "kind.x-k8s.io/v1alpha4",
    kind: "Cluster",
    name,
    networking: {
      ipFamily: families.size > 1 ? "dual" : families.has("bigint") ? "ipv6" : undefined,
      podSubnet: rangesText(podCidrs),
      serviceSubnet: rangesText(serviceCidrs),
      disableDefaultCNI: cni.plugin === OWN_PLUGIN ? undefined : true,
      kubeProxyMode: services.kubeProxy.stated ? services.kubeProxy.mode : undefined,
    },
    nodes: nodes.map(({ labels }, index) => ({
      role: index === 0 ? "control-plane" : "worker",
      labels: labels.size === 0 ? undefined : Object.fromEntries(labels),
    })),
    kubeadmConfigPatches: ifAny(patches.map((one) => yamlDocuments([one]))),
  };
}

function kindLosses(cluster: Cluster): readonly string[] {
  const { cni, nodes } = cluster;
  const plugin = cni.plugin === OWN_PLUGIN ? 1 : 0;
  return [
    ...kubeadmLosses(cluster, "kind").slice(plugin),
    ...nodes.map(
      ({ path }) => t`node ${path}: its name and addresses cannot be expressed in kind; Docker assigns them`,
    ),
  ];
}
