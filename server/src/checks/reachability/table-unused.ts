import { formatIp } from "../../addressing/ip.ts";
import { argument } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { appendFix, type Fix } from "../../fixes/fix.ts";
import { routingStations } from "../../questions/policy-routing.ts";
import { t } from "../../text/l10n.ts";
import type { Station, TableRoute } from "../../topology/model.ts";

const multihomed = (rule: string): string => `segment lan { cidr 10.0.0.0/24 }
segment storage { cidr 10.30.0.0/24 }
host nas {
  attach lan 10.0.0.11
  attach storage 10.30.0.11
  route default via 10.30.0.1 dev eth1 table 100${rule}
}
`;

export const tableUnused: Check<"KN262"> = {
  code: "KN262",
  name: "routing-table-unused",
  family: "reachability",
  severity: "warning",
  summary: "No routing rule looks up the table of a route.",
  documentation: `## What happens

The kernel looks up the tables \`local\`, \`main\`, and \`default\`, and those named by rules. A route in any other table is never
used.

## How to fix it

Add a rule with \`rule … lookup N\`, or add the route to table \`main\`.

## References

- ip-rule(8)`,
  example: { bad: multihomed(""), good: multihomed("\n  rule from 10.30.0.11 lookup 100") },
  *run({ topology, open }: CheckContext): Iterable<Finding> {
    for (const station of routingStations(topology)) {
      const rules = open.netns(station.path)?.rules ?? [];
      const reported = new Set<string>();
      for (const route of station.policyRouting?.routes ?? []) {
        if (reported.has(route.table) || rules.some(({ table }) => table === route.table)) continue;
        reported.add(route.table);
        yield finding(
          tableUnused,
          argument(route.source, "table") ?? route.source,
          t`no rule of ${machineText(station)} looks up table ${route.table}: this route is never used`,
          { fixes: fixesOf(station, route) },
        );
      }
    }
  },
};

/** A rule for the addresses of the interface that the route uses. */
function fixesOf({ interfaces, source }: Station, { dev, via, dst, table }: TableRoute): readonly Fix[] {
  const [hop] = via;
  const iface = interfaces.find(({ device }) => device === dev) ?? (hop === undefined ? undefined : interfaces[0]);
  return (iface?.addresses ?? [])
    .filter(({ ip }) => typeof ip === typeof dst.ip)
    .map(({ ip }) => {
      const line = `rule from ${formatIp(ip)} lookup ${table}`;
      return appendFix(t`Add \`${line}\``, source, line);
    });
}
