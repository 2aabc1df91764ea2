import { stationAt } from "../../topology/stations.ts";
import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { replaceFix } from "../finding.ts";
import { argumentWith, sourceAt } from "../source.ts";

export const routeDevice: Check = {
  code: "KN211",
  name: "route-device-unknown",
  family: "reachability",
  severity: "error",
  summary: "A static route names a device that the station does not have.",
  documentation: `Interfaces are called eth0, eth1 … in the order in which they are attached. \`ip route add\` answers *Cannot find device*.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.10.1 dev eth1" }),
    good: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.10.1 dev eth0" }),
  },
  message: ({ station, dst, dev }) =>
    `${station} has no device ${dev} for the route to ${dst}; its interfaces are eth0, eth1 … in the order of attach`,
  fixes: ({ station, dev }, source, { topology }) => {
    const devices = stationAt(topology, String(station))?.interfaces.map(({ device }) => device) ?? [];
    const place = argumentWith(sourceAt(source, "whole"), (text) => text === dev);
    return place.part === "whole"
      ? []
      : devices.slice(0, 3).map((device) => replaceFix(`Use ${device}`, place, device));
  },
};
