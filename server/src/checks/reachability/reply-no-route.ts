import type { Check } from "../../findings/check.ts";
import { repliedTo, reportHalfOpen, whereLost, whoReceivesNoReply } from "../../findings/half-open.ts";
import { appendFix } from "../../fixes/fix.ts";
import { podRouteFixes, wayBackFixes } from "../../fixes/return-path.ts";
import { t } from "../../text/l10n.ts";

const sites = (route: string): string => `segment dc { cidr 192.168.10.0/24; gateway core }
segment line { cidr 192.168.255.0/30 }
segment office { cidr 192.168.20.0/24; gateway branch }
router core {
  attach dc 192.168.10.1
  attach line 192.168.255.1
  route 192.168.20.0/24 via 192.168.255.2
}
router branch { attach office 192.168.20.1; attach line 192.168.255.2${route} }
host backup { attach dc 192.168.10.5 }
host nas { attach office 192.168.20.9; listen 445/tcp }
`;

export const replyNoRoute: Check<"KN242"> = {
  code: "KN242",
  name: "reply-no-route",
  family: "reachability",
  severity: "warning",
  summary: "A machine has no route for replies to a sender whose requests arrive.",
  documentation: `## What happens

The request arrives, but a machine along the return path has no route to the sender, or its route points to another network. The server receives
connections that are never established (\`SYN_RECV\`), and the client times out. Traces in one direction, such as a capture on the
server or a test with UDP, look healthy.

knet tries the declared listeners: \`listen\` statements of hosts, nodes, and pods, and services. Requests that do not arrive are not
reported: a blocked connection is often intended, a lost reply is not. Replies from a host with \`answers any\` are
reported if the file describes NAT or a route back for some senders.

## How to fix it

Add a route back to the sender, or masquerade its packets at a router that the receiver's network has a route to.`,
  example: { bad: sites(""), good: sites("; route 192.168.10.0/24 via 192.168.255.1") },
  *run(context) {
    yield* reportHalfOpen(replyNoRoute, context, {
      kind: "no-nat",
      message: (one) => {
        const { exit, host } = one.cause;
        return t`packets from ${repliedTo(one)} leave through segment \`${exit.segment}\` without NAT, and host \`${host.path}\` has no route back: ${whoReceivesNoReply(one)}`;
      },
      fixes: ({ cause: { station, exit } }) => {
        const text = `masquerade out ${exit.segment}`;
        return [appendFix(t`Add \`${text}\` to \`${station.path}\``, station.source, text)];
      },
    });
    yield* reportHalfOpen(replyNoRoute, context, {
      kind: "no-return-route",
      message: (one) => t`no route back to ${repliedTo(one)}: ${whoReceivesNoReply(one)}, because ${whereLost(one)}`,
      fixes: (one) => [
        ...podRouteFixes(context.peopled, one, one.cause.station),
        ...wayBackFixes(context.peopled, one, one.cause.station),
      ],
    });
  },
};
