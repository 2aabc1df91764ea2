import { family, formatIp, type Ip, prefixContains } from "../../addressing/ip.ts";
import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { appendFix, type Fix, replaceFix, wordsEdit } from "../../fixes/fix.ts";
import { balancerPeers } from "../../kubernetes/balancer.ts";
import { nextFreeAddress } from "../../questions/free.ts";
import { withOutsideAddress } from "../../questions/per-service.ts";
import { t } from "../../text/l10n.ts";
import { nearestFew } from "../../text/nearest.ts";
import type { Cluster, Router, Topology } from "../../topology/model.ts";

const balanced = (cluster: string): string =>
  shop("service api { select app=api; port 80 -> 9090; load-balancer-ip 192.168.10.200 }", cluster);

export const balancerNowhere: Check<"KN513"> = {
  code: "KN513",
  name: "load-balancer-nowhere",
  family: "services",
  severity: "warning",
  summary: "No machine accepts packets to a load balancer IP.",
  documentation: `## What happens

Kubernetes does not include a load balancer: a cloud controller or MetalLB assigns the address in a service's status. kube-proxy
rewrites packets to this address on the nodes, but the packets must reach a node first.

## How to fix it

Choose how packets to the address reach a node:

- \`load-balancer l2\`: a node replies to ARP for the address. The address must be in a segment of the nodes.
- \`load-balancer bgp\`, \`proxy\`, or \`pass-through\`, with the router that implements it (\`by ROUTER\`). For \`bgp\` and
  \`pass-through\`, the router must be on a segment of the nodes.
- A static route to the address on a router or host.
- An address of a node, like k3s's ServiceLB.

## References

- kubernetes.io, *Service*, sections *Service type* and *type: LoadBalancer*
- MetalLB, *Concepts*`,
  example: { bad: balanced(""), good: balanced("load-balancer l2") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      for (const { name, type, loadBalancerIps } of withOutsideAddress(cluster)) {
        if (type !== "load-balancer") continue;
        for (const { ip, source } of loadBalancerIps) {
          const why = whyNowhere(topology, cluster, ip);
          if (why === undefined) continue;
          yield finding(
            balancerNowhere,
            source,
            t`no node receives packets to ${formatIp(ip)}, the load balancer IP of service \`${name}\`: ${why}`,
            { fixes: fixesFor(topology, cluster, ip, source) },
          );
        }
      }
    }
  },
};

function whyNowhere(topology: Topology, cluster: Cluster, ip: Ip): string | undefined {
  const { loadBalancer } = cluster.services;
  if (isRouted(topology, ip) || isOwn(cluster, ip)) return undefined;
  if (!loadBalancer)
    return t`cluster \`${cluster.name}\` has no load balancer; add \`load-balancer l2\`, \`bgp\`, \`proxy\`, or \`pass-through\``;
  if (loadBalancer.kind === "l2") {
    return isNear(topology, cluster, ip)
      ? undefined
      : t`no segment of the nodes contains it, so no machine sends ARP requests for it to the nodes`;
  }
  if (loadBalancer.by === undefined) return t`\`load-balancer ${loadBalancer.kind}\` requires a router (\`by ROUTER\`)`;
  const router = topology.routers.find(({ path }) => path === loadBalancer.by);
  if (!router) return t`router \`${loadBalancer.by}\` does not exist`;
  if (!isFar(topology, cluster, router, ip)) return undefined;
  return loadBalancer.kind === "bgp"
    ? t`router \`${router.path}\` is not on a segment of the nodes, so their eBGP sessions (TTL 1) do not come up`
    : t`router \`${router.path}\` is not on a segment of the nodes, so it cannot forward packets to them unchanged`;
}

/** Whether the router must be on-link for the nodes, and is not for any of them. */
function isFar(topology: Topology, cluster: Cluster, router: Router, ip: Ip): boolean {
  const { kind } = cluster.services.loadBalancer ?? {};
  if ((kind !== "bgp" && kind !== "pass-through") || cluster.nodes.length === 0) return false;
  const peerOf = balancerPeers(topology, router, cluster);
  return cluster.nodes.every((node) => peerOf(node, family(ip)).kind === "far");
}

/** Whether a node has the address: k3s's ServiceLB uses the nodes' own addresses. */
function isOwn({ nodes }: Cluster, ip: Ip): boolean {
  return nodes.some(
    ({ interfaces, edge }) =>
      interfaces.some(({ addresses }) => addresses.some((own) => own.ip === ip)) ||
      edge?.loopbacks.some((own) => own.ip === ip),
  );
}

/** Whether a segment of the nodes contains the address: only then do ARP requests for it reach a node. */
function isNear({ segments }: Topology, { nodes }: Cluster, ip: Ip): boolean {
  return nodes.some(({ interfaces }) =>
    interfaces.some(({ segment }) => segments.get(segment)?.cidrs.some((cidr) => prefixContains(cidr, ip))),
  );
}

/** Whether a router or host has a static route to the address, other than a default route. */
function isRouted({ routers, hosts, segments }: Topology, ip: Ip): boolean {
  const onSegment = [...segments.values()].some(({ cidrs }) => cidrs.some((cidr) => prefixContains(cidr, ip)));
  if (onSegment) return false;
  return [...routers, ...hosts].some(({ routes }) =>
    routes.some(({ dst, type }) => type === "unicast" && dst.len > 0 && prefixContains(dst, ip)),
  );
}

/** A load balancer kind that can reach the nodes, their router, or a free address of their segment (layer 2). */
function fixesFor(topology: Topology, cluster: Cluster, ip: Ip, place: Origin): readonly Fix[] {
  const { loadBalancer } = cluster.services;
  const segment = topology.segments.get(cluster.nodes[0]?.interfaces[0]?.segment ?? "");
  const router = segment && topology.attachedTo(segment.name).find(({ station }) => station.kind === "router");
  const by = router && `by ${router.station.path}`;
  if (!loadBalancer) {
    const l2 = appendFix(t`Add \`load-balancer l2\` (a node replies to ARP)`, cluster.source, "load-balancer l2");
    const bgp =
      by === undefined
        ? []
        : [appendFix(t`Add \`load-balancer bgp ${by}\``, cluster.source, `load-balancer bgp ${by}`)];
    return isNear(topology, cluster, ip) ? [l2, ...bgp] : [...bgp, l2];
  }
  if (loadBalancer.kind === "l2") {
    const first = segment?.cidrs.find((cidr) => typeof cidr.ip === typeof ip);
    const free = segment && first && nextFreeAddress(topology, segment, first.ip);
    return segment === undefined || free === undefined
      ? []
      : [replaceFix(t`Change to ${formatIp(free)} (free in segment \`${segment.name}\`)`, place, formatIp(free))];
  }
  if (loadBalancer.by === undefined)
    return by === undefined ? [] : [{ title: t`Add \`${by}\``, edits: [wordsEdit(loadBalancer.source, by)] }];
  const written = argumentWith(sourceAt(loadBalancer.source, "whole"), (text) => text === loadBalancer.by);
  const known = topology.routers.map(({ path }) => path);
  if (known.includes(loadBalancer.by)) {
    const near = router?.station.path;
    return near === undefined ? [] : [replaceFix(t`Change to \`${near}\` (on the nodes' segment)`, written, near)];
  }
  return nearestFew(loadBalancer.by, known, 3).map((path) => replaceFix(t`Change to \`${path}\``, written, path));
}
