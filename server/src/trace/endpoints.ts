/** Resolves the FROM and TO arguments of users to network namespaces and addresses. */
import { formatIp, type Ip } from "../addressing/ip.ts";
import type { NetnsId } from "../dataplane/model.ts";
import { either } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type {
  Cluster,
  Interface,
  Endpoint as Meaning,
  Node,
  Pod,
  ProcessSpec,
  Station,
  Topology,
} from "../topology/model.ts";

/** A sender or receiver. */
export interface Endpoint {
  /** The full path: "prod/shop/web". */
  readonly path: string;
  readonly kind: Exclude<Meaning["kind"], "segment" | "address" | "service">;
  readonly netns: NetnsId;
  /** The primary address first. */
  readonly addresses: readonly Ip[];
  /** Of the machine; of a pod: its node's. */
  readonly interfaces: readonly Interface[];
  /** Listening ports in order of declaration. */
  readonly ports: readonly {
    readonly port: number;
    readonly proto: "tcp" | "udp" | "sctp";
    readonly process: string;
  }[];
}

export type Resolved<T> =
  | ({ readonly ok: true } & T)
  | { readonly ok: false; readonly error: string; readonly candidates: readonly string[] };

/** The endpoint for a path or an address, or an error message. Services are not endpoints: see aim.ts. */
export function endpointOf(topology: Topology, text: string): Resolved<{ readonly endpoint: Endpoint }> {
  const meaning = topology.resolve(text, "sender");
  if (!meaning.ok) {
    const service = topology.resolve(text);
    if (service.ok && service.endpoint.kind === "service")
      return { ok: false, error: serviceError(service.endpoint.path), candidates: [] };
    return { ok: false, error: nameError(text, meaning), candidates: meaning.candidates };
  }
  const found = endpointAt(topology, meaning.endpoint);
  return typeof found === "string" ? { ok: false, error: found, candidates: [] } : { ok: true, endpoint: found };
}

export function nameError(
  text: string,
  problem: { readonly error: "unknown" | "ambiguous"; readonly candidates: readonly string[] },
): string {
  const candidates = either(problem.candidates.map((one) => `\`${one}\``));
  if (problem.error === "ambiguous") return t`\`${text}\` is ambiguous: ${candidates}`;
  return candidates === "" ? t`\`${text}\` does not exist` : t`\`${text}\` does not exist; did you mean ${candidates}?`;
}

function serviceError(path: string): string {
  return t`\`${path}\` is a service; a service cannot send packets`;
}

/** The endpoint, or an error message. */
export function endpointAt(topology: Topology, meaning: Meaning): Endpoint | string {
  switch (meaning.kind) {
    case "pod":
      return podEndpoint(meaning.pod, meaning.pod.workload.containers) ?? t`${meaning.path} does not run on any node`;
    case "container": {
      // For a container without listeners, the ports of all containers in the pod apply: they share the network namespace.
      const listens = meaning.container.listeners.length > 0;
      const pod = podEndpoint(meaning.pod, listens ? [meaning.container] : meaning.pod.workload.containers);
      return pod ? { ...pod, kind: "container", path: meaning.path } : t`${meaning.pod.path} does not run on any node`;
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
      return serviceError(meaning.path);
    case "segment":
      return t`${meaning.path} is a segment; expected a pod, node, router, host, or address`;
    case "address":
      return ownerOf(topology, meaning.ip) ?? t`no machine or pod has the address ${formatIp(meaning.ip)}`;
  }
}

function podEndpoint(pod: Pod, processes: readonly ProcessSpec[]): Endpoint | undefined {
  if (!pod.node) return undefined;
  return {
    path: pod.path,
    kind: "pod",
    netns: netnsOfPod(pod, pod.node),
    addresses: pod.addresses,
    interfaces: pod.node.interfaces,
    ports: portsOf(processes),
  };
}

/** Pods with `hostNetwork` use the network namespace of their node. */
export function netnsOfPod(pod: Pod, node: Node): NetnsId {
  return pod.workload.hostNetwork ? node.path : pod.path;
}

function stationEndpoint(kind: Endpoint["kind"], station: Station): Endpoint {
  return {
    path: station.path,
    kind,
    netns: station.path,
    interfaces: station.interfaces,
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

/** The endpoint that has an address, if it is declared in the topology. */
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

/** The network namespace for a path or an address, for commands that print the state of one namespace. */
export function namespaceOf(topology: Topology, text: string): Resolved<{ readonly netns: NetnsId }> {
  const found = endpointOf(topology, text);
  return found.ok ? { ok: true, netns: found.endpoint.netns } : found;
}
