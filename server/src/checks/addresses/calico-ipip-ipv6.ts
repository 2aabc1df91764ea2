import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix, replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const calicoIpipIpv6: Check<"KN154"> = {
  code: "KN154",
  name: "calico-ipip-ipv6",
  family: "addresses",
  severity: "error",
  summary: "An IPv6 pool enables IPIP.",
  documentation: `## What happens

IPIP is IP protocol 4, which carries IPv4 in IPv4. Calico rejects \`ipip\` in an IPv6 pool.

## How to fix it

Use \`vxlan\`, or no encapsulation.`,
  example: {
    bad: twoNodes("cni calico {\n  pool a fd00:244::/64 { ipip always }\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/16 { ipip always }\n}"),
  },
  message: ({ pool, cidr }) =>
    t`pool \`${pool}\` (${cidr}) is IPv6, but IPIP carries only IPv4: Calico rejects the pool`,
  fixes: (_, source) => [
    replaceFix(t`Use \`vxlan\``, sourceAt(source, "keyword"), "vxlan"),
    removeFix(t`Remove the encapsulation`, sourceAt(source, "whole")),
  ],
};
