/**
 * Pods connected by veth pairs, with a /32 or /128 address and a gateway address that no interface has: 169.254.1.1,
 * resolved only by a permanent neighbor entry. The node has a route to each pod. Used by cloud plugins
 * (amazon-vpc-cni-k8s cmd/routed-eni-cni-plugin/driver, azure-container-networking
 * network/transparent_endpointclient_linux.go).
 */
import { bits, hostPrefix, type InterfaceAddress, type Ip } from "../addressing/ip.ts";
import type { Device, Neighbour, Route } from "../dataplane/model.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import type { Node, Pod } from "../topology/model.ts";
import { bridgedPods } from "./bridged.ts";
import { hexOf } from "./hash.ts";
import { familyOf, interfaceMac, withMetric } from "./host.ts";
import type { PodParts } from "./mode.ts";
import { nodeEnd, podEnd } from "./veth.ts";

export interface RoutedSpec {
  /** Prefix of the host ends' names: "eni", "azv". */
  readonly prefix: string;
  readonly mtu: number;
  /** Protocol of the plugin's routes. */
  readonly proto?: string;
  /** Scope link on IPv4 routes to pods, if the plugin sets it. */
  readonly scope?: "link";
  readonly origin: Origin | undefined;
}

const GATEWAYS: Readonly<Record<4 | 6, Ip>> = { 4: 0xa9fe0101, 6: (0xfe80n << 112n) | 1n };

function vethName(pod: Pod, { prefix }: RoutedSpec): string {
  return `${prefix}${hexOf(pod.path, 11)}`;
}

/** The host ends of the veth pairs and the routes to the pods. */
export function routedHost(
  node: Node,
  spec: RoutedSpec,
  pods: Iterable<Pod>,
): { readonly devices: readonly Device[]; readonly routes: readonly Route[] } {
  const devices: Device[] = [];
  const routes: Route[] = [];
  for (const pod of bridgedPods(pods)) {
    const name = vethName(pod, spec);
    for (const ip of pod.addresses) {
      const family = familyOf(ip);
      routes.push({
        dst: hostPrefix(ip),
        type: "unicast",
        nexthops: [{ dev: name }],
        ...(spec.proto === undefined ? {} : { proto: spec.proto }),
        ...(family === 4 && spec.scope ? { scope: spec.scope } : withMetric(family)),
        why: t`route to pod ${pod.workload.namespace}/${pod.name} through ${name}`,
        origin: pod.workload.source,
      });
    }
    devices.push(nodeEnd(pod, { name, mtu: spec.mtu, mac: interfaceMac(node.path, name), addresses: [] }));
  }
  return { devices, routes };
}

export function routedPod(pod: Pod, node: Node, spec: RoutedSpec): PodParts {
  const name = vethName(pod, spec);
  const peerMac = interfaceMac(node.path, name);
  const addresses: InterfaceAddress[] = [];
  const routes: Route[] = [];
  const neighbours: Neighbour[] = [];
  for (const ip of pod.addresses) {
    const family = familyOf(ip);
    const gateway = GATEWAYS[family];
    const base = {
      type: "unicast",
      ...(spec.proto === undefined ? {} : { proto: spec.proto }),
      ...withMetric(family),
      why: t`default gateway: host end of the veth pair on node ${node.name}`,
      origin: spec.origin,
    } as const;
    addresses.push({ ip, len: bits(ip) });
    routes.push(
      {
        ...base,
        dst: hostPrefix(gateway),
        nexthops: [{ dev: "eth0" }],
        ...(family === 4 ? { scope: "link" as const } : {}),
      },
      { ...base, dst: { ip: family === 4 ? 0 : 0n, len: 0 }, nexthops: [{ via: gateway, dev: "eth0" }] },
    );
    neighbours.push({ ip: gateway, mac: peerMac, device: "eth0", origin: spec.origin });
  }
  if (addresses.length === 0) return { devices: [], routes: [] };
  return { devices: [podEnd(pod, node, name, spec.mtu, addresses)], routes, neighbours };
}
