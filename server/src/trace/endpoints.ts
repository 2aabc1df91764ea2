/** From what people write as FROM and TO to namespaces and addresses. */
import { formatIp, type Ip, parseIp } from "../addressing/ip.ts";
import type { NetnsId } from "../dataplane/model.ts";
import type { Cluster, Node, Pod, Station, Topology } from "../topology/model.ts";
import { type Named, resolveEndpoint } from "../topology/names.ts";

/** A place that sends or receives. */
export interface Endpoint {
  /** As people would write it in full: "prod/shop/web". */
  readonly path: string;
  readonly kind: Named["kind"];
  readonly netns: NetnsId;
  /** Own addresses, first the one by which others know it. */
  readonly addresses: readonly Ip[];
  /** Ports on which it listens, in order of declaration. */
  readonly ports: readonly { readonly port: number; readonly proto: "tcp" | "udp" | "sctp"; readonly process: string }[];
}

export type Resolved<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly error: string; readonly candidates: readonly string[] };

/** The endpoint that a path means, or the sentence that says why there is none. */
export function endpointOf(topology: Topology, text: string): Resolved<{ endpoint: Endpoint }> {
  const named = resolveEndpoint(topology, text);
  if ("error" in named) return { ok: false, error: nameError(text, named), candidates: named.candidates };
  const found = toEndpoint(topology, named);
  if (typeof found === "string") return { ok: false, error: found, candidates: [] };
  return { ok: true, endpoint: found };
}

function nameError(text: string, problem: { readonly error: "unknown" | "ambiguous"; readonly candidates: readonly string[] }): string {
  const list = problem.candidates.join(", ");
  if (problem.error === "ambiguous") return `"${text}" may be any of ${list}`;
  return list === "" ? `there is no "${text}"` : `there is no "${text}"; there is ${list}`;
}

function toEndpoint(topology: Topology, named: Named): Endpoint | string {
  switch (named.kind) {
    case "pod":
    case "container": {
      const { pod } = named;
      if (!pod.node) return `${pod.path} runs on no node`;
      const processes = pod.workload.containers.filter((one) => named.kind === "pod" || one.name === named.container.name);
      const listening = processes.length > 0 && processes.some((one) => one.listeners.length > 0) ? processes : pod.workload.containers;
      return {
        path: named.kind === "pod" ? pod.path : `${pod.path}/${named.container.name}`,
        kind: named.kind,
        netns: netnsOfPod(pod, pod.node),
        addresses: pod.addresses,
        ports: portsOf(listening),
      };
    }
    case "node":
    case "router":
    case "host":
      return stationEndpoint(named.kind, named.station, named.station.path);
    case "daemon":
      return { ...stationEndpoint("daemon", named.station, `${named.station.path}/${named.daemon.name}`), ports: portsOf([named.daemon]) };
    case "segment":
    case "cluster":
    case "namespace":
      return `${named.path} is a ${named.kind}; a packet needs a pod, node, router, host or an address`;
  }
}

/** Pods of the host network live in their node's namespace. */
export function netnsOfPod(pod: Pod, node: Node): NetnsId {
  return pod.workload.hostNetwork ? node.path : pod.path;
}

function stationEndpoint(kind: Named["kind"], station: Station, path: string): Endpoint {
  return {
    path,
    kind,
    netns: station.path,
    addresses: station.interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => ip)),
    ports: portsOf(station.processes),
  };
}

function portsOf(processes: readonly { readonly name: string; readonly listeners: Pod["workload"]["containers"][number]["listeners"] }[]): Endpoint["ports"] {
  return processes.flatMap((one) => one.listeners.map((listener) => ({ port: listener.first, proto: listener.proto, process: one.name })));
}

/** Who has an address, as far as the topology knows. */
export function ownerOf(topology: Topology, ip: Ip): Endpoint | undefined {
  for (const cluster of topology.clusters) {
    const pod = podWith(cluster, ip);
    if (pod) return pod;
  }
  for (const segment of topology.segments.keys()) {
    const iface = topology.interfacesWith(segment, ip)[0];
    const found = iface && endpointOf(topology, iface.station.path);
    if (found?.ok) return found.endpoint;
  }
  return undefined;
}

function podWith(cluster: Cluster, ip: Ip): Endpoint | undefined {
  const pod = cluster.pods.podsByAddress(ip)[0];
  if (!pod?.node) return undefined;
  return { path: pod.path, kind: "pod", netns: netnsOfPod(pod, pod.node), addresses: pod.addresses, ports: portsOf(pod.workload.containers) };
}

/** For commands that ask about a namespace: a path, or an address of somebody. */
export function namespaceOf(topology: Topology, text: string): Resolved<{ netns: NetnsId }> {
  const ip = parseIp(text);
  if (ip !== undefined) {
    const owner = ownerOf(topology, ip);
    return owner ? { ok: true, netns: owner.netns } : { ok: false, error: `nobody has the address ${formatIp(ip)}`, candidates: [] };
  }
  const found = endpointOf(topology, text);
  return found.ok ? { ok: true, netns: found.endpoint.netns } : found;
}
