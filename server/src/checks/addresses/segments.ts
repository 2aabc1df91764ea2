import type { Check } from "../check.ts";
import { overlapFindings } from "./overlaps.ts";

export const segments: Check = {
  code: "KN107",
  name: "segment-overlap",
  family: "addresses",
  severity: "error",
  summary: "Two segments that a path connects have overlapping ranges.",
  documentation: `A router between the two has a connected route for each; the more specific one, or the one that came first, takes
all packets for the shared part, and stations on the other segment cannot be reached. Stations on one segment look for those
of the other by ARP on their own wire and get no answer.

Segments that no router or node connects may have the same range. Two pieces of the same wire are one \`segment\`.`,
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
      consequence: ({ a, b }) => `packets for that part reach only one of ${a.segment} and ${b.segment}`,
    }),
};
