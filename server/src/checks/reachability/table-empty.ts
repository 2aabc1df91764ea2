import { formatIp, prefixContains } from "../../addressing/ip.ts";
import { argument } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { appendFix, type Fix } from "../../fixes/fix.ts";
import { isFilled, routingStations } from "../../questions/policy-routing.ts";
import { t } from "../../text/l10n.ts";
import type { RoutingRule, Station, Topology } from "../../topology/model.ts";

const multihomed = (table: string): string => `segment lan { cidr 10.0.0.0/24 }
segment storage { cidr 10.30.0.0/24 }
router core {
  attach lan 10.0.0.1
  attach storage 10.30.0.1
}
host nas {
  attach lan 10.0.0.11
  attach storage 10.30.0.11
  rule from 10.30.0.11 lookup ${table}
  route default via 10.30.0.1 table 100
}
`;

export const tableEmpty: Check<"KN261"> = {
  code: "KN261",
  name: "routing-table-empty",
  family: "reachability",
  severity: "warning",
  summary: "A routing rule looks up a table without routes.",
  documentation: `## What happens

A table without a route for the packet is skipped, and the next rule applies, in the end table \`main\`. A rule that looks up an empty table
therefore has no effect, without an error: replies of a machine with several interfaces leave through the default route, and
\`rp_filter\` or a stateful firewall drops them.

## How to fix it

Add the routes to the table with \`route … table N\`, or look up the table that contains them.

## References

- Linux: \`net/core/fib_rules.c\` (\`fib_rules_lookup\`), ip-rule(8)`,
  example: { bad: multihomed("200"), good: multihomed("100") },
  *run({ topology, open }: CheckContext): Iterable<Finding> {
    for (const station of routingStations(topology)) {
      for (const rule of station.policyRouting?.rules ?? []) {
        if (isFilled(open, station, rule.table)) continue;
        yield finding(
          tableEmpty,
          argument(rule.source, "table") ?? rule.source,
          t`table ${rule.table} of ${machineText(station)} has no routes: the rule has no effect, and the packets use table main`,
          { fixes: fixesOf(topology, station, rule) },
        );
      }
    }
  },
};

/** A default route through the interface that has the source address of the rule. */
function fixesOf({ segments }: Topology, station: Station, { from, table }: RoutingRule): readonly Fix[] {
  const iface =
    from && station.interfaces.find(({ addresses }) => addresses.some(({ ip }) => prefixContains(from, ip)));
  const gateways = iface ? (segments.get(iface.segment)?.gateways ?? []) : [];
  return gateways
    .filter((ip) => typeof ip === typeof from?.ip)
    .map((ip) => {
      const line = `route default via ${formatIp(ip)} dev ${iface?.device ?? ""} table ${table}`;
      return appendFix(t`Add \`${line}\``, station.source, line);
    });
}
