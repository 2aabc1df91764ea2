/**
 * A node's bridge with its pods connected by veth pairs, as created by containernetworking/plugins
 * plugins/main/bridge/bridge.go and by dockerd. Shared by the modes whose pods are attached to a bridge.
 */

import { type InterfaceAddress, type Ip, type Prefix, prefixContains } from "../addressing/ip.ts";
import type { BridgeNeighbour, Device, Route } from "../dataplane/model.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import type { Node, Pod } from "../topology/model.ts";
import { hexOf, linkLocalOf } from "./hash.ts";
import { familyOf, interfaceMac, withLinkLocal, withMetric } from "./host.ts";
import type { PodParts } from "./mode.ts";
import { nodeEnd, podEnd, podMac } from "./veth.ts";

export interface BridgeSpec {
  readonly name: string;
  readonly mtu: number;
  /** The node's ranges with the bridge's address in each. */
  readonly ranges: readonly BridgeRange[];
  readonly hairpin: boolean;
  /** Hexadecimal digits in a veth's name: 8 for CNI, 7 for Docker. */
  readonly vethDigits: 7 | 8;
  /** True if the bridge exists before the first pod (Docker); a CNI plugin creates it with the first pod. */
  readonly withoutPods: boolean;
  readonly origin: Origin | undefined;
}
export interface BridgeRange {
  readonly cidr: Prefix;
  readonly gateway: Ip;
}

export function vethName(pod: Pod, digits: 7 | 8): string {
  return `veth${hexOf(pod.path, digits)}`;
}

/** Pods with an address: only these were started. */
export function* bridgedPods(pods: Iterable<Pod>): Iterable<Pod> {
  for (const pod of pods) if (!pod.workload.hostNetwork && pod.addresses.length > 0) yield pod;
}

export function bridgeDevices(node: Node, spec: BridgeSpec, pods: Iterable<Pod>): readonly Device[] {
  const ports: Device[] = [];
  const neighbours = new Map<Ip, BridgeNeighbour>();
  for (const pod of bridgedPods(pods)) {
    const name = vethName(pod, spec.vethDigits);
    ports.push(
      nodeEnd(pod, {
        name,
        mtu: spec.mtu,
        mac: interfaceMac(node.path, name),
        addresses: [],
        master: spec.name,
        ...(spec.hairpin ? { hairpin: true } : {}),
      }),
    );
    const behind = { port: name, mac: podMac(pod) };
    const known = pod.addresses.some((ip) => typeof ip === "bigint")
      ? [...pod.addresses, linkLocalOf(behind.mac)]
      : pod.addresses;
    for (const ip of known) if (!neighbours.has(ip)) neighbours.set(ip, behind);
  }
  if (spec.ranges.length === 0 || (ports.length === 0 && !spec.withoutPods)) return ports;
  const mac = interfaceMac(node.path, spec.name);
  const bridge: Device = {
    kind: "bridge",
    name: spec.name,
    mtu: spec.mtu,
    mac,
    addresses: withLinkLocal(spec.ranges.map(bridgeAddress), mac),
    portFor: (ip) => neighbours.get(ip),
    origin: spec.origin,
  };
  return [bridge, ...ports];
}

function bridgeAddress({ cidr, gateway }: BridgeRange): InterfaceAddress {
  return { ip: gateway, len: cidr.len };
}

/** The range that contains the address, else the first range of its family. */
export function rangeAround<R extends BridgeRange>(ranges: readonly R[], ip: Ip): R | undefined {
  const same = ranges.filter(({ gateway }) => typeof gateway === typeof ip);
  return same.find(({ cidr }) => prefixContains(cidr, ip)) ?? same[0];
}

/**
 * A pod's eth0 and its routes: the default route and the routes to `through`, all via the bridge's address. The prefix
 * length comes from the range that contains the address, else from the first range of its family.
 */
export function bridgedPod(pod: Pod, node: Node, spec: BridgeSpec, through: readonly Prefix[]): PodParts {
  const addresses: InterfaceAddress[] = [];
  const routes: Route[] = [];
  for (const ip of pod.addresses) {
    const range = rangeAround(spec.ranges, ip);
    if (!range) continue;
    addresses.push({ ip, len: range.cidr.len });
    const family = familyOf(ip);
    const zero = { ip: family === 4 ? 0 : 0n, len: 0 };
    for (const dst of [zero, ...through.filter((prefix) => familyOf(prefix.ip) === family)]) {
      routes.push({
        dst,
        type: "unicast",
        nexthops: [{ via: range.gateway, dev: "eth0" }],
        ...withMetric(family),
        why: t`default gateway: ${spec.name} on node ${node.name}`,
        origin: spec.origin,
      });
    }
  }
  if (addresses.length === 0) return { devices: [], routes: [] };
  const eth0 = podEnd(pod, node, vethName(pod, spec.vethDigits), spec.mtu, addresses);
  return { devices: [eth0], routes };
}
