import { addIp, formatIp, type Ip } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, removeFix } from "../finding.ts";
import { service, shop } from "../services/example.ts";
import { childOf } from "../source.ts";

const both = (ip: string): string => `${service("cluster-ip 10.96.0.20")}
service web {
  select app=web
  cluster-ip ${ip}
  port 80 -> 8080
}`;

export const serviceAddressTwice: Check = {
  code: "KN191",
  name: "service-address-twice",
  family: "addresses",
  severity: "error",
  summary: "Two services have the same ClusterIP, or one has that of the API server.",
  documentation: `kube-apiserver refuses the second: *provided IP is already allocated*. The first address of the range belongs to the service \`kubernetes\` of the API
server itself; by convention the cluster's DNS has the tenth.`,
  example: { bad: shop(both("10.96.0.20")), good: shop(both("10.96.0.21")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { services, serviceCidrs } of topology.clusters) {
      const taken = new Map<Ip, { readonly name: string; readonly source: Source }>();
      for (const { prefix, source } of serviceCidrs) {
        const own = addIp(prefix.ip, 1);
        if (own !== undefined) taken.set(own, { name: "the API server's service kubernetes", source });
      }
      for (const one of services.all) {
        for (const ip of one.clusterIps) {
          const place = childOf(one.source, "cluster-ip");
          const before = taken.get(ip);
          if (!before) {
            taken.set(ip, { name: `service ${one.name}`, source: place });
            continue;
          }
          // The API server's own service may be written down.
          if (one.namespace === "default" && one.name === "kubernetes") continue;
          yield finding(
            serviceAddressTwice,
            place,
            `service ${one.name} has the ClusterIP ${formatIp(ip)}, which is that of ${before.name} already`,
            {
              related: [{ source: before.source, message: `${formatIp(ip)} of ${before.name}` }],
              fixes: [removeFix("Let a free address be allocated", place)],
            },
          );
        }
      }
    }
  },
};
