/**
 * What the pods of expectations need from network policies: for each packet that an expectation sends through a network
 * without policies, the connection as the sender's pod opens it and as the receiver's pod sees it. The addresses are
 * the packet's at the pod: after DNAT on the sender's node, and after SNAT at the receiver (facts of the engines,
 * see `verdictFor`).
 */
import { formatIp, hostPrefix, type Ip, type Prefix, parseIp } from "../../addressing/ip.ts";
import type { Journey } from "../../dataplane/journey.ts";
import type { Network } from "../../dataplane/model.ts";
import { innerOf, type Packet } from "../../dataplane/packet.ts";
import type { Origin } from "../../declared/origin.ts";
import { t } from "../../text/l10n.ts";
import { nameServer } from "../../topology/dns.ts";
import { readUrl } from "../../topology/ingress.ts";
import type { Cluster, Expectation, Pod, Topology, Workload } from "../../topology/model.ts";
import type { Direction, Protocol } from "../../topology/policy.ts";
import { type Endpoint, netnsOfPod, ownerOf } from "../../trace/endpoints.ts";
import { proxiedBy, secondLeg } from "../../trace/proxied.ts";
import { endsOf, expectationJourneys, type World } from "../expectations.ts";

/** A connection that the policies of a pod must allow. */
export interface Need {
  readonly cluster: Cluster;
  readonly subject: Workload;
  readonly direction: Direction;
  readonly peer: NeededPeer;
  /** Undefined: ICMP, which the API cannot express. */
  readonly port: { readonly proto: Protocol; readonly port: number } | undefined;
  readonly source: Origin;
}

export type NeededPeer =
  | { readonly kind: "workload"; readonly workload: Workload }
  | { readonly kind: "addresses"; readonly prefixes: readonly Prefix[] }
  /** All addresses outside the cluster's pods. */
  | { readonly kind: "outside" };

export interface Needs {
  readonly needs: readonly Need[];
  /** Pods that an expectation names, with or without a need. */
  readonly subjects: readonly { readonly cluster: Cluster; readonly workload: Workload }[];
  /** Why an expectation has no needs. */
  readonly problem: string | undefined;
}

/** The needs of one expectation; a `blocked` expectation has only subjects. */
export function needsOf(world: World, expectation: Expectation): Needs {
  const found = journeysFor(world, expectation);
  if (typeof found === "string") return { needs: [], subjects: [], problem: found };
  const { journeys, lost } = found;
  const subjects = journeys.flatMap((one) => [one.sender, one.receiver].flatMap((pod) => (pod ? [pod] : [])));
  const known = [...new Map(subjects.map(({ cluster, pod }) => [pod.workload, cluster])).entries()].map(
    ([workload, cluster]) => ({ cluster, workload }),
  );
  if (expectation.want.kind === "blocked") return { needs: [], subjects: known, problem: undefined };
  const needs = journeys.flatMap((one) => [
    ...egressNeeds(world, expectation, one),
    ...ingressNeeds(world, expectation, one),
  ]);
  return { needs: [...needs, ...dnsNeeds(expectation, journeys)], subjects: known, problem: lost };
}

interface OwnedPod {
  readonly cluster: Cluster;
  readonly pod: Pod;
}

/** A delivered packet between two ends of which at least one is usually a pod. */
interface Sent {
  readonly journey: Journey;
  readonly sender: OwnedPod | undefined;
  readonly receiver: OwnedPod | undefined;
}

interface SentAll {
  readonly journeys: readonly Sent[];
  /** A packet that the network itself loses: no policy helps. */
  readonly lost: string | undefined;
}

function journeysFor(world: World, expectation: Expectation): SentAll | string {
  const url = readUrl(expectation.to);
  if (!url) return sentOf(world.topology, expectation.from, journeysOrError(world, expectation));
  const proxied = proxiedBy(world.topology, url);
  if (typeof proxied === "string") return proxied;
  const first = journeysOrError(world, { ...expectation, to: proxied.entry.path, port: url.port, proto: "tcp" });
  if (typeof first === "string") return first;
  const onward = secondLeg(world.network, proxied, first).journeys;
  return sentOf(world.topology, expectation.from, [...first, ...onward]);
}

