import { formatPrefix, parsePrefix } from "../../addressing/ip.ts";
import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { replaceFix } from "../finding.ts";
import { argumentWith, sourceAt } from "../source.ts";
import { nextFree } from "./free.ts";

export const calicoPoolLinkLocal: Check = {
  code: "KN151",
  name: "calico-pool-link-local",
  family: "addresses",
  severity: "error",
  summary: "An IP pool contains link-local addresses.",
  documentation: `Every pod's next hop is 169.254.1.1, which belongs to nobody, and link-local addresses are not routed (RFC 3927, RFC 4291). Calico refuses a pool that overlaps
169.254.0.0/16 or fe80::/10 (libcalico-go/lib/clientv3/ippool.go). Take a private range.`,
  example: {
    bad: twoNodes("cni calico {\n  pool a 169.254.0.0/17\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/16\n}"),
  },
  message: ({ pool, cidr, range }) =>
    `pool ${pool} (${cidr}) overlaps ${range}, which holds the pods' own next hop: Calico refuses it; take a private range`,
  fixes: ({ cidr }, source, { topology }) => {
    const given = parsePrefix(String(cidr))?.prefix;
    const usual = parsePrefix(typeof given?.ip === "bigint" ? "fd00:10:244::/64" : "10.244.0.0/16")?.prefix;
    const free = given && usual && nextFree(topology, { ip: usual.ip, len: Math.max(given.len, usual.len) });
    const place = argumentWith(sourceAt(source, "whole"), (text) => text === cidr);
    return free && place.part !== "whole"
      ? [replaceFix(`Use ${formatPrefix(free)}, which is free`, place, formatPrefix(free))]
      : [];
  },
};
