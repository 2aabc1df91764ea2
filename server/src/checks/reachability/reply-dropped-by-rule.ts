import { formatIp } from "../../addressing/ip.ts";
import { directionIn } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { reportHalfOpen, whoReceivesNoReply } from "../../findings/half-open.ts";
import { machineText } from "../../findings/machines.ts";
import type { Fix } from "../../fixes/fix.ts";
import type { HalfOpen } from "../../questions/connections/half-open.ts";
import { t } from "../../text/l10n.ts";

const sites = (rule: string): string => `segment office { cidr 10.1.0.0/24; gateway a }
segment servers { cidr 10.2.0.0/24; gateway b }
segment transit { cidr 10.255.0.0/29 }
router a { attach office 10.1.0.1; attach transit 10.255.0.1; attach servers 10.2.0.2 }
router b {
  attach servers 10.2.0.1
  attach transit 10.255.0.2
  route 10.1.0.0/24 via 10.255.0.1
  ${rule}
}
host laptop { attach office 10.1.0.9 }
host web { attach servers 10.2.0.9; listen 443/tcp }
`;

export const replyDroppedByRule: Check<"KN246"> = {
  code: "KN246",
  name: "reply-dropped-by-rule",
  family: "reachability",
  severity: "warning",
  summary: "A stateful firewall drops replies because it did not see the requests.",
  documentation: `## What happens

An access list with a \`deny\` rule accepts replies of connections whose requests it has seen. If the request takes another path
(asymmetric routing), the replies match no connection, and the rule drops them. The server receives requests, but its replies never
arrive.

Rules that name both the source and the destination are not reported: they deny exactly these packets.

## How to fix it

Make the paths symmetric, or add a rule that allows the replies above this rule.`,
  example: { bad: sites("deny any"), good: sites("allow any from 10.2.0.0/24; deny any") },
  run: (context) =>
    reportHalfOpen(replyDroppedByRule, context, {
      kind: "one-direction",
      message: (one) => {
        const { station } = one.cause;
        const machine = station ? machineText(station) : t`a machine`;
        return t`this rule on ${machine} drops replies to requests that took another path: ${whoReceivesNoReply(one)}; make the paths symmetric, or allow the replies`;
      },
      fixes: allowReplies,
    }),
};

function allowReplies({ source, example, lost }: HalfOpen): readonly Fix[] {
  const packet = lost.steps.at(-1)?.packet;
  if (!packet) return [];
  const text = `allow ${example.proto}${directionIn(source.decl)} from ${formatIp(packet.src)} to ${formatIp(packet.dst)}`;
  return [{ title: t`Add \`${text}\` above this rule`, edits: [{ kind: "before", source, text }] }];
}
