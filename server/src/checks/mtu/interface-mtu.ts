import { childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Interface } from "../../topology/model.ts";
import { interfacesWhere } from "../../topology/stations.ts";

const lan = (mtu: number): string => `segment lan {
  cidr 192.168.10.0/24
  mtu 1500
}
host h1 { attach lan 192.168.10.11 { mtu ${mtu} } }
`;

export const interfaceMtu: Check<"KN301"> = {
  code: "KN301",
  name: "interface-mtu-above-segment",
  family: "mtu",
  severity: "error",
  explains: ["oversized-frames"],
  summary: "An interface's MTU is larger than its segment's MTU.",
  documentation: `## What happens

Switches silently drop frames that are too long, and because no router is involved, no ICMP error is sent. Small packets
pass, so ping and TCP handshakes work, but large transfers hang.

## How to fix it

Set the MTU of the interface to the segment's MTU, or raise the MTU of every switch and machine on the segment.`,
  example: { bad: lan(9000), good: lan(1500) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    // The interfaces of a pool share one statement.
    const byStatement = new Map<object, { readonly iface: Interface; count: number }>();
    for (const iface of large(topology)) {
      const same = byStatement.get(iface.source.decl.handle);
      if (same) same.count += 1;
      else byStatement.set(iface.source.decl.handle, { iface, count: 1 });
    }
    for (const { iface, count } of byStatement.values()) {
      const segment = topology.segments.get(iface.segment);
      if (!segment) continue;
      const place = childOf({ ...iface.source, part: "whole" }, "mtu", 0);
      const { mtu, device, station } = iface;
      const where = machineText(station);
      yield finding(
        interfaceMtu,
        place,
        count > 1
          ? t`MTU ${mtu} of \`${device}\` on ${where} and ${plural(count - 1, "more interface")} exceeds MTU ${segment.mtu} of segment \`${segment.name}\`: larger packets are dropped silently`
          : t`MTU ${mtu} of \`${device}\` on ${where} exceeds MTU ${segment.mtu} of segment \`${segment.name}\`: larger packets are dropped silently`,
        {
          related: [
            {
              source: childOf(segment.source, "mtu"),
              message: t`segment \`${segment.name}\` carries packets of up to ${segment.mtu} bytes`,
            },
          ],
          fixes: place.part === 0 ? [replaceFix(t`Change to ${segment.mtu}`, place, String(segment.mtu))] : [],
        },
      );
    }
  },
};

const large = interfacesWhere(({ mtu }, segment) => mtu > segment.mtu);
