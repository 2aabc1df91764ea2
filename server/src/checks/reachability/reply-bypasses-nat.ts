import { formatPrefix } from "../../addressing/ip.ts";
import type { Check } from "../../findings/check.ts";
import { reportHalfOpen, whoReceivesNoReply } from "../../findings/half-open.ts";
import { machineText } from "../../findings/machines.ts";
import { appendFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const home = (nat: string): string => `segment lan { cidr 192.168.1.0/24; gateway gw }
segment wan { cidr 203.0.113.0/24 }
router gw {
  attach lan 192.168.1.1
  attach wan 203.0.113.2
  masquerade from 192.168.1.0/24 out wan${nat}
  port-forward 443/tcp -> 192.168.1.20
}
host web { attach lan 192.168.1.20; listen 443/tcp }
host laptop { attach lan 192.168.1.9 }
`;

export const replyBypassesNat: Check<"KN248"> = {
  code: "KN248",
  name: "reply-bypasses-nat",
  family: "reachability",
  severity: "warning",
  summary: "Replies bypass the machine that rewrote the destination of their requests.",
  documentation: `## What happens

A router forwards a port to a machine on the client's own network. The request passes the router, which rewrites its destination, but the
server sees the client's address and replies to it directly. The client expects a reply from the router's address and rejects the
packet. From other networks, the same port works.

## How to fix it

Masquerade these requests, so replies return through the router (hairpin NAT), or use the server's own address inside the network.`,
  example: { bad: home(""), good: home("\n  masquerade from 192.168.1.0/24 out lan") },
  run: (context) =>
    reportHalfOpen(replyBypassesNat, context, {
      kind: "nat-bypassed",
      message: (one) => {
        const { station } = one.cause;
        const machine = station ? machineText(station) : t`the router`;
        const server = one.example.outcome.journey.end;
        return t`${machine} rewrites the destination, but \`${server}\` replies to the client directly: ${whoReceivesNoReply(one)}; masquerade these requests`;
      },
      fixes: ({ cause: { station }, example }) => {
        const src = example.from.station.interfaces.find(({ addresses }) =>
          addresses.some(({ ip }) => ip === example.from.ip),
        );
        const cidr = context.peopled.segments
          .get(src?.segment ?? "")
          ?.cidrs.find((one) => typeof one.ip === typeof example.ip);
        if (!station || !src || !cidr) return [];
        const text = `masquerade from ${formatPrefix(cidr)} out ${src.segment}`;
        return [appendFix(t`Add \`${text}\` to \`${station.path}\``, station.source, text)];
      },
    }),
};
