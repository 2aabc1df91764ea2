import { formatPrefix, parsePrefix } from "../../addressing/ip.ts";
import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { nextFree } from "../../questions/free.ts";
import { t } from "../../text/l10n.ts";

export const calicoPoolLinkLocal: Check<"KN151"> = {
  code: "KN151",
  name: "calico-pool-link-local",
  family: "addresses",
  severity: "error",
  summary: "An IP pool overlaps link-local addresses.",
  documentation: `## What happens

The next hop of every pod is 169.254.1.1, an address that no interface has, and link-local addresses are not routed.
Calico rejects a pool that overlaps 169.254.0.0/16 or fe80::/10.

## How to fix it

Use a private range.

## References

- Calico: \`libcalico-go/lib/clientv3/ippool.go\`
- [RFC 3927: Dynamic Configuration of IPv4 Link-Local Addresses](https://www.rfc-editor.org/rfc/rfc3927)
- [RFC 4291: IP Version 6 Addressing Architecture](https://www.rfc-editor.org/rfc/rfc4291)`,
  example: {
    bad: twoNodes("cni calico {\n  pool a 169.254.0.0/17\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/16\n}"),
  },
  message: ({ pool, cidr, range }) =>
    t`pool \`${pool}\` (${formatPrefix(cidr)}) overlaps link-local range ${range}, which contains the pods' next hop: Calico rejects the pool`,
  fixes: ({ cidr }, source, { topology }) => {
    const usual = parsePrefix(typeof cidr.ip === "bigint" ? "fd00:10:244::/64" : "10.244.0.0/16")?.prefix;
    const free = usual && nextFree(topology, { ip: usual.ip, len: Math.max(cidr.len, usual.len) });
    const place = argumentWith(sourceAt(source, "whole"), (text) => text === formatPrefix(cidr));
    return free && place.part !== "whole"
      ? [replaceFix(t`Change to ${formatPrefix(free)} (free)`, place, formatPrefix(free))]
      : [];
  },
};
