import type { Check } from "../../findings/check.ts";
import { machineText } from "../../findings/machines.ts";
import { appendFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const office = (attach: string): string => `segment office { cidr 192.168.1.0/24 }
segment wan { cidr 203.0.113.0/24 }
router edge {
  attach office 192.168.1.1${attach}
  masquerade from 192.168.1.0/24 out wan
}
`;

export const natSegment: Check<"KN126"> = {
  code: "KN126",
  name: "nat-not-attached",
  family: "addresses",
  severity: "error",
  summary: "A rule names a segment that the machine is not attached to.",
  documentation: `## What happens

In NAT rules, access lists, and routing rules, \`out\`, \`in\`, and \`iif\` specify the interface on which packets leave or arrive. Without an interface on the segment, the rule
never applies, and packets pass unmodified.

## How to fix it

Attach the machine to the segment, or name a different segment in the rule.`,
  example: { bad: office(""), good: office("\n  attach wan 203.0.113.2") },
  message: ({ segment, station }) =>
    t`${machineText(station)} has no interface on segment \`${segment}\`, so this rule never applies`,
  fixes: ({ station: { path }, segment }, _source, { topology }) => {
    const station = [...topology.routers, ...topology.hosts].find((one) => one.path === path);
    return station
      ? [appendFix(t`Attach \`${path}\` to segment \`${segment}\``, station.source, `attach ${segment}`)]
      : [];
  },
};
