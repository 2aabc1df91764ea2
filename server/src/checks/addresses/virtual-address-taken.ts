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
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Interface, ProcessSpec, Service, Topology, Workload } from "../../topology/model.ts";

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

The severity depends on the machine:

- *error*: a router, or any machine if kube-proxy uses IPVS.
- *warning*: a host, a node of another cluster, or a node that itself has a process on the service's port.
- *info*: an external IP that is the address of a node of this cluster, whose other ports are not affected.

A load balancer IP that is the address of a node is not reported: k3s's ServiceLB assigns the nodes' own addresses.

## How to fix it

Use an address that no machine has. To expose a service on a node's own address, use a node port.

## References

- docs.k3s.io, *Networking Services*, section *Service Load Balancer*
- kubernetes.io, *Service*, section *External IPs*`,
  example: { bad: shop(service("external-ip 192.168.10.1")), good: shop(service("external-ip 192.168.10.200")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      for (const one of withOutsideAddress(cluster)) {
        const taken = takenBy(topology, one);
        yield* taken
          .filter((each) => !isOwnNode(cluster, each) || listenerBehind(cluster, one, each))
          .map((each) => perAddress(topology, cluster, one, each));
        const shared = taken.filter(
          (each) => each.isExternal && isOwnNode(cluster, each) && !listenerBehind(cluster, one, each),
        );
        if (shared.length > 0) yield ofOwnNodes(one, shared);
      }
    }
  },
};

/** An external or load balancer IP, and the interface that has it. */
interface Taken {
  readonly ip: Ip;
  readonly source: Origin;
  readonly isExternal: boolean;
  readonly iface: Interface;
}

function takenBy(topology: Topology, { externalIps, loadBalancerIps }: Service): readonly Taken[] {
  const given = [
    ...externalIps.map((address) => ({ ...address, isExternal: true })),
    ...loadBalancerIps.map((address) => ({ ...address, isExternal: false })),
  ];
  return given.flatMap((one) => {
    const iface = holder(topology, one.ip);
    return iface ? [{ ...one, iface }] : [];
  });
}

/** Whether only packets for the service's ports are affected: a node of the cluster itself, without IPVS. */
function isOwnNode({ services, nodes }: Cluster, { iface }: Taken): boolean {
  return services.kubeProxy.mode !== "ipvs" && nodes.some(({ path }) => path === iface.station.path);
}

/** A process on the node, other than an endpoint of the service, that listens on a port of the service. */
function listenerBehind(cluster: Cluster, service: Service, { iface }: Taken): ProcessSpec | undefined {
  const node = cluster.nodes.find(({ path }) => path === iface.station.path);
  const onHost = cluster.workloads.filter(
    (one) => one.hostNetwork && !isSelected(service, one) && (one.on === undefined || one.on === node),
  );
  return [...(node?.processes ?? []), ...onHost.flatMap(({ containers }) => containers)].find(({ listeners }) =>
    service.ports.some(({ port, proto }) =>
      listeners.some((own) => own.proto === proto && own.first <= port && port <= own.last),
    ),
  );
}

function isSelected({ selector, namespace }: Service, workload: Workload): boolean {
  return (
    selector !== undefined &&
    workload.namespace === namespace &&
    [...selector].every(([key, value]) => workload.labels.get(key) === value)
  );
}

function perAddress(topology: Topology, cluster: Cluster, service: Service, one: Taken): Finding {
  const { ip, source, isExternal, iface } = one;
  const text = formatIp(ip);
  const machine = machineText(iface.station);
  const ipvs = cluster.services.kubeProxy.mode === "ipvs";
  const process = ipvs ? undefined : listenerBehind(cluster, service, one);
  const consequence = ipvs
    ? t`every node treats ${text} as its own address`
    : process
      ? t`packets to the port of its process \`${process.name}\` reach the service instead`
      : t`nodes send packets for the service's ports to the service, not to ${machine}`;
  return finding(
    virtualAddressTaken,
    source,
    isExternal
      ? t`external IP ${text} of service \`${service.name}\` is the address of ${machine}: ${consequence}`
      : t`load balancer IP ${text} of service \`${service.name}\` is the address of ${machine}: ${consequence}`,
    {
      severity: ipvs || iface.station.kind === "router" ? "error" : "warning",
      related: [
        { source: iface.source, message: t`${machine} has ${text}` },
        ...(process ? [{ source: process.source, message: t`process \`${process.name}\`` }] : []),
      ],
      fixes: otherAddress(topology, iface, ip, source),
    },
  );
}

/** One finding for all addresses of the cluster's nodes: on purpose, or a node port in another form. */
function ofOwnNodes({ name, ports }: Service, taken: readonly Taken[]): Finding {
  const addresses = list(taken.map(({ ip }) => formatIp(ip)));
  const exposed = list(ports.map(({ port, proto }) => `${port}/${proto}`));
  const nodes = list(taken.map(({ iface }) => `\`${iface.station.path}\``));
  return finding(
    virtualAddressTaken,
    taken[0]!.source,
    taken.length === 1
      ? t`external IP ${addresses} of service \`${name}\` is the address of node ${nodes}: connections to ${exposed} at this address reach the service, not the node`
      : t`external IPs ${addresses} of service \`${name}\` are the addresses of nodes ${nodes}: connections to ${exposed} at these addresses reach the service, not the nodes`,
    {
      severity: "info",
      related: taken.map(({ iface, ip }) => ({
        source: iface.source,
        message: t`${machineText(iface.station)} has ${formatIp(ip)}`,
      })),
    },
  );
}

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
