import { formatIp } from "../../addressing/ip.ts";
import { stationAt } from "../../topology/stations.ts";
import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const routeGateway: Check = {
  code: "KN210",
  name: "route-gateway-off-link",
  family: "reachability",
  severity: "error",
  summary: "The kernel refuses a static route: its gateway is not on-link.",
  documentation: `A next hop is the layer-2 neighbour to which a packet is handed, so it must lie in a network that the station is attached
to. \`ip route add\` answers *Nexthop has invalid gateway* (fib_check_nh, net/ipv4/fib_semantics.c), and the route does not exist.

Name the router on the way instead of the station behind it.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.20.12" }),
    good: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.10.1" }),
  },
  message: ({ station, dst, via }) =>
    `${station} cannot have a route to ${dst} via ${via}: that gateway is in none of its networks ("Nexthop has invalid gateway"); name a neighbour on the way`,
  fixes: ({ station: path, via }, source, { topology }) => {
    const at = source.statement.args.findIndex(({ text }) => text === via);
    const station = stationAt(topology, String(path));
    const gateways = station?.interfaces.flatMap(({ segment }) => topology.segments.get(segment)?.gateways ?? []) ?? [];
    const wanted = String(via).includes(":") ? "bigint" : "number";
    if (at < 0) return [];
    return gateways
      .filter((ip) => typeof ip === wanted)
      .map((ip) => replaceFix(`Go by the router, ${formatIp(ip)}`, sourceAt(source, at), formatIp(ip)));
  },
};
