/**
 * The question to DNS that comes before a packet to a name. A pod asks the cluster's DNS service, over UDP and like any
 * other service: it is translated, forwarded, and subject to policies. Only the packets count here; that CoreDNS knows the
 * right answer is taken for granted.
 */
import { type Family, formatIp } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import type { Network } from "../dataplane/model.ts";
import { type DnsName, dnsNames, nameServer, searched } from "../topology/dns.ts";
import type { Cluster, Pod, Service, Topology } from "../topology/model.ts";
import { aimAt, journeysTo } from "./aim.ts";
import type { Endpoint } from "./endpoints.ts";

export interface Lookup {
  /** The full name that has the answer. */
  readonly name: string;
  /** What the pod's resolver asks for in turn; the last one has the answer. */
  readonly asked: readonly string[];
  readonly answers: readonly string[];
  /** Undefined where the file declares no DNS service: then nothing is asked. */
  readonly server: Service | undefined;
  /** Of the question and its answer; one for each endpoint of the DNS service. */
  readonly journeys: readonly Journey[];
}

/** Another port than the traced packet's. */
const SOURCE_PORT = 40001;
const DNS_PORT = 53;

/** Undefined where the text is a path or an address; a sentence where the sender cannot ask for such names. */
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
    return `${sender.path} does not ask the cluster's DNS, which alone knows ${text}; write ${names[0]?.kind === "service" ? names[0].service.path : text}`;
  }
  const found = names.find(({ cluster }) => cluster === asking.cluster);
  if (!found)
    return `${text} is a name of cluster ${names[0]?.cluster.name}, which the DNS of ${asking.cluster.name} does not know`;
  const all = searched(asking.cluster, asking.pod.workload.namespace, text);
  const asked = all.slice(0, all.indexOf(found.name) + 1);
  const server = nameServer(asking.cluster);
  const base = { name: found.name, asked, answers: answersOf(found), server };
  if (!server) return { ...base, journeys: [] };
  const aim = aimAt(topology, server.path, sender, DNS_PORT, wanted);
  if (!aim.ok) return `${sender.path} cannot ask DNS: ${aim.error}`;
  const question = { from: sender.netns, src: undefined, proto: "udp", sport: SOURCE_PORT, dport: DNS_PORT } as const;
  return { ...base, journeys: journeysTo(network, { ...question, size: undefined, df: false }, aim.targets) };
}

/** A resolver tries again and so meets another endpoint: only where none answers nothing comes of it. */
export function isAnswered({ server, journeys }: Lookup): boolean {
  return (
    server === undefined ||
    journeys.some(({ verdict, reply }) => verdict === "delivered" && reply?.verdict === "delivered")
  );
}

/** Of pods only; those of the host's network have the node's name server unless they say otherwise (dnsPolicy). */
function podOf(topology: Topology, { netns }: Endpoint): { readonly cluster: Cluster; readonly pod: Pod } | undefined {
  const [clusterName, namespace = "", name = ""] = netns.split("/");
  const cluster = topology.clusters.find((one) => one.name === clusterName);
  const pod = cluster?.pods.podByName(namespace, name);
  return cluster && pod && { cluster, pod };
}

/** What DNS answers: addresses, or another name. */
export function answersOf(found: DnsName): readonly string[] {
  if (found.kind === "pod") return found.pod.addresses.map(formatIp);
  const { cluster, service } = found;
  if (service.type === "external-name") return [`CNAME ${service.externalName ?? ""}`];
  if (service.type !== "headless") return service.clusterIps.map(formatIp);
  const [port] = service.ports;
  const ips = ([4, 6] as const).flatMap((of) => (port ? cluster.services.endpoints(service, port, of) : []));
  return [...new Set(ips.map(({ ip }) => formatIp(ip)))];
}
