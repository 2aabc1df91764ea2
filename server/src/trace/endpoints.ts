/** From what people write as FROM and TO to namespaces and addresses. */
import { formatIp, type Ip } from "../addressing/ip.ts";
import type { NetnsId } from "../dataplane/model.ts";
import type { Cluster, Endpoint as Meaning, Node, Pod, ProcessSpec, Station, Topology } from "../topology/model.ts";

/** A place that sends or receives. */
export interface Endpoint {
  /** As people would write it in full: "prod/shop/web". */
  readonly path: string;
  readonly kind: Exclude<Meaning["kind"], "segment" | "address" | "service">;
  readonly netns: NetnsId;
  /** Own addresses, first the one by which others know it. */
  readonly addresses: readonly Ip[];
  /** Ports on which it listens, in order of declaration. */
  readonly ports: readonly {
    readonly port: number;
    readonly proto: "tcp" | "udp" | "sctp";
    readonly process: string;
  }[];
}

export type Resolved<T> =
  | ({ readonly ok: true } & T)
  | { readonly ok: false; readonly error: string; readonly candidates: readonly string[] };

/** The place that a path or an address means, or the sentence that says why there is none. A service is no place: see aim.ts. */
export function endpointOf(topology: Topology, text: string): Resolved<{ readonly endpoint: Endpoint }> {
  const meaning = topology.resolve(text, "sender");
  if (!meaning.ok) {
    const service = topology.resolve(text);
    if (service.ok && service.endpoint.kind === "service")
      return {
        ok: false,
        error: `${service.endpoint.path} is a service: it sends nothing and runs nowhere`,
        candidates: [],
      };
    return { ok: false, error: nameError(text, meaning), candidates: meaning.candidates };
  }
  const found = endpointAt(topology, meaning.endpoint);
  return typeof found === "string" ? { ok: false, error: found, candidates: [] } : { ok: true, endpoint: found };
}

export function nameError(
  text: string,
  problem: { readonly error: "unknown" | "ambiguous"; readonly candidates: readonly string[] },
): string {
  const list = problem.candidates.join(", ");
  if (problem.error === "ambiguous") return `"${text}" may be any of ${list}`;
  return list === "" ? `there is no "${text}"` : `there is no "${text}"; did you mean ${list}?`;
}

/** A sentence where the meaning is no place. */
export function endpointAt(topology: Topology, meaning: Meaning): Endpoint | string {
  switch (meaning.kind) {
    case "pod":
      return podEndpoint(meaning.pod, meaning.pod.workload.containers) ?? `${meaning.path} runs on no node`;
    case "container": {
      // A container that listens on nothing is asked on its neighbours' ports: they share the namespace.
      const listens = meaning.container.listeners.length > 0;
      const pod = podEndpoint(meaning.pod, listens ? [meaning.container] : meaning.pod.workload.containers);
      return pod ? { ...pod, kind: "container", path: meaning.path } : `${meaning.pod.path} runs on no node`;
    }
    case "node":
      return stationEndpoint("node", meaning.node);
    case "router":
      return stationEndpoint("router", meaning.router);
    case "host":
      return stationEndpoint("host", meaning.host);
    case "daemon":
      return {
        ...stationEndpoint("daemon", meaning.station),
        path: meaning.path,
        ports: portsOf([meaning.daemon]),
      };
    case "service":
      return `${meaning.path} is a service: it sends nothing and runs nowhere`;
    case "segment":
      return `${meaning.path} is a segment; a packet needs a pod, node, router, host or an address`;
    case "address":
      return ownerOf(topology, meaning.ip) ?? `nobody has the address ${formatIp(meaning.ip)}`;
  }
}

function podEndpoint(pod: Pod, processes: readonly ProcessSpec[]): Endpoint | undefined {
  if (!pod.node) return undefined;
  return {
    path: pod.path,
    kind: "pod",
    netns: netnsOfPod(pod, pod.node),
    addresses: pod.addresses,
    ports: portsOf(processes),
  };
}

/** Pods of the host network live in their node's namespace. */
export function netnsOfPod(pod: Pod, node: Node): NetnsId {
  return pod.workload.hostNetwork ? node.path : pod.path;
}

function stationEndpoint(kind: Endpoint["kind"], station: Station): Endpoint {
  return {
    path: station.path,
    kind,
    netns: station.path,
    addresses: [
      ...station.interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => ip)),
      ...(station.edge?.loopbacks ?? []).map(({ ip }) => ip),
    ],
    ports: portsOf(station.processes),
  };
}

function portsOf(processes: readonly ProcessSpec[]): Endpoint["ports"] {
  return processes.flatMap((one) =>
    one.listeners.map((listener) => ({ port: listener.first, proto: listener.proto, process: one.name })),
  );
}

/** Who has an address, as far as the topology knows. */
export function ownerOf(topology: Topology, ip: Ip): Endpoint | undefined {
  for (const cluster of topology.clusters) {
    const pod = podWith(cluster, ip);
    if (pod) return pod;
  }
  for (const segment of topology.segments.keys()) {
    const station = topology.interfacesWith(segment, ip)[0]?.station;
    const found = station && endpointOf(topology, station.path);
    if (found?.ok) return found.endpoint;
  }
  return undefined;
}

function podWith(cluster: Cluster, ip: Ip): Endpoint | undefined {
  const pod = cluster.pods.podsByAddress(ip)[0];
  return pod && podEndpoint(pod, pod.workload.containers);
}

/** For commands that ask about a namespace: a path, or an address of somebody. */
export function namespaceOf(topology: Topology, text: string): Resolved<{ readonly netns: NetnsId }> {
  const found = endpointOf(topology, text);
  return found.ok ? { ok: true, netns: found.endpoint.netns } : found;
}
