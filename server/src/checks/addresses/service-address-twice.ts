import { addIp, formatIp, type Ip } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import type { Cluster, Service } from "../../topology/model.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, removeFix, replaceFix } from "../finding.ts";
import { withStatedAddress } from "../services/each.ts";
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
  summary:
    "Two services have the same ClusterIP, or one has that of the API server; or the same port of one outer address.",
  documentation: `kube-apiserver refuses the second: *provided IP is already allocated*. The first address of the range belongs to the service \`kubernetes\` of the API
server itself; by convention the cluster's DNS has the tenth.

A load balancer's or external address may be that of several services as long as their ports differ (MetalLB wants them to say so, *allow-shared-ip*). Of one
port only one service can be meant: MetalLB leaves the second one Pending, and of two external addresses the first rule wins.`,
  example: { bad: shop(both("10.96.0.20")), good: shop(both("10.96.0.21")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const reserved = new Map<Ip, Source>();
      for (const { prefix, source } of cluster.serviceCidrs) {
        const own = addIp(prefix.ip, 1);
        if (own !== undefined) reserved.set(own, source);
      }
      const taken = new Map<Ip, Service>();
      // An address that was handed out is nobody else's.
      for (const one of withStatedAddress(cluster)) {
        for (const ip of one.clusterIps) {
          const before = holderOf(reserved.get(ip), taken.get(ip));
          if (!before) {
            taken.set(ip, one);
            continue;
          }
          const place = childOf(one.source, "cluster-ip");
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
      yield* sharedPorts(cluster);
    }
  },
};

/** Services that want one port of one address outside. */
function* sharedPorts(cluster: Cluster): Iterable<Finding> {
  const taken = new Map<string, Service>();
  for (const one of cluster.services.all) {
    for (const { ip, source } of [...one.loadBalancerIps, ...one.externalIps]) {
      const keys = one.ports.map(({ port, proto }) => ({ key: `${formatIp(ip)} ${port}/${proto}`, port, proto }));
      const clash = keys.find(({ key }) => taken.has(key) && taken.get(key) !== one);
      const before = clash && taken.get(clash.key);
      for (const { key } of keys) if (!taken.has(key)) taken.set(key, one);
      if (!clash || !before) continue;
      const free = freeBeside(cluster, ip);
      yield finding(
        serviceAddressTwice,
        source,
        `services ${before.name} and ${one.name} both want ${clash.port}/${clash.proto} of ${formatIp(ip)}: only the first one gets packets there; give the second one another address or port`,
        {
          related: [{ source: before.source, message: `${before.name} has it` }],
          fixes: free ? [replaceFix(`Use ${formatIp(free)}, the next one`, source, formatIp(free))] : [],
        },
      );
    }
  }
}

/** The next address behind it that no service has; whether a machine has it the proof says. */
function freeBeside({ services }: Cluster, ip: Ip): Ip | undefined {
  for (let next = addIp(ip, 1), tries = 0; next !== undefined && tries < 64; next = addIp(next, 1), tries++)
    if (services.byAddress(next).length === 0) return next;
  return undefined;
}

function holderOf(
  reserved: Source | undefined,
  other: Service | undefined,
): { readonly name: string; readonly source: Source } | undefined {
  if (reserved) return { name: "the API server's service kubernetes", source: reserved };
  return other && { name: `service ${other.name}`, source: childOf(other.source, "cluster-ip") };
}
