import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { reportHalfOpen, whereLost, whoReceivesNoReply } from "../../findings/half-open.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const lab = (value: number): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
segment storage { cidr 192.168.30.0/24 }
segment office { cidr 10.50.0.0/24; gateway gw }
router gw {
  attach lan 192.168.10.1
  attach storage 192.168.30.1
  attach office 10.50.0.1
}
host nas {
  attach lan 192.168.10.9
  attach storage 192.168.30.9
  route 10.50.0.0/24 via 192.168.30.1
  listen 445/tcp
  sysctl net.ipv4.conf.all.rp_filter ${value}
}
host laptop { attach office 10.50.0.9 }
`;

export const replyRpFilter: Check<"KN245"> = {
  code: "KN245",
  name: "reply-reverse-path",
  family: "reachability",
  severity: "warning",
  summary: "Strict reverse path filtering drops packets of a machine with two networks.",
  documentation: `## What happens

A packet arrives through another interface than the one through which the machine sends packets to its source. With \`rp_filter=1\`
(strict), the kernel drops it silently: no ICMP error is sent, and nothing is logged (\`log_martians\` is off).

## How to fix it

Set \`rp_filter\` to 2 (loose), or make the paths symmetric. The kernel uses the larger of the \`all\` value and the interface's value.

## References

- RFC 3704
- Linux: \`fib_validate_source\``,
  example: { bad: lab(1), good: lab(2) },
  run: (context) =>
    reportHalfOpen(replyRpFilter, context, {
      kind: "reverse-path-filter",
      message: (one) =>
        t`strict \`rp_filter\` drops packets that arrive on \`${one.cause.device}\`: ${whoReceivesNoReply(one)}, because ${whereLost(one)}`,
      fixes: ({ source }) =>
        source.decl.spec?.keyword === "sysctl" ? [replaceFix(t`Change to 2 (loose)`, sourceAt(source, 1), "2")] : [],
    }),
};
