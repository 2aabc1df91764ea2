import { addIp, formatIp, type Ip } from "../../addressing/ip.ts";
import { childOf } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { removeFix, replaceFix } from "../../fixes/fix.ts";
import { withStatedAddress } from "../../questions/per-service.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Service } from "../../topology/model.ts";

const both = (ip: string): string => `${service("cluster-ip 10.96.0.20")}
service web {
  select app=web
  cluster-ip ${ip}
  port 80 -> 8080
}`;

export const serviceAddressTwice: Check<"KN191"> = {
  code: "KN191",
  name: "service-address-twice",
  family: "addresses",
  severity: "error",
  summary: "A ClusterIP, or a port of an external address, is used twice.",
  documentation: `## What happens

kube-apiserver rejects the second service: *provided IP is already allocated*. The first address of the service CIDR
belongs to the \`kubernetes\` service (the API server). By convention, the cluster DNS service has the tenth
address.

Several services can share a load balancer IP or an external IP if their ports differ (MetalLB requires the
*allow-shared-ip* annotation). Each port of the address can belong to only one service: for a load balancer IP, MetalLB
leaves the second service Pending; for an external IP, the first rule takes precedence.

## How to fix it

Use a different address or port for one of the services. Without \`cluster-ip\`, Kubernetes allocates a free ClusterIP.`,
  example: { bad: shop(both("10.96.0.20")), good: shop(both("10.96.0.21")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const reserved = new Map<Ip, Origin>();
      for (const { prefix, source } of cluster.serviceCidrs) {
        const own = addIp(prefix.ip, 1);
        if (own !== undefined) reserved.set(own, source);
      }
      const taken = new Map<Ip, Service>();
      // Allocated addresses are unique, so only explicit ones are compared.
      for (const one of withStatedAddress(cluster)) {
        for (const ip of one.clusterIps) {
          const before = holderOf(reserved.get(ip), taken.get(ip));
          if (!before) {
            taken.set(ip, one);
            continue;
          }
          const place = childOf(one.source, "cluster-ip");
          // The topology can declare the API server's own service.
          if (one.namespace === "default" && one.name === "kubernetes") continue;
          yield finding(
            serviceAddressTwice,
            place,
            t`duplicate ClusterIP ${formatIp(ip)}: service \`${one.name}\` and ${before.name} both use it`,
            {
              related: [{ source: before.source, message: t`${before.name} uses ${formatIp(ip)}` }],
              fixes: [removeFix(t`Remove \`cluster-ip\` and allocate a free address`, place)],
            },
          );
        }
      }
      yield* sharedPorts(cluster);
    }
  },
};

/** Services that use the same port of the same external address. */
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
        t`services \`${one.name}\` and \`${before.name}\` both use port ${clash.port}/${clash.proto} of ${formatIp(ip)}: only \`${before.name}\` receives packets`,
        {
          related: [
            { source: before.source, message: t`service \`${before.name}\` uses port ${clash.port}/${clash.proto}` },
          ],
          fixes: free ? [replaceFix(t`Change to ${formatIp(free)} (next free address)`, source, formatIp(free))] : [],
        },
      );
    }
  }
}

/** The next address that no service uses. The service layer verifies a fix, so an address of a machine is not offered. */
function freeBeside({ services }: Cluster, ip: Ip): Ip | undefined {
  for (let next = addIp(ip, 1), tries = 0; next !== undefined && tries < 64; next = addIp(next, 1), tries++)
    if (services.byAddress(next).length === 0) return next;
  return undefined;
}

function holderOf(
  reserved: Origin | undefined,
  other: Service | undefined,
): { readonly name: string; readonly source: Origin } | undefined {
  if (reserved) return { name: t`service \`kubernetes\` of the API server`, source: reserved };
  return other && { name: t`service \`${other.name}\``, source: childOf(other.source, "cluster-ip") };
}
