/**
 * Pods behind veth pairs with an address of full length and a gateway that nobody has: 169.254.1.1, known by a permanent neighbour
 * entry alone. The node has a route to each pod. As the clouds' plugins make it (amazon-vpc-cni-k8s
 * cmd/routed-eni-cni-plugin/driver, azure-container-networking network/transparent_endpointclient_linux.go).
 */
import type { InterfaceAddress, Ip } from "../addressing/ip.ts";
import { bits, hostPrefix } from "../addressing/ip.ts";
import type { Device, Neighbour, Route } from "../dataplane/model.ts";
import type { Source } from "../language/tree.ts";
import type { Node, Pod } from "../topology/model.ts";
import { bridgedPods } from "./bridged.ts";
import { hexOf } from "./hash.ts";
import { familyOf, interfaceMac, withMetric } from "./host.ts";
import type { PodParts } from "./mode.ts";
import { nodeEnd, podEnd } from "./veth.ts";

export interface RoutedSpec {
  /** How the host ends' names begin: "eni", "azv". */
  readonly prefix: string;
  readonly mtu: number;
  /** As the plugin marks its routes. */
  readonly proto?: string;
  /** IPv4 routes to pods: scope link where the plugin says so. */
  readonly scope?: "link";
  readonly origin: Source | undefined;
}

const GATEWAYS: Readonly<Record<4 | 6, Ip>> = { 4: 0xa9fe0101, 6: (0xfe80n << 112n) | 1n };

function vethName(pod: Pod, { prefix }: RoutedSpec): string {
  return `${prefix}${hexOf(pod.path, 11)}`;
}

/** The host ends and the routes to the pods behind them. */
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
        why: `pod ${pod.workload.namespace}/${pod.name} is behind ${name}`,
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
      why: `the pod's gateway is the other end of its veth pair on node ${node.name}`,
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
