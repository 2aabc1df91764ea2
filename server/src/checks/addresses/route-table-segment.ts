import type { Check } from "../../findings/check.ts";
import { appendFix, removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const vpc = (segments: string): string => `segment private { cidr 10.0.1.0/24 }
segment public { cidr 10.0.0.0/24 }
segment other { cidr 10.0.2.0/24 }
router vpc {
  attach private 10.0.1.1
  attach public 10.0.0.1
  route-table private {
    for ${segments}
    route default via 10.0.0.10
  }
}
host nat {
  attach public 10.0.0.10
  route 10.0.1.0/24 via 10.0.0.1
}
`;

export const routeTableSegment: Check<"KN166"> = {
  code: "KN166",
  name: "route-table-segment",
  family: "addresses",
  severity: "error",
  summary: "A route table names a segment that does not use it.",
  documentation: `## What happens

\`for\` lists the segments whose packets use the route table. The router must have an interface on each segment, and each
segment uses one table, as in a cloud, where a subnet is associated with one route table. knet uses the first table of a segment.

## How to fix it

Attach the router to the segment, name a different segment, or remove the segment from one of the tables.`,
  example: { bad: vpc("private other"), good: vpc("private") },
  message: ({ router, segment, other }) =>
    other === undefined
      ? t`router \`${router}\` has no interface on segment \`${segment}\`, so none of its packets use this route table`
      : t`segment \`${segment}\` already uses route table \`${other}\`, so its packets ignore this route table`,
  fixes: ({ router, segment, other }, source, { topology }) => {
    const station = topology.routers.find((one) => one.path === router);
    const attach =
      station && other === undefined
        ? [appendFix(t`Attach \`${router}\` to segment \`${segment}\``, station.source, `attach ${segment}`)]
        : [];
    return [...attach, removeFix(t`Remove \`${segment}\``, source)];
  },
};