function journeysOrError(world: World, expectation: Expectation): readonly Journey[] | string {
  const ends = endsOf(world, expectation);
  if (typeof ends === "string") return ends;
  return ends.aims.flatMap((aim) => expectationJourneys(world, expectation, ends, aim));
}

function sentOf(topology: Topology, from: string, journeys: readonly Journey[] | string): SentAll | string {
  if (typeof journeys === "string") return journeys;
  const delivered = journeys.filter(({ verdict, reply }) => verdict === "delivered" && reply?.verdict === "delivered");
  const lost = journeys.find((one) => !delivered.includes(one));
  return {
    journeys: delivered.map((journey) => ({
      journey,
      sender: podIn(topology, journey.steps[0]?.netns ?? from),
      receiver: podIn(topology, journey.end),
    })),
    lost: lost && (lost.reason?.message ?? lost.reply?.reason?.message ?? t`no reply arrives`),
  };
}

/** The pod of a network namespace; pods with `hostNetwork` use the namespace of their node, and no policy selects them. */
function podIn(topology: Topology, netns: string): OwnedPod | undefined {
  const [clusterName, namespace, name] = netns.split("/");
  if (namespace === undefined || name === undefined) return undefined;
  const cluster = topology.clusters.find((one) => one.name === clusterName);
  const pod = cluster?.pods.podByName(namespace, name);
  return cluster && pod?.node && netnsOfPod(pod, pod.node) === netns ? { cluster, pod } : undefined;
}

/* ------------------------------------------------------------------ egress */

function egressNeeds({ topology }: World, { to, source }: Expectation, { journey, sender }: Sent): readonly Need[] {
  if (sender === undefined) return [];
  const { cluster, pod } = sender;
  const packet = leaving(journey, pod);
  if (packet === undefined || pod.addresses.includes(packet.dst) || isOwnNode(pod, packet.dst)) return [];
  const owner = ownerOf(topology, packet.dst);
  const isAnyone = parseIp(to) === undefined && isInternet(topology, owner);
  const peer = peerFor(cluster, packet.dst, isAnyone);
  return [{ cluster, subject: pod.workload, direction: "egress", peer, port: portOf(packet), source }];
}

/** The packet as the sender's node forwards it: after its DNAT, before any encapsulation. */
function leaving({ steps }: Journey, { node, path }: Pod): Packet | undefined {
  const own = steps.filter(({ netns }) => netns === path || netns === node?.path);
  const first = own[0]?.packet;
  const change = own.findLast(({ action }) => action === "dnat");
  return innermost((change ?? own[0])?.packet ?? first);
}

function innermost(packet: Packet | undefined): Packet | undefined {
  let current = packet;
  for (let inner = current && innerOf(current); inner; inner = innerOf(inner)) current = inner;
  return current;
}

/* ----------------------------------------------------------------- ingress */

function ingressNeeds(world: World, { from, source }: Expectation, { journey, receiver }: Sent): readonly Need[] {
  const src = journey.receiver?.src;
  const packet = innermost(journey.steps.at(-1)?.packet);
  if (receiver === undefined || src === undefined || packet === undefined) return [];
  const { cluster, pod } = receiver;
  // A pod cannot block itself, neither directly nor through a service.
  if (pod.addresses.includes(src) || journey.steps[0]?.netns === pod.path) return [];
  const need = { cluster, subject: pod.workload, direction: "ingress", port: portOf(packet), source } as const;
  if (cluster.pods.podsByAddress(src).length > 0) return [{ ...need, peer: peerFor(cluster, src, false) }];
  const masquerading = masqueraded(world, cluster, src, journey);
  const client = masquerading && innermost(journey.steps[0]?.packet)?.src;
  if (masquerading !== undefined) {
    // Engines that filter before SNAT (kindnet's queue, on the node that masquerades) see the client itself.
    const own = client === undefined ? [] : [peerFor(cluster, client, false)];
    return [{ kind: "addresses", prefixes: masquerading } as const, ...own].map((peer) => ({ ...need, peer }));
  }
  if (isOwnNode(pod, src)) return [];
  const isAnyone = parseIp(from) === undefined && isInternet(world.topology, ownerOf(world.topology, src));
  return [{ ...need, peer: peerFor(cluster, src, isAnyone) }];
}

