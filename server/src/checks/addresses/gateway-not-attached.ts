import type { Check } from "../../findings/check.ts";
import { appendFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const lan = (attach: string): string => `segment lan { cidr 192.168.10.0/24; gateway tor }
segment wan { cidr 192.168.20.0/24 }
router tor { attach wan 192.168.20.1${attach} }
host h1 { attach lan 192.168.10.11 }
`;

export const gatewayNotAttached: Check<"KN124"> = {
  code: "KN124",
  name: "gateway-not-attached",
  family: "addresses",
  severity: "error",
  summary: "A segment's gateway router is not attached to the segment.",
  documentation: `## What happens

A gateway must be on-link: machines resolve its address with ARP on their own segment. Without a gateway on the segment,
they have no default route.

## How to fix it

Attach the router to the segment, or set a different gateway.`,
  example: { bad: lan(""), good: lan("; attach lan 192.168.10.1") },
  message: ({ router, segment }) =>
    t`router \`${router}\` is not attached to segment \`${segment}\` and cannot be its gateway`,
  fixes: (data, _source, { topology }) => {
    const router = topology.routers.find(({ path }) => path === data.router);
    return router
      ? [
          appendFix(
            t`Attach router \`${data.router}\` to segment \`${data.segment}\``,
            router.source,
            `attach ${data.segment}`,
          ),
        ]
      : [];
  },
};
