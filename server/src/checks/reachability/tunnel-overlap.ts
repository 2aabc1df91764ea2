import { formatPrefix, prefixContains, prefixCovers, prefixEquals, prefixOf } from "../../addressing/ip.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { CARRIED, twoSites } from "../../findings/examples/tunnels.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { directionsOf } from "../../questions/tunnels.ts";
import { t } from "../../text/l10n.ts";

export const tunnelOverlap: Check<"KN273"> = {
  code: "KN273",
  name: "tunnel-overlap",
  family: "reachability",
  severity: "error",
  summary: "A tunnel carries a prefix that overlaps a network on the other side.",
  documentation: `## What happens

A machine gets a route through the tunnel to each prefix of the other side. If the prefix is equal to a network on the machine's
own side, or part of a segment that it is attached to, packets to these addresses take only one of the two paths. The usual case
is two companies or sites that both use 192.168.1.0/24. A shorter prefix (10.0.0.0/8 to the headquarters) is intended: the
routes to local networks are more specific.

## How to fix it

Renumber one side (\`knet plan\` shows free prefixes), carry only the parts that do not overlap, or translate addresses on both sides.`,
  example: {
    bad: twoSites(`${CARRIED.replace("10.2.0.0/24", "10.1.0.0/24")}`),
    good: twoSites(CARRIED),
  },
  *run(context: CheckContext): Iterable<Finding> {
    for (const { tunnel, from, to, station } of directionsOf(context)) {
      const local = station.interfaces.flatMap(({ addresses, source }) =>
        addresses.map(({ ip, len }) => ({ prefix: prefixOf(ip, len), source })),
      );
      for (const { prefix, source } of to.prefixes) {
        const other =
          from.prefixes.find((one) => prefixEquals(one.prefix, prefix)) ??
          local.find((one) => prefixCovers(one.prefix, prefix) && !prefixContains(one.prefix, to.endpoint));
        if (!other) continue;
        yield finding(
          tunnelOverlap,
          source,
          t`tunnel \`${tunnel.name}\` carries ${formatPrefix(prefix)} to \`${to.path}\`, which overlaps ${formatPrefix(other.prefix)} on the side of \`${from.path}\`: packets to the shared addresses take only one of the two paths`,
          { related: [{ source: other.source, message: t`${formatPrefix(other.prefix)} is used here` }] },
        );
      }
    }
  },
};
