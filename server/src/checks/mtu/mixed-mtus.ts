import type { Interface } from "../../topology/model.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, setFix } from "../finding.ts";
import { childOf } from "../source.ts";

const lan = (mtu: number): string => `segment lan {
  cidr 192.168.10.0/24
  mtu 9000
}
host h1 { attach lan 192.168.10.11 }
host h2 { attach lan 192.168.10.12 { mtu ${mtu} } }
`;

export const mixedMtus: Check = {
  code: "KN305",
  name: "mixed-mtus",
  family: "mtu",
  severity: "warning",
  summary: "Interfaces on one segment have different MTUs.",
  documentation: `A station sends frames of its own MTU and knows nothing of the receiver's; a network card drops frames longer than its MTU without a word. TCP agrees on a segment size
and gets along between the two stations themselves; UDP, tunnels (VXLAN, IPIP) and routed packets do not. flannel takes each node's own value
for its pods and does not reconcile them.

One segment, one MTU: set the same on all stations and switches.`,
  example: { bad: lan(1500), good: lan(9000) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const segment of topology.segments.values()) {
      let largest: Interface | undefined;
      const smaller = new Map<object, Interface>();
      for (const iface of topology.attachedTo(segment.name)) {
        // Above the segment's MTU: KN301.
        if (iface.mtu <= segment.mtu && iface.mtu > (largest?.mtu ?? 0)) largest = iface;
        if (iface.mtu < segment.mtu && !smaller.has(iface.source.statement)) smaller.set(iface.source.statement, iface);
      }
      for (const iface of smaller.values()) {
        if (!largest || iface.mtu >= largest.mtu) continue;
        yield finding(
          mixedMtus,
          childOf({ ...iface.source, part: "whole" }, "mtu", 0),
          `MTU ${iface.mtu} of ${iface.device} on ${iface.station.path} is below the ${largest.mtu} of ${largest.station.path} on the same segment ${segment.name}: longer frames sent to it are dropped; use one MTU on a segment`,
          {
            related: [
              {
                source: largest.source,
                message: `${largest.station.path} sends packets of up to ${largest.mtu} bytes`,
              },
            ],
            fixes: [
              setFix(`Use ${largest.mtu} here too`, { ...iface.source, part: "whole" }, "mtu", String(largest.mtu)),
            ],
          },
        );
      }
    }
  },
};
