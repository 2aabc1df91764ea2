/**
 * The kind of objects that do not state it, from the path of their file: items of an OpenShift Insights archive
 * (`config/pod/NAMESPACE/POD.json`), bare arrays of support bundles (`cluster-resources/pods/NAMESPACE.json`), and
 * `GROUP_VERSION_RESOURCE.json` of sonobuoy.
 */

export interface Implied {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
}

/** By the resource's name in the API, and by the names that the tools use. */
const RESOURCES: Readonly<Record<string, readonly [kind: string, apiVersion: string]>> = {
  node: ["Node", "v1"],
  nodes: ["Node", "v1"],
  namespaces: ["Namespace", "v1"],
  pod: ["Pod", "v1"],
  pods: ["Pod", "v1"],
  services: ["Service", "v1"],
  endpoints: ["Endpoints", "v1"],
  endpointslices: ["EndpointSlice", "discovery.k8s.io/v1"],
  configmaps: ["ConfigMap", "v1"],
  secrets: ["Secret", "v1"],
  deployments: ["Deployment", "apps/v1"],
  statefulsets: ["StatefulSet", "apps/v1"],
  daemonsets: ["DaemonSet", "apps/v1"],
  replicasets: ["ReplicaSet", "apps/v1"],
  jobs: ["Job", "batch/v1"],
  cronjobs: ["CronJob", "batch/v1"],
  ingress: ["Ingress", "networking.k8s.io/v1"],
  ingresses: ["Ingress", "networking.k8s.io/v1"],
  "network-policy": ["NetworkPolicy", "networking.k8s.io/v1"],
  networkpolicies: ["NetworkPolicy", "networking.k8s.io/v1"],
};

/** The name of the file decides, then the folders around it, innermost first. */
export function impliedBy(file: string): Implied {
  const parts = file.replace(/\.(?:json|ya?ml)$/i, "").split(/[/\\]/);
  const words = [parts.at(-1)?.split("_").at(-1) ?? "", ...parts.slice(0, -1).reverse().slice(0, 3)];
  for (const word of words) {
    const found = Object.hasOwn(RESOURCES, word) ? RESOURCES[word] : undefined;
    if (found) return { kind: found[0], apiVersion: found[1] };
  }
  return {};
}
