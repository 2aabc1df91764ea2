import { childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { setFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";
import type { Interface } from "../../topology/model.ts";
import { interfacesWhere } from "../../topology/stations.ts";

const lan = (mtu: number): string => `segment lan {
  cidr 192.168.10.0/24
  mtu 9000
}
host h1 { attach lan 192.168.10.11 }
host h2 { attach lan 192.168.10.12 { mtu ${mtu} } }
`;

export const mixedMtus: Check<"KN305"> = {
  code: "KN305",
  name: "mixed-mtus",
  family: "mtu",
  severity: "warning",
  summary: "Interfaces on one segment have different MTUs.",
  documentation: `## What happens

A machine sends frames up to its own MTU, regardless of the receiver's MTU. A network card silently drops frames longer than its
MTU. TCP negotiates a maximum segment size, so it works between the two machines themselves; UDP, tunnels (VXLAN, IPIP), and
routed packets do not adapt. flannel uses each node's own MTU for its pods and does not reconcile the values.

## How to fix it

Use one MTU per segment: set the same value on all machines and switches.`,
  example: { bad: lan(1500), good: lan(9000) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const segment of new Set(small(topology).map((iface) => topology.segments.get(iface.segment)))) {
      if (!segment) continue;
      let largest: Interface | undefined;
      const smaller = new Map<object, Interface>();
      for (const iface of topology.attachedTo(segment.name)) {
        // Above the segment's MTU: KN301.
        if (iface.mtu <= segment.mtu && iface.mtu > (largest?.mtu ?? 0)) largest = iface;
        if (iface.mtu < segment.mtu && !smaller.has(iface.source.decl.handle))
          smaller.set(iface.source.decl.handle, iface);
      }
      for (const iface of smaller.values()) {
        if (!largest || iface.mtu >= largest.mtu) continue;
        yield finding(
          mixedMtus,
          childOf({ ...iface.source, part: "whole" }, "mtu", 0),
          t`MTU ${iface.mtu} of \`${iface.device}\` on ${machineText(iface.station)} is below MTU ${largest.mtu} of ${machineText(largest.station)} on segment \`${segment.name}\`: larger frames to ${machineText(iface.station)} are dropped`,
          {
            related: [
              {
                source: largest.source,
                message: t`${machineText(largest.station)} sends packets of up to ${largest.mtu} bytes`,
              },
            ],
            fixes: [
              setFix(t`Set \`mtu\` to ${largest.mtu}`, { ...iface.source, part: "whole" }, "mtu", String(largest.mtu)),
            ],
          },
        );
      }
    }
  },
};

const small = interfacesWhere(({ mtu }, segment) => mtu < segment.mtu);
