import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { machineText } from "../../findings/machines.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";
import { stationAt } from "../../topology/stations.ts";

export const routeDevice: Check<"KN211"> = {
  code: "KN211",
  name: "route-device-unknown",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "A static route uses a device that does not exist.",
  documentation: `## What happens

\`ip route add\` fails with *Cannot find device*, and the route does not exist.

Interfaces are named \`eth0\`, \`eth1\`, … in the order of the \`attach\` statements.

## How to fix it

Use one of the machine's interfaces in the route, or attach the machine to another segment.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.10.1 dev eth1" }),
    good: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.10.1 dev eth0" }),
  },
  message: ({ station, dst, dev }) =>
    t`${machineText(station)} has no device \`${dev}\` for the route to ${dst}; interfaces are named \`eth0\`, \`eth1\`, … in order of \`attach\``,
  fixes: ({ station, dev }, source, { topology }) => {
    const devices = stationAt(topology, station.path)?.interfaces.map(({ device }) => device) ?? [];
    const place = argumentWith(sourceAt(source, "whole"), (text) => text === dev);
    return place.part === "whole"
      ? []
      : devices.slice(0, 3).map((device) => replaceFix(t`Change to \`${device}\``, place, device));
  },
};
