import { formatIp, type Ip } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import type { Interface, Topology } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, removeFix, replaceFix } from "../finding.ts";
import { withOutsideAddress } from "../services/each.ts";
import { service, shop } from "../services/example.ts";
import { sourceAt } from "../source.ts";
import { nextFreeAddress } from "./free.ts";

export const virtualAddressTaken: Check = {
  code: "KN192",
  name: "virtual-address-taken",
  family: "addresses",
  severity: "error",
  summary: "An external or load balancer address of a service is that of a machine.",
  documentation: `On every node kube-proxy takes packets to that address and the service's ports for the service; with IPVS the address is on kube-ipvs0 of every node, so that
the machine vanishes for the whole cluster, with every port: a gateway's address here cuts the nodes off.

Use an address that no machine has. A node's own address is meant by a node port.`,
  example: { bad: shop(service("external-ip 192.168.10.1")), good: shop(service("external-ip 192.168.10.200")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { services } = cluster;
      for (const one of withOutsideAddress(cluster)) {
        const given = [
          ...one.externalIps.map((address) => ({ ...address, kind: "external address" })),
          ...one.loadBalancerIps.map((address) => ({ ...address, kind: "load balancer address" })),
        ];
        for (const { ip, source, kind } of given) {
          const iface = holder(topology, ip);
          if (!iface) continue;
          const { kind: what, path } = iface.station;
          const ipvs = services.kubeProxy.mode === "ipvs";
          const then = ipvs
            ? `every node takes ${formatIp(ip)} for its own`
            : `nodes translate what is sent to it at the service's ports`;
          yield finding(
            virtualAddressTaken,
            source,
            `the ${kind} ${formatIp(ip)} of service ${one.name} is that of ${what} ${path}: ${then}`,
            {
              severity: ipvs || what === "router" ? "error" : "warning",
              related: [{ source: iface.source, message: `${what} ${path} has ${formatIp(ip)}` }],
              fixes: otherAddress(topology, iface, ip, source),
            },
          );
        }
      }
    }
  },
};

function otherAddress(topology: Topology, { segment }: Interface, ip: Ip, place: Source): readonly Fix[] {
  const own = topology.segments.get(segment);
  const free = own && nextFreeAddress(topology, own, ip);
  const isOnly = place.statement.args.length === 1;
  return [
    ...(free === undefined ? [] : [replaceFix(`Use ${formatIp(free)}, which no machine has`, place, formatIp(free))]),
    removeFix(`Leave ${formatIp(ip)} out`, isOnly ? sourceAt(place, "whole") : place),
  ];
}

function holder(topology: Topology, ip: Parameters<Topology["interfacesWith"]>[1]): Interface | undefined {
  for (const segment of topology.segments.keys()) {
    const [found] = topology.interfacesWith(segment, ip);
    if (found) return found;
  }
  return undefined;
}
