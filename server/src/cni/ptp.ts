/**
 * A node's pods connected by veth pairs without a bridge, as created by containernetworking/plugins
 * plugins/main/ptp/ptp.go: each host end has the range's gateway address as /32, and the pod sends all packets to it,
 * including packets to its own subnet.
 */
import { bits, hostPrefix, type InterfaceAddress, isLinkLocal } from "../addressing/ip.ts";
import type { Device, Route } from "../dataplane/model.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import type { Node, Pod } from "../topology/model.ts";
import { type BridgeRange, bridgedPods, rangeAround, vethName } from "./bridged.ts";
import { familyOf, interfaceMac, withLinkLocal, withMetric } from "./host.ts";
import type { PodParts } from "./mode.ts";
import { nodeEnd, podEnd } from "./veth.ts";

export interface PtpSpec {
  readonly mtu: number;
  /** The node's ranges with the gateway address of each. */
  readonly ranges: readonly BridgeRange[];
  readonly origin: Origin | undefined;
}

/** The host ends of the veth pairs and the routes to the pods. */
export function ptpHost(
  node: Node,
  spec: PtpSpec,
  pods: Iterable<Pod>,
): { readonly devices: readonly Device[]; readonly routes: readonly Route[] } {
  const devices: Device[] = [];
  const routes: Route[] = [];
  for (const pod of bridgedPods(pods)) {
    const name = vethName(pod, 8);
    const mac = interfaceMac(node.path, name);
    const gateways: InterfaceAddress[] = [];
    for (const ip of pod.addresses) {
      const gateway = rangeAround(spec.ranges, ip)?.gateway;
      if (gateway === undefined) continue;
      gateways.push({ ip: gateway, len: bits(gateway) });
      routes.push({
        dst: hostPrefix(ip),
        type: "unicast",
        nexthops: [{ dev: name }],
        // ip.AddHostRoute: RT_SCOPE_HOST; IPv6 has no scopes.
        ...(familyOf(ip) === 4 ? { scope: "host" as const } : withMetric(6)),
        why: t`ptp: route to pod ${pod.workload.namespace}/${pod.name} through ${name}`,
        origin: pod.workload.source,
      });
    }
    devices.push(nodeEnd(pod, { name, mtu: spec.mtu, mac, addresses: withLinkLocal(gateways, mac) }));
  }
  return { devices, routes };
}

/** The pod's eth0: the address has the prefix length of its range, but the range is routed via the gateway. */
export function ptpPod(pod: Pod, node: Node, spec: PtpSpec): PodParts {
  const addresses: InterfaceAddress[] = [];
  const routes: Route[] = [];
  for (const ip of pod.addresses) {
    const range = rangeAround(spec.ranges, ip);
    if (!range) continue;
    const family = familyOf(ip);
    const { cidr, gateway } = range;
    const base = {
      type: "unicast",
      ...withMetric(family),
      why: t`default gateway: host end of the veth pair on node ${node.name}`,
      origin: spec.origin,
    } as const;
    addresses.push({ ip, len: cidr.len });
    routes.push(
      {
        ...base,
        dst: hostPrefix(gateway),
        nexthops: [{ dev: "eth0" }],
        src: ip,
        ...(family === 4 ? { scope: "link" as const } : {}),
      },
      { ...base, dst: cidr, nexthops: [{ via: gateway, dev: "eth0" }], src: ip },
      { ...base, dst: { ip: family === 4 ? 0 : 0n, len: 0 }, nexthops: [{ via: gateway, dev: "eth0" }] },
    );
  }
  if (addresses.length === 0) return { devices: [], routes: [] };
  const eth0 = podEnd(pod, node, vethName(pod, 8), spec.mtu, addresses);
  return { devices: [eth0], routes, deletes: ({ dst }) => !isLinkLocal(dst.ip) };
}
