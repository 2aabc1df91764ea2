import { formatIp } from "../../addressing/ip.ts";
import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { machineText } from "../../findings/machines.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";
import { stationAt } from "../../topology/stations.ts";

export const routeGateway: Check<"KN210"> = {
  code: "KN210",
  name: "route-gateway-off-link",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "The kernel rejects the gateway of a static route.",
  documentation: `## What happens

A next hop is the directly connected machine that receives the packet, so it must be in a network that the machine is
attached to. \`ip route add\` fails with *Nexthop has invalid gateway*, and the route does not exist. The same is true for a
broadcast address, and for the machine's own IPv6 address (*Gateway can not be a local address*).

## How to fix it

Use the directly connected router as the next hop, not the machine on the far side of the router.

## References

- Linux: \`net/ipv4/fib_semantics.c\` (\`fib_check_nh\`), \`net/ipv6/route.c\` (\`ip6_validate_gw\`)`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.20.12" }),
    good: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.10.1" }),
  },
  message: ({ station: ref, dst, via: hops, cause }) => {
    const station = machineText(ref);
    const via = hops.map(formatIp).join(", ");
    if (cause === "own")
      return t`next hop ${via} for ${dst} is an address of ${station} itself: the kernel rejects the route ("Gateway can not be a local address")`;
    return cause === "broadcast"
      ? t`next hop ${via} for ${dst} is a broadcast address on ${station}: the kernel rejects the route ("Nexthop has invalid gateway")`
      : t`next hop ${via} for ${dst} is not on-link on ${station}: the kernel rejects the route ("Nexthop has invalid gateway")`;
  },
  fixes: ({ station: { path }, via }, source, { topology }) => {
    const [hop, ...others] = via;
    if (hop === undefined || others.length > 0) return [];
    const at = argumentWith(sourceAt(source, "whole"), (text) => text === formatIp(hop));
    const station = stationAt(topology, path);
    const gateways = station?.interfaces.flatMap(({ segment }) => topology.segments.get(segment)?.gateways ?? []) ?? [];
    if (at.part === "whole") return [];
    return gateways
      .filter((ip) => typeof ip === typeof hop)
      .map((ip) => replaceFix(t`Change next hop to ${formatIp(ip)}`, at, formatIp(ip)));
  },
};
