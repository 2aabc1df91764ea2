/**
 * Cilium Helm values and cilium-config for the ranges and the routing of a cluster with any plugin. Names and defaults:
 * install/kubernetes/cilium/values.yaml, pkg/option/config.go, pkg/defaults/defaults.go.
 */
import { formatPrefix, type Prefix } from "../../addressing/ip.ts";
import { calicoSettings } from "../../cni/calico/settings.ts";
import { flannelSettings } from "../../cni/flannel/settings.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";
import { type ExportResult, exported, fileName, fileOf } from "../exported.ts";
import { type KubeItem, type PlainRecord, yamlDocuments, yamlText } from "../objects.ts";

/** How packets between nodes are routed. `isDirect`: with a route to each node on the same segment. */
type Routing =
  | { readonly mode: "tunnel"; readonly port: number | undefined; readonly losses: readonly string[] }
  | { readonly mode: "native"; readonly isDirect: boolean; readonly losses: readonly string[] };

export function exportCilium(clusters: readonly Cluster[]): ExportResult {
  if (clusters.length === 0) return { problem: t`the file has no cluster` };
  const nameOf = (cluster: Cluster, name: string): string =>
    clusters.length === 1 ? name : `${fileName(cluster.name)}-${name}`;
  const made = clusters.map((cluster) => ({ cluster, routing: routingOf(cluster) }));
  return exported(
    made.map(({ cluster, routing }) => fileOf(nameOf(cluster, "values.yaml"), yamlText(values(cluster, routing)))),
    made.flatMap(({ cluster, routing }) => [...routing.losses, ...otherLosses(cluster)]),
    made.map(({ cluster, routing }) =>
      fileOf(nameOf(cluster, "cilium-config.yaml"), yamlDocuments([ciliumConfig(cluster, routing)])),
    ),
  );
}

/** The default of cilium's tunnel port for VXLAN. */
const VXLAN_PORT = 8472;

function routingOf(cluster: Cluster): Routing {
  const { name, cni, podCidrs } = cluster;
  const differs = (what: string, instead: string): string =>
    t`cluster ${name}: ${what} cannot be expressed in Cilium; ${instead} is used`;
  const tunnel = (port: number | undefined, losses: readonly string[] = []): Routing => ({
    mode: "tunnel",
    port,
    losses,
  });
  const native = (isDirect: boolean, losses: readonly string[] = []): Routing => ({ mode: "native", isDirect, losses });
  const toTunnel = (what: string): Routing => tunnel(undefined, [differs(what, t`a VXLAN tunnel`)]);
  switch (cni.plugin) {
    case "flannel": {
      const { backend } = flannelSettings(cni, undefined, podCidrs);
      if (backend.type === "host-gw") return native(true);
      if (backend.type !== "vxlan") return toTunnel(`\`backend ${backend.type}\``);
      const losses = [
        ...(backend.directRouting ? [differs("`direct-routing true`", t`a tunnel between all nodes`)] : []),
        ...(backend.vni === 1 ? [] : [differs(`\`vni ${backend.vni}\``, t`the identity of the sender`)]),
      ];
      return tunnel(backend.port === VXLAN_PORT ? undefined : backend.port, losses);
    }
    case "calico": {
      const { pools } = calicoSettings(cni, podCidrs);
      if (pools.some(({ ipip }) => ipip !== "never")) return toTunnel("`ipip`");
      const vxlan = pools.find((pool) => pool.vxlan !== "never");
      if (vxlan === undefined) return native(false);
      return tunnel(
        4789,
        vxlan.vxlan === "cross-subnet" ? [differs("`vxlan cross-subnet`", t`a tunnel between all nodes`)] : [],
      );
    }
    case "bridge":
    case "kindnet":
    case "kubenet":
      return native(true);
    case "aws-vpc":
    case "azure":
    case "gke":
      return native(false, [
        t`cluster ${name}: pod addresses of \`cni ${cni.plugin}\` are assigned by the cloud: set \`ipam.mode\` for this cloud`,
      ]);
    default:
      return toTunnel(`\`cni ${cni.plugin}\``);
  }
}

function otherLosses({ name, nodes, policyEngine, maxPods }: Cluster): readonly string[] {
  const own = nodes.filter(({ cni }) => cni !== undefined).map(({ path }) => path);
  const stated = nodes.filter(({ podCidrs }) => podCidrs.some(({ allocated }) => !allocated)).map(({ path }) => path);
  return [
    ...(own.length === 0 ? [] : [t`cluster ${name}: the \`cni\` blocks of ${list(own)} cannot be expressed in Cilium`]),
    ...(stated.length === 0
      ? []
      : [
          t`cluster ${name}: the pod CIDRs of ${list(stated)} are not values of Cilium; \`ipam.mode kubernetes\` uses the CIDRs of the Node objects`,
        ]),
    ...(policyEngine === undefined
      ? []
      : [
          t`cluster ${name}: \`network-policy ${policyEngine.engine}\` is not exported, because Cilium enforces policies itself`,
        ]),
    ...(maxPods === 110 ? [] : [t`cluster ${name}: \`max-pods ${maxPods}\` is a setting of kubelet, not of Cilium`]),
  ];
}

