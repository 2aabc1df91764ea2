import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const calicoBlockSize: Check<"KN152"> = {
  code: "KN152",
  name: "calico-block-size",
  family: "addresses",
  severity: "error",
  summary: "Calico rejects an IP pool's block size.",
  documentation: `## What happens

Calico accepts block sizes from /20 to /32 for IPv4 and from /116 to /128 for IPv6, and a block cannot be larger than
its pool. It rejects a pool with any other block size.

## How to fix it

Set \`block-size\` to an allowed value. The default is /26 (64 addresses). Larger blocks mean fewer routes; smaller blocks
waste fewer addresses. The block size of an existing pool cannot be changed.

## References

- Calico: \`libcalico-go/lib/clientv3/ippool.go\``,
  example: {
    bad: twoNodes("cni calico {\n  pool a 10.244.0.0/16 { block-size /16 }\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/16 { block-size /24 }\n}"),
  },
  message: ({ pool, cidr, size, min, max }) =>
    min > size && min > 20 && min !== 116
      ? t`block size /${size} is larger than pool \`${pool}\` (${cidr}): Calico rejects the pool; use /${min} to /${max}`
      : t`block size /${size} of pool \`${pool}\` (${cidr}) is out of range: Calico rejects the pool; use /${min} to /${max}`,
  fixes: ({ size, min, max }, source) => {
    const nearest = size < min ? min : max;
    return [replaceFix(t`Change block size to /${nearest}`, sourceAt(source, 0), `/${nearest}`)];
  },
};
