import { formatIp, type Ip, prefixContains } from "../../addressing/ip.ts";
import { nearestFew } from "../../language/nearest.ts";
import type { Source } from "../../language/tree.ts";
import type { Cluster, Topology } from "../../topology/model.ts";
import { nextFreeAddress } from "../addresses/free.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { appendFix, finding, replaceFix, wordsEdit } from "../finding.ts";
import { argumentWith, sourceAt } from "../source.ts";
import { withOutsideAddress } from "./each.ts";
import { shop } from "./example.ts";

const balanced = (cluster: string): string =>
  shop("service api { select app=api; port 80 -> 9090; load-balancer-ip 192.168.10.200 }", cluster);

export const balancerNowhere: Check = {
  code: "KN513",
  name: "load-balancer-nowhere",
  family: "services",
  severity: "warning",
  summary: "Nobody takes packets to a load balancer's address.",
  documentation: `Kubernetes itself has no load balancer: an address in a service's status is a promise of a cloud's controller or of MetalLB. kube-proxy translates packets to
it on the nodes, but somebody must bring them there: \`load-balancer l2\` (a node answers ARP, so that the address must lie in a segment of the nodes), or
\`bgp\`, \`proxy\` or \`pass-through\` with the router that does it, or a route of your own.`,
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
            `packets to ${formatIp(ip)}, the load balancer's address of service ${name}, come to no node: ${why}`,
            { fixes: fixesFor(topology, cluster, ip, source) },
          );
        }
      }
    }
  },
};

function whyNowhere(topology: Topology, cluster: Cluster, ip: Ip): string | undefined {
  const { loadBalancer } = cluster.services;
  if (isRouted(topology, ip)) return undefined;
  if (!loadBalancer)
    return `cluster ${cluster.name} says of no load balancer; write load-balancer l2, bgp, proxy or pass-through`;
  if (loadBalancer.kind === "l2") {
    return isNear(topology, cluster, ip)
      ? undefined
      : `a node that answers ARP is asked only in its own segment, and no segment of the nodes contains it`;
  }
  if (loadBalancer.by === undefined)
    return `load-balancer ${loadBalancer.kind} needs the router that does it: by ROUTER`;
  const known = topology.routers.some(({ path }) => path === loadBalancer.by);
  return known ? undefined : `there is no router ${loadBalancer.by}`;
}

/** Would a node that answers ARP for the address be asked? */
function isNear({ segments }: Topology, { nodes }: Cluster, ip: Ip): boolean {
  return nodes.some(({ interfaces }) =>
    interfaces.some(({ segment }) => segments.get(segment)?.cidrs.some((cidr) => prefixContains(cidr, ip))),
  );
}

/** A route of somebody's own, other than a default route. */
function isRouted({ routers, hosts, segments }: Topology, ip: Ip): boolean {
  const onSegment = [...segments.values()].some(({ cidrs }) => cidrs.some((cidr) => prefixContains(cidr, ip)));
  if (onSegment) return false;
  return [...routers, ...hosts].some(({ routes }) =>
    routes.some(({ dst, type }) => type === "unicast" && dst.len > 0 && prefixContains(dst, ip)),
  );
}

/** What knows the nodes: one of them, their router; an address of their segment where a node is to answer. */
function fixesFor(topology: Topology, cluster: Cluster, ip: Ip, place: Source): readonly Fix[] {
  const { loadBalancer } = cluster.services;
  const segment = topology.segments.get(cluster.nodes[0]?.interfaces[0]?.segment ?? "");
  const router = segment && topology.attachedTo(segment.name).find(({ station }) => station.kind === "router");
  const by = router && `by ${router.station.path}`;
  if (!loadBalancer) {
    const l2 = appendFix("Let a node answer for it (layer 2)", cluster.source, "load-balancer l2");
    const bgp =
      by === undefined
        ? []
        : [
            appendFix(
              `Let router ${router?.station.path} have a route to it (BGP)`,
              cluster.source,
              `load-balancer bgp ${by}`,
            ),
          ];
    return isNear(topology, cluster, ip) ? [l2, ...bgp] : [...bgp, l2];
  }
  if (loadBalancer.kind === "l2") {
    const first = segment?.cidrs.find((cidr) => typeof cidr.ip === typeof ip);
    const free = segment && first && nextFreeAddress(topology, segment, first.ip);
    return free === undefined
      ? []
      : [replaceFix(`Use ${formatIp(free)}, which is free in segment ${segment?.name}`, place, formatIp(free))];
  }
  if (loadBalancer.by === undefined)
    return by === undefined
      ? []
      : [{ title: `Let router ${router?.station.path} do it`, edits: [wordsEdit(loadBalancer.source, by)] }];
  const written = argumentWith(sourceAt(loadBalancer.source, "whole"), (text) => text === loadBalancer.by);
  const known = topology.routers.map(({ path }) => path);
  return nearestFew(loadBalancer.by, known, 3).map((path) => replaceFix(`Let router ${path} do it`, written, path));
}
