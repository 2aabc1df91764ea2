import { plural } from "../../text/words.ts";
import type { Interface } from "../../topology/model.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { childOf } from "../source.ts";

const lan = (mtu: number): string => `segment lan {
  cidr 192.168.10.0/24
  mtu 1500
}
host h1 { attach lan 192.168.10.11 { mtu ${mtu} } }
`;

export const interfaceMtu: Check = {
  code: "KN301",
  name: "interface-mtu-above-segment",
  family: "mtu",
  severity: "error",
  summary: "An interface sends larger packets than its segment carries.",
  documentation: `Switches drop a frame that is too long without a word: there is no router that could answer with ICMP. Small packets pass, so a ping and
a TCP handshake work, and large transfers hang.

Give the interface the segment's MTU, or raise that of every switch and station.`,
  example: { bad: lan(9000), good: lan(1500) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    // A pool's interfaces share their statement.
    const byStatement = new Map<object, { readonly iface: Interface; count: number }>();
    for (const segment of topology.segments.values()) {
      for (const iface of topology.attachedTo(segment.name)) {
        if (iface.mtu <= segment.mtu) continue;
        const same = byStatement.get(iface.source.statement);
        if (same) same.count += 1;
        else byStatement.set(iface.source.statement, { iface, count: 1 });
      }
    }
    for (const { iface, count } of byStatement.values()) {
      const segment = topology.segments.get(iface.segment);
      if (!segment) continue;
      const place = childOf({ ...iface.source, part: "whole" }, "mtu", 0);
      const others = count > 1 ? ` (and of ${plural(count - 1, "more interface")})` : "";
      yield finding(
        interfaceMtu,
        place,
        `MTU ${iface.mtu} of ${iface.device} on ${iface.station.path}${others} is above the ${segment.mtu} of segment ${segment.name}: larger packets vanish on the wire; lower it, or raise the segment's`,
        {
          related: [
            {
              source: childOf(segment.source, "mtu"),
              message: `segment ${segment.name} carries packets of at most ${segment.mtu} bytes`,
            },
          ],
          fixes: place.part === 0 ? [replaceFix(`Change to ${segment.mtu}`, place, String(segment.mtu))] : [],
        },
      );
    }
  },
};
