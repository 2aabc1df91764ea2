/** Recognizes files of installers that are not objects of Kubernetes: without a name, or without a kind. */
import { at, isRecord, type Json, textAt } from "../../text/json.ts";

/** The fields of an object; without `name`, the name of the file is used. */
export interface Shape {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string | undefined;
}

/** Kinds of files without `kind`. */
export const K3S = "k3s configuration";
export const KUBESPRAY = "kubespray variables";
export const INVENTORY = "Ansible inventory";
export const TALOS = "Talos machine configuration";

/** Kinds whose objects have no `metadata.name`. */
const NAMELESS: ReadonlySet<string> = new Set([
  "ClusterConfiguration",
  "InitConfiguration",
  "JoinConfiguration",
  "KubeProxyConfiguration",
  "KubeletConfiguration",
  "Cluster",
  "KubeNetworkConfig",
  "KubeFlannelCNIConfig",
]);

/** Keys that only config.yaml of k3s and RKE2 has; the names are flags of `k3s server` (pkg/cli/cmds/server.go). */
const K3S_KEYS = [
  "cluster-cidr",
  "service-cidr",
  "cluster-dns",
  "flannel-backend",
  "flannel-iface",
  "disable-network-policy",
  "disable-kube-proxy",
  "write-kubeconfig-mode",
  "cluster-init",
];

/** Variables in inventory/sample/group_vars/k8s_cluster of kubespray. */
const KUBESPRAY_KEYS =
  /^(?:kube_(?:pods_subnet|network_plugin|service_addresses|proxy_mode|network_node_prefix)|calico_(?:vxlan_mode|ipip_mode|network_backend|pool_blocksize|mtu)|flannel_backend_type|flannel_interface)$/;

/** Undefined for everything else. */
export function shapeOf(value: Json): Shape | undefined {
  const kind = textAt(value, "kind");
  if (kind !== undefined) {
    if (!NAMELESS.has(kind)) return undefined;
    return { apiVersion: textAt(value, "apiVersion") ?? "", kind, name: textAt(value, "name") ?? kind };
  }
  if (!isRecord(value)) return undefined;
  const keys = Object.keys(value);
  if (textAt(value, "version") === "v1alpha1" && isRecord(at(value, "machine"))) return shape(TALOS);
  if (keys.some((key) => KUBESPRAY_KEYS.test(key))) return shape(KUBESPRAY);
  if (isRecord(at(value, "all", "hosts")) || isRecord(at(value, "all", "children", "k8s_cluster")))
    return shape(INVENTORY);
  return keys.some((key) => K3S_KEYS.includes(key)) ? shape(K3S) : undefined;
}

function shape(kind: string): Shape {
  return { apiVersion: "", kind, name: undefined };
}
