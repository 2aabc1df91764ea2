/**
 * State that the CNI plugin and Felix create for each pod: a veth pair without addresses on the host end, a route to
 * the pod's address, and in the pod a next hop that no interface has (cni-plugin/pkg/dataplane/linux,
 * felix/dataplane/linux/endpoint_mgr.go).
 */
import { bits, hostPrefix, type InterfaceAddress, type Ip, type Prefix } from "../../addressing/ip.ts";
import type { Device, Route } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import type { Node, Pod } from "../../topology/model.ts";
import { bridgedPods } from "../bridged.ts";
import { hexOf, linkLocalOf } from "../hash.ts";
import { familyOf, withMetric } from "../host.ts";
import type { PodParts } from "../mode.ts";
import { nodeEnd, podEnd } from "../veth.ts";

/**
 * All host ends have the same MAC address: the host receives all packets that pods send to their next hop, through
 * every veth pair.
 */
const HOST_MAC = "ee:ee:ee:ee:ee:ee";
/**
 * The host replies to ARP for this address with proxy_arp; for IPv6, the next hop is the host end's link-local address.
 */
const NEXT_HOP: Readonly<Record<4 | 6, Ip>> = { 4: 0xa9fe0101, 6: linkLocalOf(HOST_MAC) };
const ANYWHERE: Readonly<Record<4 | 6, Prefix>> = { 4: { ip: 0, len: 0 }, 6: { ip: 0n, len: 0 } };

export function caliName(pod: Pod): string {
  // Eleven digits of the SHA-1 of namespace and name (libcalico-go, names.VethNameForWorkload).
  return `cali${hexOf(pod.path, 11)}`;
}

export interface Endpoints {
  readonly devices: readonly Device[];
  readonly routes: readonly Route[];
}

export function endpointsOn(pods: Iterable<Pod>, mtu: number): Endpoints {
  const devices: Device[] = [];
  const routes: Route[] = [];
  for (const pod of bridgedPods(pods)) {
    const name = caliName(pod);
    const origin = pod.workload.source;
    const v6 = pod.addresses.some((ip) => familyOf(ip) === 6);
    const addresses = v6 ? [{ ip: NEXT_HOP[6], len: 64 }] : [];
    devices.push(nodeEnd(pod, { name, mtu, mac: HOST_MAC, addresses }));
    for (const ip of pod.addresses) {
      routes.push({
        dst: hostPrefix(ip),
        type: "unicast",
        nexthops: [{ dev: name }],
        ...(familyOf(ip) === 4 ? { scope: "link" as const } : {}),
        ...withMetric(familyOf(ip)),
        why: t`Felix: route to pod ${pod.workload.namespace}/${pod.name} through ${name}`,
        origin,
      });
    }
  }
  return { devices, routes };
}

export function podParts(pod: Pod, node: Node, mtu: number): PodParts {
  if (pod.addresses.length === 0) return { devices: [], routes: [] };
  const origin = pod.workload.source;
  const addresses: InterfaceAddress[] = pod.addresses.map((ip) => ({ ip, len: bits(ip) }));
  const routes = pod.addresses.flatMap((ip): Route[] => {
    const family = familyOf(ip);
    const via = NEXT_HOP[family];
    const base = { type: "unicast", ...withMetric(family), origin } as const;
    return [
      {
        ...base,
        dst: ANYWHERE[family],
        nexthops: [{ via, dev: "eth0" }],
        why: t`node ${node.name} replies to ARP for this address and routes all packets from its pods`,
      },
      {
        ...base,
        dst: hostPrefix(via),
        nexthops: [{ dev: "eth0" }],
        ...(family === 4 ? { scope: "link" as const } : {}),
        why: t`the next hop is on-link`,
      },
    ];
  });
  return { devices: [podEnd(pod, node, caliName(pod), mtu, addresses)], routes };
}

/** Settings of each host end (felix/dataplane/linux/endpoint_mgr.go, configureInterface). */
export function endpointSysctl(name: string): string | undefined {
  const found = /^net\.ipv4\.conf\.cali\w+\.(proxy_arp|rp_filter)$/.exec(name);
  return found ? "1" : undefined;
}
