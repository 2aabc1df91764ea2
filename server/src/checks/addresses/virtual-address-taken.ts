import { formatIp, type Ip } from "../../addressing/ip.ts";
import { sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { type Fix, removeFix, replaceFix } from "../../fixes/fix.ts";
import { nextFreeAddress } from "../../questions/free.ts";
import { withOutsideAddress } from "../../questions/per-service.ts";
import { t } from "../../text/l10n.ts";
import type { Interface, Topology } from "../../topology/model.ts";

export const virtualAddressTaken: Check<"KN192"> = {
  code: "KN192",
  name: "virtual-address-taken",
  family: "addresses",
  severity: "error",
  summary: "A service's external or load balancer IP is the address of a machine.",
  documentation: `## What happens

On every node, kube-proxy rewrites packets for this address and the service's ports to the service's endpoints. With
IPVS, the address is assigned to \`kube-ipvs0\` on every node, so the machine is unreachable from the whole cluster on
every port. If it is the address of a gateway, the nodes are cut off from other networks.

## How to fix it

Use an address that no machine has. To expose a service on a node's own address, use a node port.`,
  example: { bad: shop(service("external-ip 192.168.10.1")), good: shop(service("external-ip 192.168.10.200")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { services } = cluster;
      for (const one of withOutsideAddress(cluster)) {
        const given = [
          ...one.externalIps.map((address) => ({ ...address, isExternal: true })),
          ...one.loadBalancerIps.map((address) => ({ ...address, isExternal: false })),
        ];
        for (const { ip, source, isExternal } of given) {
          const iface = holder(topology, ip);
          if (!iface) continue;
          const text = formatIp(ip);
          const machine = machineText(iface.station);
          const ipvs = services.kubeProxy.mode === "ipvs";
          const consequence = ipvs
            ? t`every node treats ${text} as its own address`
            : t`nodes send packets for the service's ports to the service, not to ${machine}`;
          yield finding(
            virtualAddressTaken,
            source,
            isExternal
              ? t`external IP ${text} of service \`${one.name}\` is the address of ${machine}: ${consequence}`
              : t`load balancer IP ${text} of service \`${one.name}\` is the address of ${machine}: ${consequence}`,
            {
              severity: ipvs || iface.station.kind === "router" ? "error" : "warning",
              related: [{ source: iface.source, message: t`${machine} has ${text}` }],
              fixes: otherAddress(topology, iface, ip, source),
            },
          );
        }
      }
    }
  },
};

function otherAddress(topology: Topology, { segment }: Interface, ip: Ip, place: Origin): readonly Fix[] {
  const own = topology.segments.get(segment);
  const free = own && nextFreeAddress(topology, own, ip);
  const isOnly = place.decl.values.length === 1;
  return [
    ...(free === undefined
      ? []
      : [replaceFix(t`Change to ${formatIp(free)} (not assigned to any machine)`, place, formatIp(free))]),
    removeFix(t`Remove ${formatIp(ip)}`, isOnly ? sourceAt(place, "whole") : place),
  ];
}

function holder(topology: Topology, ip: Parameters<Topology["interfacesWith"]>[1]): Interface | undefined {
  for (const segment of topology.segments.keys()) {
    const [found] = topology.interfacesWith(segment, ip);
    if (found) return found;
  }
  return undefined;
}
