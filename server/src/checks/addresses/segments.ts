import type { Check } from "../../findings/check.ts";
import { overlapFindings } from "../../findings/overlaps.ts";
import { t } from "../../text/l10n.ts";

export const segments: Check<"KN107"> = {
  code: "KN107",
  name: "segment-overlap",
  family: "addresses",
  severity: "error",
  summary: "Two connected segments overlap.",
  documentation: `## What happens

A router between the two segments has a connected route for each. All packets to the shared range follow the more
specific route, or, if both are equal, the route that was added first. Machines on the other segment are unreachable. A
machine on one segment sends ARP requests for addresses of the other segment on its own link and receives no reply.

## How to fix it

Use disjoint ranges. Segments that no router or node connects can have the same range. Declare two parts of the same
link as a single \`segment\`.`,
  example: {
    bad: `segment rack-a { cidr 10.168.0.0/16 }
segment rack-b { cidr 10.168.1.0/24 }
router tor { attach rack-a 10.168.0.1; attach rack-b 10.168.1.1 }
`,
    good: `segment rack-a { cidr 10.168.0.0/24 }
segment rack-b { cidr 10.168.1.0/24 }
router tor { attach rack-a 10.168.0.1; attach rack-b 10.168.1.1 }
`,
  },
  run: (context) =>
    overlapFindings(segments, context, {
      kind: "segment-segment",
      blame: "b",
      consequence: ({ a, b }) =>
        t`packets to the shared range reach segment \`${b.segment}\` or segment \`${a.segment}\`, but never both`,
    }),
};
