import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const calicoIpipIpv6: Check = {
  code: "KN154",
  name: "calico-ipip-ipv6",
  family: "addresses",
  severity: "error",
  summary: "An IPv6 pool has IPIP.",
  documentation: `IPIP is protocol 4, IPv4 in IPv4. Calico refuses \`ipip\` in a pool of IPv6 addresses; without encapsulation or with \`vxlan\` it works.`,
  example: {
    bad: twoNodes("cni calico {\n  pool a fd00:244::/64 { ipip always }\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/16 { ipip always }\n}"),
  },
  message: ({ pool, cidr }) =>
    `pool ${pool} (${cidr}) is IPv6, and IPIP carries IPv4 only: Calico refuses it; use vxlan, or no encapsulation`,
  fixes: (_, source) => [
    replaceFix("Use vxlan", sourceAt(source, "keyword"), "vxlan"),
    removeFix("Leave the encapsulation out", sourceAt(source, "whole")),
  ],
};
