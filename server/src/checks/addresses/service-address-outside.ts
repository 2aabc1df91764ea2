import { family, formatIp, formatPrefix, prefixContains } from "../../addressing/ip.ts";
import { childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { removeFix } from "../../fixes/fix.ts";
import { withStatedAddress } from "../../questions/per-service.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export const serviceAddressOutside: Check<"KN190"> = {
  code: "KN190",
  name: "service-address-outside",
  family: "addresses",
  severity: "error",
  summary: "A ClusterIP is outside the cluster's service CIDR.",
  documentation: `## What happens

kube-apiserver rejects the service: *provided IP is not in the valid range*.

## How to fix it

Use an address in the service CIDR, preferably in its lower part, which Kubernetes reserves for static assignment. Or
remove \`cluster-ip\`: Kubernetes then allocates a free address.`,
  example: { bad: shop(service("cluster-ip 10.97.0.20")), good: shop(service("cluster-ip 10.96.0.20")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { name, serviceCidrs } = cluster;
      for (const one of withStatedAddress(cluster)) {
        for (const ip of one.clusterIps) {
          const ranges = serviceCidrs.filter(({ prefix }) => family(prefix.ip) === family(ip));
          if (ranges.some(({ prefix }) => prefixContains(prefix, ip))) continue;
          const place = childOf(one.source, "cluster-ip");
          const text = formatIp(ip);
          const message =
            ranges.length === 0
              ? t`ClusterIP ${text} of service \`${one.name}\` is not valid because cluster \`${name}\` has no IPv${family(ip)} service CIDR: kube-apiserver rejects the service`
              : t`ClusterIP ${text} of service \`${one.name}\` is outside the service CIDR ${list(ranges.map(({ prefix }) => formatPrefix(prefix)))} of cluster \`${name}\`: kube-apiserver rejects the service`;
          yield finding(serviceAddressOutside, place, message, {
            related: ranges.map(({ prefix, source }) => ({
              source,
              message: t`service CIDR ${formatPrefix(prefix)}`,
            })),
            fixes: [removeFix(t`Remove \`cluster-ip\` and allocate a free address`, place)],
          });
        }
      }
    }
  },
};
