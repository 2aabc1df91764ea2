/** The ports of a receiver at which packets arrive through the data plane, and from which the reply returns. */
import { type Ip, prefixContains } from "../addressing/ip.ts";
import type { Network } from "../dataplane/model.ts";
import { simulate } from "../dataplane/simulator/simulate.ts";
import { NO_PORTS, type PortRange, type PortSet, PROTOCOLS, union } from "../kubernetes/policy/ports.ts";
import { memo } from "../memo/memo.ts";
import type { Cluster, Listener, Node, Pod, Topology, Workload } from "../topology/model.ts";
import type { Protocol } from "../topology/policy.ts";
import { stationsOf } from "../topology/stations.ts";

/** Ports at which the result of an access list or policy can change: the boundaries of their port ranges. */
export function writtenPorts(topology: Topology): readonly number[] {
  const ports = new Set<number>();
  const add = ({ first, last }: PortRange): void => {
    ports.add(first).add(last + 1);
  };
  const groups = [...topology.securityGroups.values()].map(({ rules }) => rules);
  for (const acl of new Set([...stationsOf(topology).map((station) => station.acl), ...groups])) {
    for (const rule of acl) rule.ports.forEach(add);
  }
  for (const { policies, workloads } of topology.clusters) {
    for (const { ingress, egress } of policies) {
      for (const rule of [...(ingress ?? []), ...(egress ?? [])]) {
        for (const port of rule.ports ?? []) if (port.kind === "range") add(port);
      }
    }
    if (policies.length === 0) continue;
    // Policies can refer to these ports by name.
    for (const { containers } of workloads) {
      for (const { listeners } of containers) for (const one of listeners) if (one.name !== undefined) add(one);
    }
  }
  return [...ports].sort((x, y) => x - y);
}

/** The ports that the workload's pods listen on. */
export const listenersOf = memo(({ containers }: Workload): readonly Listener[] =>
  containers.flatMap(({ listeners }) => listeners),
);

/** The same text for workloads that listen on the same ports. */
export const listenersKey = memo((workload: Workload): string => portsText(listenersOf(workload)));

export function portsText(listeners: readonly Listener[]): string {
  return listeners.map(({ proto, first, last }) => `${proto}${first}-${last}`).join();
}

/** A text for pods with configured addresses, to which nodes can have other routes; the same for pods with the same routes. */
export function givenKey(cluster: Cluster, pod: Pod): string {
  const { workload, node } = pod;
  if (workload.addresses.length === 0 || node === undefined) return "";
  return isOrdinary(cluster, node, pod) ? " given" : ` ${pod.path}`;
}

/** Whether configured addresses are like allocated ones: in a range of the node, and not used by another pod. */
function isOrdinary({ pods }: Cluster, node: Node, { addresses }: Pod): boolean {
  return addresses.every(
    (ip) => node.podCidrs.some(({ prefix }) => prefixContains(prefix, ip)) && pods.podsByAddress(ip).length === 1,
  );
}

/** Source port of the packets, the same as in traces. */
const SOURCE_PORT = 40000;

export function reachable(
  network: Network,
  from: string,
  to: Target,
  listeners: readonly Listener[],
  cuts: readonly number[],
): PortSet {
  return openPorts(listeners, cuts, (proto, port) => passes(network, from, to, proto, port));
}

/** An address, and the network namespace that has it. */
export interface Target {
  readonly netns: string;
  readonly ip: Ip;
}

/** Whether a packet is delivered, and its reply returns, on every path. */
export function passes(network: Network, from: string, to: Target, proto: Protocol | "icmp", port: number): boolean {
  return simulate(network, { from, dst: to.ip, proto, sport: SOURCE_PORT, dport: port, df: false }).every(
    // The packet can end at a different machine: a second pod with this address, or a host with `answers any`.
    ({ verdict, reply, end }) => verdict === "delivered" && reply?.verdict === "delivered" && end === to.netns,
  );
}

/** The ports of the listeners, and ping, that pass. */
export function openPorts(
  listeners: readonly Listener[],
  cuts: readonly number[],
  isOpen: (proto: Protocol | "icmp", port: number) => boolean,
): PortSet {
  let open: PortSet = isOpen("icmp", 0) ? { ...NO_PORTS, icmp: true } : NO_PORTS;
  for (const proto of PROTOCOLS) {
    for (const listener of listeners) {
      if (listener.proto !== proto) continue;
      const through = piecesOf(listener, cuts).filter(({ first }) => isOpen(proto, first));
      if (through.length > 0) open = union(open, { ...NO_PORTS, [proto]: through });
    }
  }
  return open;
}

/** A port range split where a rule begins or ends: all ports of a part have the same result. */
function piecesOf({ first, last }: PortRange, cuts: readonly number[]): readonly PortRange[] {
  const inside = cuts.filter((cut) => cut > first && cut <= last);
  const starts = [first, ...inside];
  return starts.map((start, index) => ({ first: start, last: (inside[index] ?? last + 1) - 1 }));
}
