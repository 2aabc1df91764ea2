import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const calicoBlockSize: Check = {
  code: "KN152",
  name: "calico-block-size",
  family: "addresses",
  severity: "error",
  summary: "An IP pool's block size is one that Calico refuses.",
  documentation: `Blocks are /20 to /32, for IPv6 /116 to /128, and not larger than their pool (libcalico-go/lib/clientv3/ippool.go). The size cannot be changed later. /26 (64
addresses) is the default: larger blocks mean fewer routes, smaller ones waste fewer addresses.`,
  example: {
    bad: twoNodes("cni calico {\n  pool a 10.244.0.0/16 { block-size /16 }\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/16 { block-size /24 }\n}"),
  },
  message: ({ pool, cidr, size, min, max }) =>
    Number(min) > Number(size) && Number(min) > 20 && Number(min) !== 116
      ? `blocks of /${size} are larger than pool ${pool} itself (${cidr}): Calico refuses it; use /${min} to /${max}`
      : `block-size /${size} of pool ${pool} (${cidr}) is not one of /${min} to /${max}: Calico refuses it`,
  fixes: ({ size, min, max }, source) => {
    const nearest = Number(size) < Number(min) ? min : max;
    return [replaceFix(`Use /${nearest}`, sourceAt(source, 0), `/${nearest}`)];
  },
};
