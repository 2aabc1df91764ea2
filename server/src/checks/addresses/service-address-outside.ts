import { family, formatIp, formatPrefix, prefixContains } from "../../addressing/ip.ts";
import { list } from "../../text/words.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, removeFix } from "../finding.ts";
import { withStatedAddress } from "../services/each.ts";
import { service, shop } from "../services/example.ts";
import { childOf } from "../source.ts";

export const serviceAddressOutside: Check = {
  code: "KN190",
  name: "service-address-outside",
  family: "addresses",
  severity: "error",
  summary: "A service's ClusterIP lies outside the cluster's service range.",
  documentation: `kube-apiserver refuses it: *provided IP is not in the valid range*. Take an address of the range, best of its lower part, which Kubernetes leaves to stated
ones, or none: a free one is allocated.`,
  example: { bad: shop(service("cluster-ip 10.97.0.20")), good: shop(service("cluster-ip 10.96.0.20")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { name, serviceCidrs } = cluster;
      for (const one of withStatedAddress(cluster)) {
        for (const ip of one.clusterIps) {
          const ranges = serviceCidrs.filter(({ prefix }) => family(prefix.ip) === family(ip));
          if (ranges.some(({ prefix }) => prefixContains(prefix, ip))) continue;
          const place = childOf(one.source, "cluster-ip");
          const range =
            ranges.length === 0
              ? `no IPv${family(ip)} service range`
              : list(ranges.map(({ prefix }) => formatPrefix(prefix)));
          yield finding(
            serviceAddressOutside,
            place,
            `service ${one.name} has the ClusterIP ${formatIp(ip)}, and cluster ${name} has ${range}`,
            {
              related: ranges.map(({ prefix, source }) => ({
                source,
                message: `the range is ${formatPrefix(prefix)}`,
              })),
              fixes: [removeFix("Let a free address be allocated", place)],
            },
          );
        }
      }
    }
  },
};
