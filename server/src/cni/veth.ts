/** The veth pair that connects a pod to its node, unless the pod's interface is stacked on the node's. */
import type { InterfaceAddress } from "../addressing/ip.ts";
import type { Device } from "../dataplane/model.ts";
import type { Node, Pod } from "../topology/model.ts";
import { interfaceMac, withLinkLocal } from "./host.ts";

type Veth = Extract<Device, { kind: "veth" }>;

export function podMac(pod: Pod): string {
  return interfaceMac(pod.path, "eth0");
}

export function nodeEnd(pod: Pod, end: Omit<Veth, "kind" | "peer" | "origin">): Veth {
  return { kind: "veth", ...end, peer: { netns: pod.path, device: "eth0" }, origin: pod.workload.source };
}

/** `device`: the host end. */
export function podEnd(
  pod: Pod,
  node: Node,
  device: string,
  mtu: number,
  addresses: readonly InterfaceAddress[],
): Veth {
  const mac = podMac(pod);
  return {
    kind: "veth",
    name: "eth0",
    mtu,
    mac,
    addresses: withLinkLocal(addresses, mac),
    peer: { netns: node.path, device },
    origin: pod.workload.source,
  };
}
