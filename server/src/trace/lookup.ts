/**
 * The DNS query before a packet to a name. A pod queries the DNS service of the cluster over UDP. The query is handled like
 * any packet to a service: DNAT, forwarding, network policies. Only packets are simulated; CoreDNS is assumed to return the
 * correct answer.
 */
import { type Family, formatIp } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import type { Network } from "../dataplane/model.ts";
import { t } from "../text/l10n.ts";
import { type DnsName, dnsNames, resolverOf, searched } from "../topology/dns.ts";
import type { Cluster, Pod, Topology } from "../topology/model.ts";
import { aimAt, journeysTo } from "./aim.ts";
import type { Endpoint } from "./endpoints.ts";

export interface Lookup {
  /** The fully qualified name that resolves. */
  readonly name: string;
  /** The names that the pod's resolver queries, in order; the last one resolves. */
  readonly asked: readonly string[];
  readonly answers: readonly string[];
  /** The path or address of the name server. Undefined if the file does not declare one; no query is simulated then. */
  readonly server: string | undefined;
  /** Journeys of the query and its answer, one per endpoint of the DNS service. */
  readonly journeys: readonly Journey[];
}

/** Differs from the source port of the traced packet. */
const SOURCE_PORT = 40001;
const DNS_PORT = 53;

/** Undefined if the text is a path or an address; an error message if the sender cannot resolve the name. */
export function lookupOf(
  world: { readonly topology: Topology; readonly network: Network },
  text: string,
  sender: Endpoint,
  wanted: Family | undefined,
): Lookup | string | undefined {
  const { topology, network } = world;
  if (text.includes("/") || !text.includes(".")) return undefined;
  const names = dnsNames(topology.clusters, text);
  if (names.length === 0) return undefined;
  const asking = podOf(topology, sender);
  if (!asking) {
    const [name] = names;
    const path = name?.kind === "service" ? name.service.path : (name?.pod.path ?? text);
    return t`${sender.path} does not use the cluster DNS, which alone resolves ${text}; write ${path}`;
  }
  const found = names.find(({ cluster }) => cluster === asking.cluster);
  if (!found)
    return t`${text} belongs to cluster ${names[0]?.cluster.name ?? ""}; the DNS of cluster ${asking.cluster.name} cannot resolve it`;
  const all = searched(asking.cluster, asking.pod.workload.namespace, text);
  const asked = all.slice(0, all.indexOf(found.name) + 1);
  const server = resolverOf(asking.cluster, wanted);
  const base = { name: found.name, asked, answers: answersOf(found), server };
  if (!server) return { ...base, journeys: [] };
  const aim = aimAt(topology, server, sender, DNS_PORT, wanted);
  if (!aim.ok) return t`${sender.path} cannot query DNS: ${aim.error}`;
  const question = { from: sender.netns, src: undefined, proto: "udp", sport: SOURCE_PORT, dport: DNS_PORT } as const;
  return { ...base, journeys: journeysTo(network, { ...question, size: undefined, df: false }, aim.targets) };
}

/** Resolvers retry and then use a different endpoint: the lookup fails only if no endpoint replies. */
export function isAnswered({ server, journeys }: Lookup): boolean {
  return (
    server === undefined ||
    journeys.some(({ verdict, reply }) => verdict === "delivered" && reply?.verdict === "delivered")
  );
}

/** The sending pod. Pods with `hostNetwork` use the node's name server by default (dnsPolicy) and are not included. */
function podOf(topology: Topology, { netns }: Endpoint): { readonly cluster: Cluster; readonly pod: Pod } | undefined {
  const [clusterName, namespace = "", name = ""] = netns.split("/");
  const cluster = topology.clusters.find((one) => one.name === clusterName);
  const pod = cluster?.pods.podByName(namespace, name);
  return cluster && pod && { cluster, pod };
}

/** The DNS answer: addresses or a CNAME. */
export function answersOf(found: DnsName): readonly string[] {
  if (found.kind === "pod") return found.pod.addresses.map(formatIp);
  const { cluster, service } = found;
  if (service.type === "external-name") return [`CNAME ${service.externalName ?? ""}`];
  if (service.type !== "headless") return service.clusterIps.map(formatIp);
  const [port] = service.ports;
  const ips = ([4, 6] as const).flatMap((of) => (port ? cluster.services.endpoints(service, port, of) : []));
  return [...new Set(ips.map(({ ip }) => formatIp(ip)))];
}
