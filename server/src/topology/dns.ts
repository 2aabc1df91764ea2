/**
 * Names in the cluster's DNS (kubernetes/dns docs/specification.md; CoreDNS, plugin kubernetes). Each resolves to a
 * service or a pod of the topology:
 *
 *     api.shop.svc.cluster.local            a service: its ClusterIP, or the addresses of its pods if it is headless
 *     db-0.db.shop.svc.cluster.local        a pod of a headless service
 *     10-244-1-5.shop.pod.cluster.local     a pod by its address
 *
 * Pods try the search domains first, so `api`, `api.shop`, and `api.shop.svc` resolve to the same service.
 */
import { formatIp, parseIp } from "../addressing/ip.ts";
import type { Cluster, Pod, Service } from "./model.ts";

export type DnsName =
  | { readonly kind: "service"; readonly name: string; readonly cluster: Cluster; readonly service: Service }
  | {
      readonly kind: "pod";
      readonly name: string;
      readonly cluster: Cluster;
      readonly pod: Pod;
      /** The headless service that gives the pod its name; undefined: the name is derived from the pod's address. */
      readonly behind: Service | undefined;
    };

/** `text`: at least two labels, complete or to be completed by a pod's search domains. */
export function dnsNames(clusters: readonly Cluster[], text: string): readonly DnsName[] {
  const labels = text.replace(/\.$/, "").split(".");
  if (labels.length < 2 || labels.some((label) => !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9])?$/i.test(label))) return [];
  return clusters.flatMap((cluster) => nameIn(cluster, labels) ?? []);
}

function nameIn(cluster: Cluster, labels: readonly string[]): DnsName | undefined {
  const domain = cluster.services.domain.split(".");
  // "svc" and the domain can be omitted, starting at the end.
  const kinds = ["svc", "pod"] as const;
  for (const kind of kinds) {
    const tail = [kind, ...domain];
    for (let left = tail.length; left >= (kind === "svc" ? 0 : 1); left--) {
      const given = labels.slice(labels.length - left);
      if (left > 0 && !given.every((label, i) => label === tail[i])) continue;
      const front = labels.slice(0, labels.length - left);
      const found = kind === "svc" ? serviceOrPod(cluster, front, tail) : podByAddress(cluster, front, tail);
      if (found) return found;
    }
  }
  return undefined;
}

function serviceOrPod(cluster: Cluster, front: readonly string[], tail: readonly string[]): DnsName | undefined {
  const [a = "", b = "", c = ""] = front;
  const name = [...front, ...tail].join(".");
  if (front.length === 2) {
    const service = cluster.services.byName(b, a);
    return service && { kind: "service", name, cluster, service };
  }
  if (front.length !== 3) return undefined;
  // Only pods of a headless service have DNS names (hostname and subdomain; StatefulSets set both).
  const service = cluster.services.byName(c, b);
  const pod = service?.type === "headless" ? cluster.pods.podByName(c, a) : undefined;
  return pod && { kind: "pod", name, cluster, pod, behind: service };
}

function podByAddress(cluster: Cluster, front: readonly string[], tail: readonly string[]): DnsName | undefined {
  const [dashed = "", namespace = ""] = front;
  if (front.length !== 2) return undefined;
  const ip = parseIp(dashed.replaceAll("-", ".")) ?? parseIp(dashed.replaceAll("-", ":"));
  const pod =
    ip === undefined ? undefined : cluster.pods.podsByAddress(ip).find((one) => one.workload.namespace === namespace);
  return pod && { kind: "pod", name: [...front, ...tail].join("."), cluster, pod, behind: undefined };
}

/** The service that pods use as name server: `kube-dns` in kubeadm and in all installers. */
export function nameServer(cluster: Cluster): Service | undefined {
  return cluster.services.byName("kube-system", "kube-dns");
}

/** The name server that a pod queries: the path of the DNS service, or an address. Undefined: the file does not declare one. */
export function resolverOf(cluster: Cluster, wanted: 4 | 6 | undefined): string | undefined {
  const { servers } = cluster.dns;
  const stated = servers.find(({ ip }) => wanted === undefined || typeof ip === (wanted === 4 ? "number" : "bigint"));
  return stated === undefined ? nameServer(cluster)?.path : formatIp(stated.ip);
}

/** The names that a pod's resolver queries in turn until one resolves (resolv.conf: ndots:5, three search domains). */
export function searched(cluster: Cluster, namespace: string, text: string): readonly string[] {
  const { domain } = cluster.services;
  if (text.endsWith(".")) return [text.slice(0, -1)];
  const completed = [`${namespace}.svc.${domain}`, `svc.${domain}`, domain].map((suffix) => `${text}.${suffix}`);
  return text.split(".").length > NDOTS ? [text, ...completed] : [...completed, text];
}

/** `options ndots:5`: names with fewer dots are tried with the search domains first. */
const NDOTS = 5;

/** A service's full name: "api.shop.svc.cluster.local". */
export function serviceName(cluster: Cluster, { name, namespace }: Service): string {
  return `${name}.${namespace}.svc.${cluster.services.domain}`;
}

/** The service with this full name, as in a CNAME: no search domain completes it. */
export function serviceNamed(cluster: Cluster, name: string): Service | undefined {
  const found = nameIn(cluster, name.split("."));
  return found?.kind === "service" && found.name === name ? found.service : undefined;
}
