import { formatIp } from "../../addressing/ip.ts";
import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import { t } from "../../text/l10n.ts";
import { stationAt } from "../../topology/stations.ts";
import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { replaceFix } from "../finding.ts";
import { machineOf } from "../machine.ts";

export const routeGateway: Check = {
  code: "KN210",
  name: "route-gateway-off-link",
  family: "reachability",
  severity: "error",
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
  message: ({ dst, via, cause, ...data }) => {
    const station = machineOf(data);
    if (cause === "own")
      return t`next hop ${via} for ${dst} is an address of ${station} itself: the kernel rejects the route ("Gateway can not be a local address")`;
    return cause === "broadcast"
      ? t`next hop ${via} for ${dst} is a broadcast address on ${station}: the kernel rejects the route ("Nexthop has invalid gateway")`
      : t`next hop ${via} for ${dst} is not on-link on ${station}: the kernel rejects the route ("Nexthop has invalid gateway")`;
  },
  fixes: ({ station: path, via }, source, { topology }) => {
    const at = argumentWith(sourceAt(source, "whole"), (text) => text === via);
    const station = stationAt(topology, String(path));
    const gateways = station?.interfaces.flatMap(({ segment }) => topology.segments.get(segment)?.gateways ?? []) ?? [];
    const wanted = String(via).includes(":") ? "bigint" : "number";
    if (at.part === "whole") return [];
    return gateways
      .filter((ip) => typeof ip === wanted)
      .map((ip) => replaceFix(t`Change next hop to ${formatIp(ip)}`, at, formatIp(ip)));
  },
};
