import type { Check } from "../check.ts";
import { appendFix } from "../finding.ts";

const lan = (attach: string): string => `segment lan { cidr 192.168.10.0/24; gateway tor }
segment wan { cidr 192.168.20.0/24 }
router tor { attach wan 192.168.20.1${attach} }
host h1 { attach lan 192.168.10.11 }
`;

export const gatewayNotAttached: Check = {
  code: "KN124",
  name: "gateway-not-attached",
  family: "addresses",
  severity: "error",
  summary: "The router that is to be a segment's gateway is not on the segment.",
  documentation: `A gateway is a neighbour: the stations find it by ARP on their own segment. Attach the router, or name another one.`,
  example: { bad: lan(""), good: lan("; attach lan 192.168.10.1") },
  message: ({ router, segment }) =>
    `router ${router} is not attached to segment ${segment}, so it cannot be the gateway there; attach it`,
  fixes: (data, _source, { topology }) => {
    const router = topology.routers.find(({ path }) => path === data.router);
    return router
      ? [appendFix(`Attach ${data.router} to ${data.segment}`, router.source, `attach ${data.segment}`)]
      : [];
  },
};