interface Ranges {
  readonly v4: readonly { readonly prefix: Prefix; readonly perNode: number }[];
  readonly v6: readonly { readonly prefix: Prefix; readonly perNode: number }[];
}

function rangesOf({ podCidrs }: Cluster): Ranges {
  return {
    v4: podCidrs.filter(({ prefix }) => typeof prefix.ip === "number"),
    v6: podCidrs.filter(({ prefix }) => typeof prefix.ip === "bigint"),
  };
}

/** Whether the pod CIDRs of Node objects are used: some are set in the file. */
function usesNodeCidrs({ nodes }: Cluster): boolean {
  return nodes.some(({ podCidrs }) => podCidrs.some(({ allocated }) => !allocated));
}

function values(cluster: Cluster, routing: Routing): PlainRecord {
  const { v4, v6 } = rangesOf(cluster);
  const operator = {
    clusterPoolIPv4PodCIDRList: v4.map(({ prefix }) => formatPrefix(prefix)),
    clusterPoolIPv4MaskSize: v4[0]?.perNode,
    clusterPoolIPv6PodCIDRList: v6.length === 0 ? undefined : v6.map(({ prefix }) => formatPrefix(prefix)),
    clusterPoolIPv6MaskSize: v6[0]?.perNode,
  };
  const isNative = routing.mode === "native";
  const proxy = cluster.services.kubeProxy;
  return {
    cluster: { name: cluster.name },
    ipam:
      usesNodeCidrs(cluster) || v4.length + v6.length === 0
        ? { mode: "kubernetes" }
        : { mode: "cluster-pool", operator },
    ipv4: { enabled: v4.length > 0 || v6.length === 0 },
    ipv6: { enabled: v6.length > 0 },
    routingMode: routing.mode,
    tunnelProtocol: isNative ? undefined : "vxlan",
    tunnelPort: isNative ? undefined : routing.port,
    autoDirectNodeRoutes: isNative && routing.isDirect ? true : undefined,
    ipv4NativeRoutingCIDR: isNative && v4[0] ? formatPrefix(v4[0].prefix) : undefined,
    ipv6NativeRoutingCIDR: isNative && v6[0] ? formatPrefix(v6[0].prefix) : undefined,
    kubeProxyReplacement: proxy.mode === "none",
    nodePort: nodePortValues(cluster),
  };
}

function nodePortValues({ services }: Cluster): PlainRecord | undefined {
  const { first, last } = services.nodePorts;
  return first === 30000 && last === 32767 ? undefined : { range: `${first},${last}` };
}

/** All values of the ConfigMap are strings; lists are separated by spaces. */
function ciliumConfig(cluster: Cluster, routing: Routing): KubeItem {
  const { v4, v6 } = rangesOf(cluster);
  const isPool = !usesNodeCidrs(cluster) && v4.length + v6.length > 0;
  const isNative = routing.mode === "native";
  const text = (value: number | undefined): string | undefined => (value === undefined ? undefined : String(value));
  const join = (ranges: Ranges["v4"]): string | undefined =>
    isPool && ranges.length > 0 ? ranges.map(({ prefix }) => formatPrefix(prefix)).join(" ") : undefined;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "cilium-config", namespace: "kube-system" },
    data: {
      "cluster-name": cluster.name,
      ipam: isPool ? "cluster-pool" : "kubernetes",
      "cluster-pool-ipv4-cidr": join(v4),
      "cluster-pool-ipv4-mask-size": isPool ? text(v4[0]?.perNode) : undefined,
      "cluster-pool-ipv6-cidr": join(v6),
      "cluster-pool-ipv6-mask-size": isPool ? text(v6[0]?.perNode) : undefined,
      "enable-ipv4": String(v4.length > 0 || v6.length === 0),
      "enable-ipv6": String(v6.length > 0),
      "routing-mode": routing.mode,
      "tunnel-protocol": isNative ? undefined : "vxlan",
      "tunnel-port": isNative ? undefined : text(routing.port),
      "auto-direct-node-routes": isNative ? String(routing.isDirect) : undefined,
      "ipv4-native-routing-cidr": isNative && v4[0] ? formatPrefix(v4[0].prefix) : undefined,
      "ipv6-native-routing-cidr": isNative && v6[0] ? formatPrefix(v6[0].prefix) : undefined,
      "kube-proxy-replacement": String(cluster.services.kubeProxy.mode === "none"),
    },
  };
}