/**
 * The addresses of all nodes that can masquerade as `src` does: the same device of each node. Undefined if `src` is the
 * address of the sender itself. The client can use any node, and a pod can run on any.
 */
function masqueraded(
  { network }: World,
  { nodes }: Cluster,
  src: Ip,
  { steps }: Journey,
): readonly Prefix[] | undefined {
  const first = steps[0];
  if (first === undefined || innermost(first.packet)?.src === src) return undefined;
  for (const { path } of nodes) {
    const device = deviceWith(network, path, src);
    if (device === undefined) continue;
    return nodes.flatMap((node) => addressesOf(network, node.path, device, src).map(hostPrefix));
  }
  return undefined;
}

function deviceWith(network: Network, netns: string, ip: Ip): string | undefined {
  for (const { name, addresses } of network.netns(netns)?.devices.values() ?? [])
    if (addresses.some((one) => one.ip === ip)) return name;
  return undefined;
}

function addressesOf(network: Network, netns: string, device: string, like: Ip): readonly Ip[] {
  const found = network.netns(netns)?.devices.get(device)?.addresses ?? [];
  const same = found.filter(({ ip }) => typeof ip === typeof like).map(({ ip }) => ip);
  return same.slice(0, 1);
}

/* --------------------------------------------------------------------- DNS */

/** Every sender resolves names first; without a DNS service in the file, there is no pod to allow. */
function dnsNeeds({ source }: Expectation, journeys: readonly Sent[]): readonly Need[] {
  const senders = new Map<Workload, Cluster>();
  for (const { sender } of journeys) if (sender) senders.set(sender.pod.workload, sender.cluster);
  return [...senders].flatMap(([subject, cluster]) => dnsEnds(cluster).map((end) => ({ ...end, subject, source })));
}

function dnsEnds(cluster: Cluster): readonly Omit<Need, "subject" | "source">[] {
  const service = nameServer(cluster);
  if (service === undefined) return [];
  const ends = service.ports.flatMap((port) => {
    if (port.port !== DNS_PORT) return [];
    const found = ([4, 6] as const).flatMap((family) => cluster.services.endpoints(service, port, family));
    return found.map(({ ip, port: number, pod }) => ({ ip, pod, proto: port.proto, number }));
  });
  return ends.map(({ ip, pod, proto, number }) => ({
    cluster,
    direction: "egress",
    peer: pod && !pod.workload.hostNetwork ? { kind: "workload", workload: pod.workload } : addressPeer(ip),
    port: { proto, port: number },
  }));
}

const DNS_PORT = 53;

/* ------------------------------------------------------------------- peers */

function peerFor(cluster: Cluster, ip: Ip, isAnyone: boolean): NeededPeer {
  if (isAnyone) return { kind: "outside" };
  const pod = cluster.pods.podsByAddress(ip)[0];
  return pod ? { kind: "workload", workload: pod.workload } : addressPeer(ip);
}

function addressPeer(ip: Ip): NeededPeer {
  return { kind: "addresses", prefixes: [hostPrefix(ip)] };
}

function isInternet({ hosts }: Topology, owner: Endpoint | undefined): boolean {
  return hosts.some(({ path, edge }) => path === owner?.path && edge?.answersAny === true);
}

/** Traffic between a pod and its own node is always allowed. */
function isOwnNode({ node }: Pod, ip: Ip): boolean {
  return node?.interfaces.some(({ addresses }) => addresses.some((own) => own.ip === ip)) ?? false;
}

function portOf({ body }: Packet): Need["port"] {
  switch (body.kind) {
    case "tcp":
    case "udp":
    case "sctp":
      return { proto: body.kind, port: body.dport };
    case "icmp":
    case "ipip":
    case "esp":
      return undefined;
  }
}

/** For messages: the peer as a person would name it. */
export function peerText(peer: NeededPeer): string {
  switch (peer.kind) {
    case "workload":
      return `${peer.workload.namespace}/${peer.workload.name}`;
    case "addresses":
      return peer.prefixes.map(({ ip }) => formatIp(ip)).join(", ");
    case "outside":
      return t`addresses outside the cluster`;
  }
}
