import type { Check } from "../../findings/check.ts";
import { reportHalfOpen, whereLost, whoReceivesNoReply } from "../../findings/half-open.ts";
import { machineText } from "../../findings/machines.ts";
import { wayBackFixes } from "../../fixes/return-path.ts";
import { t } from "../../text/l10n.ts";

const server = (route: string): string => `segment main { cidr 203.0.113.0/24; gateway border }
segment private { cidr 10.20.0.0/24 }
segment office { cidr 10.50.0.0/24; gateway inner }
router border { attach main 203.0.113.1 }
router inner { attach private 10.20.0.1; attach office 10.50.0.1 }
host web {
  attach main 203.0.113.11
  attach private 10.20.0.11
  listen 443/tcp${route}
}
host laptop { attach office 10.50.0.9; route 203.0.113.0/24 via 10.50.0.1 }
`;

export const replyOtherNetwork: Check<"KN247"> = {
  code: "KN247",
  name: "reply-through-another-network",
  family: "reachability",
  severity: "warning",
  summary: "A machine with two networks sends replies through the wrong network.",
  documentation: `## What happens

A request arrives on one interface of a node or host, but the route back to its source uses another interface, usually the default
route's. The machines there have no route to the sender, or a firewall drops a reply without a request. With MetalLB in layer 2
mode, this happens if the pool is on a network without the default route.

## How to fix it

Add a route to the sender's network via the router from which the requests arrive, or move the address to the network with the default
route.`,
  example: { bad: server(""), good: server("\n  route 10.50.0.0/24 via 10.20.0.1") },
  run: (context) =>
    reportHalfOpen(replyOtherNetwork, context, {
      kind: "other-network",
      message: (one) => {
        const { station, arrived, left } = one.cause;
        return t`${machineText(station)} receives requests on segment \`${arrived.segment}\` (\`${arrived.device}\`) and replies on \`${left.segment}\` (\`${left.device}\`): ${whoReceivesNoReply(one)}, because ${whereLost(one)}`;
      },
      fixes: (one) => wayBackFixes(context.peopled, one, one.cause.station),
    }),
};
