import { sourceAt } from "../../declared/navigate.ts";
import { reasonOf, reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const cluster = (value: number): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
segment storage { cidr 192.168.30.0/24; gateway 192.168.30.1 }
router core { attach lan 192.168.10.1; attach storage 192.168.30.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan; iface eth0 }
  node n1 { attach storage 192.168.30.11 }
  node n2 {
    attach lan 192.168.10.12
    attach storage 192.168.30.12
    sysctl net.ipv4.conf.all.rp_filter ${value}
  }
  pod a on n1
  pod b on n2
}
`;

export const rpFilter: Check<"KN207"> = {
  code: "KN207",
  name: "reverse-path-filter",
  family: "reachability",
  severity: "error",
  summary: "Strict reverse path filtering drops packets on a node.",
  documentation: `## What happens

With \`rp_filter=1\` (strict), the kernel drops a packet unless the route back to its source uses the interface that the packet
arrived on. With asymmetric routing, for example on nodes with two networks, packets in one direction are dropped silently:
no ICMP error is sent, and nothing is logged (\`log_martians\` is off).

## How to fix it

Set \`rp_filter\` to 2 (loose) or 0, or make the paths symmetric. The kernel uses the larger of the \`all\` value and the
interface's value.

## References

- RFC 3704
- Linux: \`fib_validate_source\``,
  example: { bad: cluster(1), good: cluster(2) },
  run: (context) =>
    reportCauses(rpFilter, context, {
      kind: "rp-filter",
      message: (cause) =>
        t`${whoCannot(cause)}: ${reasonOf(cause)}; set \`rp_filter\` to 2 (loose), or make the paths symmetric`,
      fixes: ({ source }) =>
        source.decl.spec?.keyword === "sysctl" ? [replaceFix(t`Change to 2 (loose)`, sourceAt(source, 1), "2")] : [],
    }),
};
